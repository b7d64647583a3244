"""The layers laid over a recipe: a profile's tables, and what ``--set PATH=VALUE`` gives."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from eurus_core.errors import RecipeError, nearest
from eurus_core.parts.component import bare
from eurus_core.runs.references import refers

Settings = dict[str, Any]

SET = "--set "
"""What the label of a layer begins with that the command line gave."""


class _Whole(Settings):
    """A table that takes the place of what was there, where others are laid over it."""


def assignment(text: str) -> tuple[tuple[str, ...], Any]:
    """Return (path, value) of one ``--set path=value``; a value that is not TOML is text."""
    path, equals, value = text.partition("=")
    keys = tuple(part.strip() for part in path.split("."))
    if not equals or not all(keys):
        raise RecipeError(f"--set {text!r}: write path=value, such as --set grow.problems=20.")
    if any("\ud800" <= character <= "\udfff" for character in text):  # how Python passes on what it cannot decode
        raise RecipeError(f"--set {text!r}: not UTF-8 text.")
    try:
        found = tomllib.loads(f"value = {value}")
    except ValueError:
        return keys, value.strip()
    return keys, found["value"] if len(found) == 1 else value.strip()


def layers_over(
    profiles: Any, profile: str | None, sets: Iterable[str], file: str, bare: bool
) -> list[tuple[str, Settings]]:
    """Return the profile's layer and those of ``--set`` in their order, each with the label by which messages name it."""
    layers: list[tuple[str, Settings]] = []
    if not isinstance(profiles, dict) or not all(isinstance(layer, dict) for layer in profiles.values()):
        raise RecipeError(f"{file}: 'profile' holds tables, such as [profile.tiny.grow].")
    if profile is not None:
        if profile not in profiles:
            meant = nearest(profile, profiles)
            known = f"It has: {', '.join(profiles)}." if profiles else "It has none."
            raise RecipeError(f"{file}: no profile {profile!r}. " + (f"Did you mean {meant!r}?" if meant else known))
        layers.append((f"profile {profile} of {file}", profiles[profile]))
    for text in sets:
        keys, value = assignment(text)
        layer: Any = _Whole(value) if isinstance(value, dict) else value
        for key in reversed(keys):
            layer = {key: layer}
        layers.append((f"{SET}{'.'.join(keys[bare:])}", layer))
    return layers


def merge(old: Any, new: Any, path: tuple[str, ...], label: str, notes: list[str]) -> Any:
    """Lay ``new`` over ``old``: tables merge unless whole, all else is replaced; a number addresses an element of an array."""
    whole = isinstance(new, _Whole)
    if isinstance(old, list) and isinstance(new, dict) and not whole and _are_places(new):
        merged_list = list(old)
        for key, value in new.items():
            index = int(key)
            if index >= len(merged_list):
                raise RecipeError(f"{label}: there are {len(merged_list)} elements; count from 0.")
            merged_list[index] = merge(merged_list[index], value, (*path, key), label, notes)
        return merged_list
    if not isinstance(new, dict):
        return new
    if refers(old) and not whole and "name" not in new and label.startswith(SET):
        at, own = ".".join(path), ".".join((old[1:], *_keys_of(new)))
        raise RecipeError(
            f"{label}: {at} is {old!r}, the value of another setting. Set {own!r}, or the whole of {at!r}."
        )
    if isinstance(old, str) and not old.startswith(("@", "$")):
        old = {"name": old}  # a bare part name and its table are one thing
    if not isinstance(old, dict):
        return new
    renamed = "name" in new and "name" in old and not _same_part(new["name"], old["name"])
    if renamed or whole:
        if dropped := [key for key in old if key != "name" and key not in new]:
            now = f"now {new['name']!r}" if renamed else "given as a whole"
            of = f" of {old['name']!r}" if "name" in old else ""
            notes.append(f"{label}: {'.'.join(path)} is {now}; dropped the settings{of}: {', '.join(dropped)}")
        return new
    merged = type(old)(old)
    for key, value in new.items():
        merged[key] = merge(old[key], value, (*path, key), label, notes) if key in old else value
    return merged


def _same_part(one: object, other: object) -> bool:
    """Return whether two names are one part's: ``dpo`` is the bare name of ``eurus-train/dpo``."""
    full = "/" in str(one) and "/" in str(other)
    return one == other if full else bare(str(one)) == bare(str(other))


def _keys_of(layer: Any) -> Iterator[str]:
    """Yield the keys on the way to the one value that ``--set`` gives."""
    while isinstance(layer, dict) and len(layer) == 1 and not isinstance(layer, _Whole):
        (key, layer), *_ = layer.items()
        yield key


def _are_places(table: Settings) -> bool:
    return bool(table) and all(re.fullmatch(r"\d{1,9}", key) for key in table)
