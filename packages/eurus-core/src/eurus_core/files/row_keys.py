"""The keys of a row, declared by the part that reads such rows: ``eurus parts`` shows them, and contracts test them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RowKeys:
    """What a row holds under each key: those that must be there, and those that may; and one row as an example."""

    needed: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.needed, *self.optional)

    def sentence(self) -> str:
        """Return what rows need, and what may be there, as errors say it."""
        more = f"; {_listed(self.optional)} may be there too" if self.optional else ""
        return f"Rows need {_listed(self.needed)}{more}."


def _listed(names: Mapping[str, str]) -> str:
    *first, last = (f'"{name}"' for name in names)
    return f"{', '.join(first)} and {last}" if first else last
