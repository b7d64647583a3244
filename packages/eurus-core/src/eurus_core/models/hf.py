"""transformers, imported when first needed and kept quiet while it loads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from eurus_core.errors import MissingExtra

EXTRA = "eurus-core[models]"


def transformers() -> Any:
    """Return the module; MissingExtra where it or torch is not installed."""
    try:
        import torch  # noqa: F401 - transformers imports without it and fails later, with a worse message
        import transformers as module
    except ModuleNotFoundError as error:
        raise MissingExtra("Loading models", EXTRA) from error
    return module


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' progress bars and notes off the terminal."""
    logging: Any = transformers().utils.logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
