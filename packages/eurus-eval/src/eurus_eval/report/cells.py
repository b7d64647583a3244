"""Numbers and table cells in words: what is right-aligned, and which cells carry a small interval bar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eurus_core.stages import progress
from eurus_core.stages.report import Table

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_SHARE = re.compile(rf"^({_NUMBER}) % \[({_NUMBER}), ({_NUMBER})\](?:, (.+))?$")
_POINTS = re.compile(rf"^([+-]\d+(?:\.\d+)?) \[({_NUMBER}), ({_NUMBER})\]$")
_STARTS_NUMERIC = re.compile(r"^(?:[<>]\s*)?[+-]?\.?\d")
LONG = 60
"""Letters from which a cell counts as running text."""


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval on a track, in percent of the track's width; ``zero`` marks where 0 lies on it, if it does."""

    value: float
    low: float
    high: float
    zero: float | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell as text. ``detail`` is the interval, shown fainter; ``bar`` draws it; ``remark`` is what limits the number."""

    text: str
    detail: str = ""
    bar: Bar | None = None
    long: bool = False
    remark: str = ""


def cells(table: Table) -> list[list[Cell]]:
    """Return the rows as cells; ``51.7 % [42.8, 60.4]`` and ``+4.2 [-3.1, +11.4]`` become a number, an interval and a bar.

    What stands after the brackets of a share, as in ``51.7 % [42.8, 60.4], 12 cut``, is its remark.
    """
    reach = max((abs(bound) for row in table.rows for cell in row for bound in _points_bounds(cell)), default=0.0)
    return [[_cell(cell, reach) for cell in row] for row in table.rows]


def right_aligned(table: Table) -> list[bool]:
    """Say for each column whether it holds numbers only; the first names the rows and never counts."""
    return [i > 0 and all(_numeric(row[i]) for row in table.rows if i < len(row)) for i in range(len(table.columns))]


def number(value: float | int) -> str:
    """Word a number: ``1,234`` ``0.0516`` ``-1.26`` ``3.2e-07``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def figure(name: str, value: float) -> str:
    """Word a stage's figure by its name: durations in minutes, shares in percent."""
    if name == "seconds" or name.endswith(" seconds"):
        return duration(value)
    if 0 <= value <= 1 and any(word in name for word in ("accuracy", "share", "ranked right")):
        return f"{100 * value:.1f} %"
    return number(value)


def duration(seconds: float | None) -> str:
    """Word a duration: ``0.8 s`` where it is short, else as progress does."""
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 9.95 else progress.duration(seconds)


def load(averages: Sequence[float], cores: int | None) -> str:
    """Word the machine's load before and after: ``load 1.1 to 3.1 on 2 cores``; nothing where it is not known."""
    if not averages:
        return ""
    told = " to ".join(dict.fromkeys(f"{average:.1f}" for average in averages))
    on = "" if cores is None else f" on {cores} core{'' if cores == 1 else 's'}"
    return f"load {told}{on}"


def _cell(value: Any, reach: float) -> Cell:
    if value is None:
        return Cell("–")
    if isinstance(value, bool | int | float):
        return Cell(number(value))
    text = str(value)
    if match := _SHARE.match(text):
        share, low, high = (float(match[place]) for place in (1, 2, 3))
        return Cell(f"{match[1]} %", f"[{match[2]}, {match[3]}]", Bar(share, low, high), remark=match[4] or "")
    if match := _POINTS.match(text):
        middle, low, high = (50 + 50 * float(bound) / (reach or 1) for bound in match.groups())
        return Cell(match[1], f"[{match[2]}, {match[3]}]", Bar(middle, low, high, zero=50))
    return Cell(text, long=len(text) > LONG or "\n" in text)


def _points_bounds(value: Any) -> Sequence[float]:
    match = _POINTS.match(value) if isinstance(value, str) else None
    return [float(bound) for bound in match.groups()] if match else []


def _numeric(value: Any) -> bool:
    return value is None or isinstance(value, int | float) or bool(_STARTS_NUMERIC.match(str(value)))
