"""The chat template a model was trained with: its hash is kept beside the weights and compared whenever the model is used."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

ABOUT = "eurus.json"
"""Beside the weights: what a reader of the model may want to compare with."""


def template_hash(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """Return the SHA-256 of a tokenizer's chat template; None where it has none."""
    template = tokenizer.chat_template
    return hashlib.sha256(template.encode()).hexdigest() if isinstance(template, str) else None


def keep_template_hash(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write down what a model was trained with."""
    about = {"chat_template": template_hash(tokenizer)}
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def compare_template(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Warn where a model was trained with another chat template than its tokenizer has now; once a process."""
    try:
        kept = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["chat_template"]
    except (OSError, ValueError, LookupError, TypeError):  # a model from elsewhere, of which nothing is known
        return
    found = template_hash(tokenizer)
    if kept is not None and kept != found:
        _warn(folder, str(kept), found)


@functools.cache
def _warn(folder: Path, kept: str, found: str | None) -> None:
    log.warning(
        "%s was trained with another chat template (SHA-256 %.12s in %s) than its tokenizer has (%s): it reads what it never "
        "saw, and its replies and rewards mean less. Put the template back, or remove %s if the change is meant.",
        folder,
        kept,
        ABOUT,
        "none" if found is None else found[:12],
        ABOUT,
    )
