"""The command as a person typed it, so that what it made can be made again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

_KEY = "eurus_core.cli.typed"


def keep(context: click.Context, words: Sequence[str]) -> None:
    """Remember the words after ``eurus``, for this context and those below it."""
    context.meta[_KEY] = shlex.join(["eurus", *words])


def typed() -> str:
    """Return the command that is being carried out, quoted for a shell; empty where none is, as in a library's call."""
    context = click.get_current_context(silent=True)
    return "" if context is None else str(context.meta.get(_KEY, ""))
