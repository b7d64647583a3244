"""What a check before the first step found, and how much it matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "warning", "failed"]
"""A failed check would spoil the run; a warning says what to look at."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    outcome: Outcome
    found: str
