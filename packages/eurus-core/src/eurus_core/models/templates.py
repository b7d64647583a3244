"""Chat templates: a prompt's tokens through the model's own, and its hash, kept beside the weights and compared at each use."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eurus_core.errors import ModelError
from eurus_core.records import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

ABOUT = "eurus.json"
"""Beside the weights: what a reader of the model may want to compare with."""


def prompt_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """Return the tokens of a chat up to where the assistant's reply begins, through the model's own chat template.

    The template writes the special tokens, so none is added twice. ModelError where the model has no template.
    """
    if not tokenizer.chat_template:
        raise ModelError(
            f"{tokenizer.name_or_path} has no chat template: it is a base model. Use its instruct version, or save a "
            "template into its tokenizer."
        )
    chat = [{"role": message.role, "content": message.content} for message in messages]
    ids: Any = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=True, return_dict=False)
    return [int(token) for token in ids]


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
