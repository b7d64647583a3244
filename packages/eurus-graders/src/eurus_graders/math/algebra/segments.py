"""Sets of real numbers as segments: intervals, unions, intersections, differences, solved inequalities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eurus_graders.math.algebra.inequalities import Bound, solve
from eurus_graders.math.algebra.relations import MIRRORED
from eurus_graders.math.algebra.scalars import Scalar, is_scalar
from eurus_graders.math.algebra.terms import (
    Apply,
    Constant,
    Intersection,
    Interval,
    Relation,
    Sequence,
    Term,
    Union,
    Without,
    symbols,
)

MAX_ITEMS = 256
INFINITY = Constant("oo")
MINUS_INFINITY = Apply("neg", (INFINITY,))


class NotReal(Exception):
    """A segment's end is no real number."""


@dataclass(frozen=True)
class Segment:
    """Real numbers from low to high; a point where both ends are the same closed number."""

    low: Scalar
    high: Scalar
    low_closed: bool
    high_closed: bool

    @cached_property
    def ends(self) -> tuple[Any, Any]:
        """Both ends as real numbers; NotReal where one is none."""
        low, high = self.low.real, self.high.real
        if low is None or high is None:
            raise NotReal
        return low, high

    @property
    def empty(self) -> bool:
        low, high = self.ends
        return not (low < high or (low == high and self.low_closed and self.high_closed))


def is_real_set(term: Term) -> bool:
    """Return whether a term can be nothing but a set of real numbers."""
    match term:
        case Interval() | Union() | Intersection() | Without():
            return True
        case Relation(_, operators):
            return not {"=", "!=", "~"}.intersection(operators) or operators == ("!=",)
        case Sequence("bare" | "or", items):
            return len(items) > 1 and all(map(is_real_set, items))
        case _:
            return False


def segments(term: Term) -> tuple[Segment, ...] | None:
    """Return a real set as merged segments in rising order; None where the term is none, or its ends are no numbers."""
    try:
        parts = _parts(term)
        if parts is None or len(parts) > MAX_ITEMS:
            return None
        merged: list[Segment] = []
        for part in sorted((p for p in parts if not p.empty), key=lambda p: (p.ends[0], not p.low_closed)):
            if merged and _touch(merged[-1], part):
                last = merged[-1]
                if (part.ends[1], part.high_closed) > (last.ends[1], last.high_closed):
                    merged[-1] = Segment(last.low, part.high, last.low_closed, part.high_closed)
            else:
                merged.append(part)
        return tuple(merged)
    except NotReal:
        return None


def _touch(one: Segment, following: Segment) -> bool:
    gap = following.ends[0] - one.ends[1]
    return bool(gap < 0 or (gap == 0 and (one.high_closed or following.low_closed)))


def _parts(term: Term) -> list[Segment] | None:
    match term:
        case Interval(low, high, low_closed, high_closed):
            return _between(low, high, low_closed, high_closed)
        case Sequence("tuple", (low, high)):
            return _between(low, high, False, False)
        case Sequence("list", (low, high)):
            return _between(low, high, True, True)
        case Sequence("set", items):
            return [_segment(one, one, True, True) for one in items] if all(map(is_scalar, items)) else None
        case Union(members) | Sequence("or", members):
            return _joined(members)
        case Intersection(members):
            return _common(members)
        case Sequence("bare", members):
            return _common(members) if _are_conditions(members) else _joined(members)
        case Without(whole, removed):
            return _removed(whole, removed)
        case Relation(sides, ("in",)):
            return _parts(sides[1])
        case Relation():
            return solved(term)
        case _:
            return None


def _between(low: Term, high: Term, low_closed: bool, high_closed: bool) -> list[Segment] | None:
    """Return an interval; None where its ends do not rise: (2, 1) is a point of the plane, and [2, 1) no other way to write it."""
    if not (is_scalar(low) and is_scalar(high)):
        return None
    found = _segment(low, high, low_closed, high_closed)
    return None if found.empty else [found]


def _segment(low: Term, high: Term, low_closed: bool, high_closed: bool) -> Segment:
    return Segment(Scalar(low), Scalar(high), low_closed, high_closed)


def _are_conditions(terms: tuple[Term, ...]) -> bool:
    """Return whether terms restrict one unknown: inequalities, and perhaps where it is from."""
    operators = [set(term.operators) if isinstance(term, Relation) else {""} for term in terms]
    return all(one <= {*MIRRORED, "!=", "in"} for one in operators) and any(
        one <= {*MIRRORED, "!="} for one in operators
    )


def _joined(members: tuple[Term, ...]) -> list[Segment] | None:
    found: list[Segment] = []
    for member in members:
        parts = _parts(member)
        if parts is None:
            return None
        found.extend(parts)
    return found


def _common(members: tuple[Term, ...]) -> list[Segment] | None:
    """Return the numbers in every one of some sets, or that satisfy every inequality of a list."""
    common: list[Segment] | None = None
    for member in members:
        parts = _parts(member)
        if parts is None or len(parts) * len(common or ()) > MAX_ITEMS:
            return None
        common = parts if common is None else _intersection(common, parts)
    return common


def _intersection(first: list[Segment], second: list[Segment]) -> list[Segment]:
    return [_overlap(one, other) for one in first for other in second]


def _overlap(one: Segment, other: Segment) -> Segment:
    low = max(one, other, key=lambda s: (s.ends[0], not s.low_closed))
    high = min(one, other, key=lambda s: (s.ends[1], s.high_closed))
    return Segment(low.low, high.high, low.low_closed, high.high_closed)


def _removed(whole: Term, removed: Term) -> list[Segment] | None:
    """Return a set without finitely many points."""
    parts, points = segments(whole), removed.items if isinstance(removed, Sequence) else (removed,)
    if parts is None or not all(map(is_scalar, points)):
        return None
    left = list(parts)
    for point in map(Scalar, points):
        at = point.real
        if at is None or len(left) > MAX_ITEMS:
            return None
        split: list[Segment] = []
        for part in left:
            if part.ends[0] <= at <= part.ends[1]:
                split.append(Segment(part.low, point, part.low_closed, False))
                split.append(Segment(point, part.high, False, part.high_closed))
            else:
                split.append(part)
        left = [part for part in split if not part.empty]
    return left


def solved(relation: Relation) -> list[Segment] | None:
    """Return the solutions of an inequality, or a chain of them, in one unknown; None where our rules do not solve it."""
    names = symbols(relation)
    if len(names) != 1 or not all(map(is_scalar, relation.sides)) or not set(relation.operators) <= {*MIRRORED, "!="}:
        return None
    common = [_segment(MINUS_INFINITY, INFINITY, False, False)]
    for left, operator, right in zip(relation.sides, relation.operators, relation.sides[1:], strict=False):
        if (left, operator) in _ALWAYS or (operator, right) in _ALWAYS:
            continue
        found = solve(left, operator, right, next(iter(names)))
        if found is None:
            return None
        common = _intersection(common, [segment for bounds in found for segment in _within(bounds)])
    return common


def _within(bounds: tuple[Bound, ...]) -> list[Segment]:
    within = [_segment(MINUS_INFINITY, INFINITY, False, False)]
    for bound in bounds:
        within = _intersection(within, _beyond(bound))
    return [segment for segment in within if not segment.empty]


_ALWAYS = {(MINUS_INFINITY, "<"), (INFINITY, ">"), ("<", INFINITY), (">", MINUS_INFINITY)}


def _beyond(bound: Bound) -> list[Segment]:
    """Return the numbers below, above or off a value."""
    operator, value = bound.operator, bound.value
    if operator == "!=":
        return [_segment(MINUS_INFINITY, value, False, False), _segment(value, INFINITY, False, False)]
    closed = "=" in operator
    if operator.startswith("<"):
        return [_segment(MINUS_INFINITY, value, False, closed)]
    return [_segment(value, INFINITY, closed, False)]
