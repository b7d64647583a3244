"""The descriptor that plugins yield, and the marker they put on their hooks. Imports pluggy and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pluggy

API, OLDEST_API = 1, 1
"""The newest and the oldest plugin interface that this core serves. A component made for none of these is left out."""

hookspec = pluggy.HookspecMarker("eurus")
hookimpl = pluggy.HookimplMarker("eurus")

KINDS: dict[str, str] = {
    "commands": "command",
    "stages": "stage",
    "recipes": "recipe",
    "sources": "source",
    "tools": "tool",
    "functions": "function",
    "graders": "grader",
    "critics": "critic",
    "backends": "backend",
    "scorers": "scorer",
    "objectives": "objective",
    "formats": "format",
}
"""Kinds of component, plural (as in hook names and ``eurus parts KIND``) to singular."""


def bare(name: str) -> str:
    """Return a part's own name, without the distribution that a full name (``eurus-train/dpo``) begins with."""
    return name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class RunOption:
    """A flag of the commands that carry out recipes: it gives one setting to every part of the recipe that has it.

    It goes before what the recipe says, and belongs to the fingerprint of each stage whose parts take it.
    """

    flag: str
    setting: str
    choices: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class Component:
    """Something a plugin offers, by name. ``target`` is ``module:attribute`` (recipes: ``package:file.toml``).

    ``requires`` is the pip requirement that makes the target importable where it lives behind an extra. ``api`` is the plugin interface
    that the target is made for, or a pair of the oldest and the newest that it works with: ``(1, 2)``. Without it the target is made
    for the first, whatever this core serves.
    """

    name: str
    target: str
    summary: str = ""
    requires: str = ""
    api: int | tuple[int, int] = 1


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model lies, as ``eurus_find_model`` answers: ``location`` is a folder or a hub id."""

    location: str
    revision: str | None = None
