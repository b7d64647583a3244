"""Texts of a recipe that begin with ``$``: ``"$grow.source"`` is the value of another setting, ``"$$5"`` the text ``$5``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeGuard

from eurus_core.errors import RecipeError

Key = tuple[str | int, ...]

MOST_VALUES = 1_000_000
"""A few references to references make a recipe of a page as large as one likes."""


def refers(value: object) -> TypeGuard[str]:
    """Return whether a value is a reference: a text that begins with one ``$``; two stand for the text itself."""
    return isinstance(value, str) and value.startswith("$") and not value.startswith("$$")


def followed(settings: dict[str, Any], key: Key, *, to_the_end: bool = True) -> Key | None:
    """Return where the first reference on the way to ``key`` leads, or the stage that it is taken from; None where it is written there.

    A reference that stands at ``key`` itself counts unless ``to_the_end`` is false.
    """
    value: Any = settings
    for at, part in enumerate(key):
        if at == 1 and isinstance(value, dict) and str(part) not in value and isinstance(value.get("like"), str):
            return (value["like"], *key[1:])
        if isinstance(value, dict) and str(part) in value:
            value = value[str(part)]
        elif isinstance(value, list) and str(part).isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
        if refers(value) and (to_the_end or at + 1 < len(key)):
            return (*_key(value), *key[at + 1 :])
    return None


def resolve(settings: dict[str, Any], file: str, where: Callable[[Key], str]) -> dict[str, Any]:
    """Replace every ``"$a.b"`` by the value at ``a.b``, and every ``"$$x"`` by the text ``$x``.

    ``where`` says of a key where it was written, for messages.
    """
    values = itertools.count(1)

    def look_up(reference: str, at: Key, chain: tuple[str, ...]) -> Any:
        if reference in chain:
            raise RecipeError(f"{file}: {' -> '.join((*chain, reference))} goes round in circles.")
        value: Any = settings
        for key in reference[1:].split("."):
            try:
                value = value[int(key)] if isinstance(value, list) else value[key]
            except (KeyError, ValueError, IndexError, TypeError):
                raise RecipeError(
                    f"{where(at)}: {reference!r} names a setting that is not there ({key!r}). "
                    f"Write {'$' + reference!r} for the text {reference!r}."
                ) from None
        return walk(value, _key(reference), (*chain, reference))

    def walk(value: Any, at: Key, chain: tuple[str, ...] = ()) -> Any:
        if next(values) > MOST_VALUES:
            raise RecipeError(f"{file}: more than {MOST_VALUES:,} values where its references are followed.")
        if isinstance(value, str) and value.startswith("$"):
            return look_up(value, at, chain) if refers(value) else value[1:]
        if isinstance(value, dict):
            return {key: walk(item, (*at, key), chain) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*at, place), chain) for place, item in enumerate(value)]
        return value

    resolved: dict[str, Any] = walk(settings, ())
    return resolved


def as_written(value: Any) -> Any:
    """Return resolved settings as a recipe would have them: a text that begins with ``$`` gets the second one back."""
    if isinstance(value, str) and value.startswith("$"):
        return f"${value}"
    if isinstance(value, dict):
        return {key: as_written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_written(item) for item in value]
    return value


def _key(reference: str) -> Key:
    return tuple(int(one) if one.isdecimal() else one for one in reference[1:].split("."))
