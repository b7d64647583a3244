"""Checkpoints on disk: whole or passed over, the newest alone kept."""

from __future__ import annotations

import shutil
from pathlib import Path

CHECKPOINTS, TOKENS = "checkpoints", "tokens"
"""Folders of a stage that only a resumed run needs."""
COMPLETE = "complete"
"""A checkpoint without this file was cut short by a kill."""


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint below a folder."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path | None) -> int:
    """Return how many steps a checkpoint has behind it; none has none."""
    return 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])


def complete(folder: Path, step: int) -> None:
    """Mark the checkpoint of that step as whole and remove all others."""
    newest = folder / f"checkpoint-{step}"
    (newest / COMPLETE).touch()
    for other in folder.glob("checkpoint-*"):
        if other != newest:
            shutil.rmtree(other)


def clear(stage_folder: Path) -> None:
    """Remove what a stage that is finished needs no more."""
    for name in (CHECKPOINTS, TOKENS):
        shutil.rmtree(stage_folder / name, ignore_errors=True)
