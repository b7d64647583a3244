"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a place beside ``path`` to write to, which takes its name in the end; where writing fails it is removed.

    What ``path`` held before stays until then. A kill may leave the place behind, under a name that begins with a dot.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)  # noqa: PTH105 - atomic within one file system
    finally:
        partial.unlink(missing_ok=True)
