"""Lazy package exports (PEP 562), so that importing a package for its ``plugin`` module costs nothing."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as of typing, which takes 8 ms to import

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def exports(package: str, homes: Mapping[str, Sequence[str]]) -> tuple[Callable[[str], object], list[str]]:
    """Return ``__getattr__`` and ``__all__`` for a package whose names live in submodules.

    ``homes`` maps a submodule to the names it defines.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{home_of[name]}"), name)

    return get, sorted(home_of)
