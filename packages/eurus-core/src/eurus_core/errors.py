"""The errors of Eurus, as one tree.

    EurusError
    `-- UserError            someone outside the code can mend it: one line, exit status 2
        |-- InputError       a row or file that cannot be used; names file and line
        |-- RecipeError      a recipe or a setting; names file, line and the nearest right key
        |-- UnknownName      no part, stage, recipe or task of that name; suggests
        |-- PluginError      a plugin that breaks the contract
        |-- MissingExtra     an optional package is not installed; says how to install it
        `-- ModelError       a model that cannot be found, reached or used

Everything else that escapes is a bug of ours: traceback, exit status 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class EurusError(Exception):
    """Root of every error that Eurus raises on purpose."""


class UserError(EurusError):
    """Something the person at the keyboard can mend; shown as one line, exit status 2."""


class InputError(UserError):
    """A row or file that cannot be used: where, what was found, what is needed."""

    def __init__(self, found: str, *, needed: str = "", file: Path | str | None = None, line: int | None = None):
        where = "" if file is None else f"{file}: " if line is None else f"{file}, line {line}: "
        super().__init__(where + found.rstrip(".") + "." + (f" {needed}" if needed else ""))
        self.file, self.line, self.found, self.needed = file, line, found, needed


class RecipeError(UserError):
    """A recipe, profile or ``--set`` that cannot be used."""


class UnknownName(UserError):
    """A name that nothing offers."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = ""):
        meant = nearest(name, known)
        parts = [f"No {kind} named {name!r}."]
        if meant:
            parts.append(f"Did you mean {meant!r}?")
        if hint:
            parts.append(hint)
        super().__init__(" ".join(parts))


class PluginError(UserError):
    """A plugin that breaks the contract of :mod:`eurus_core.parts.hookspecs`."""


class MissingExtra(UserError):
    """An optional package is needed and not installed."""

    def __init__(self, what: str, requirement: str):
        from eurus_core.installing import (
            how_to_install,  # every start of the tool imports this module, few need that one
        )

        super().__init__(f"{what} needs packages that are not installed. {how_to_install(requirement)}")


class ModelError(UserError):
    """A model reference that cannot be resolved, reached or used."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` most likely meant, by its initials (``lr``) or its letters, or None."""
    by_folded = {candidate.lower().replace("_", "-"): candidate for candidate in known}
    folded = name.lower().replace("_", "-")
    initials = [one for one in by_folded if "-" in one and "".join(word[:1] for word in one.split("-")) == folded]
    close = initials if len(initials) == 1 else difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.5)
    return by_folded[close[0]] if close else None
