"""Solving inequalities in one unknown: linear, quadratic, and absolute values of those, as conditions on where it lies.

Roots are kept as terms, so that an exact one stays exact. Anything else is left unsolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from eurus_graders.math.algebra import numeric
from eurus_graders.math.algebra.relations import MIRRORED, difference
from eurus_graders.math.algebra.scalars import Scalar
from eurus_graders.math.algebra.terms import (
    MINUS_ONE,
    Apply,
    Number,
    Operator,
    Term,
    number,
    substituted,
    symbols,
    walk,
)

_TINY = 1e-30
_POINTS = (-1, 0, 1, 3, 4)
"""Three fix a quadratic, two more tell whether it is one."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The unknown lies below, above or off a value: ``x <= 2``."""

    operator: Operator
    value: Term


Solution = tuple[tuple[Bound, ...], ...]
"""Alternatives, each a list of bounds that hold together; an empty list holds everywhere, no alternative nowhere."""


def solve(left: Term, operator: Operator, right: Term, name: str) -> Solution | None:
    """Return where ``left operator right`` holds; None where these rules cannot tell."""
    for side, other, sign in ((left, right, operator), (right, left, MIRRORED.get(operator, operator))):
        if isinstance(side, Apply) and side.function == "abs" and not symbols(other):
            if any(isinstance(one, Apply) and one.function == "abs" for one in walk(side.arguments[0])):
                return None  # each level would double the work
            return _absolute(side.arguments[0], sign, other, name)
    return _polynomial(difference(left, right), operator, name)


def _absolute(inside: Term, operator: Operator, limit: Term, name: str) -> Solution | None:
    limit_value = Scalar(limit).real
    if limit_value is None or limit_value <= 0 or operator == "!=":
        return None
    upper = solve(inside, operator, limit, name)
    lower = solve(inside, MIRRORED[operator], Apply("neg", (limit,)), name)
    if upper is None or lower is None:
        return None
    if operator.startswith(">"):
        return (*upper, *lower)
    return tuple((*one, *other) for one in upper for other in lower)


def _polynomial(term: Term, operator: Operator, name: str) -> Solution | None:
    coefficients = _coefficients(term, name)
    if coefficients is None:
        return None
    (constant, linear, square), values = coefficients
    if not values[2]:
        if not values[1]:
            return None
        root = Apply("*", (Apply("neg", (constant,)), Apply("^", (linear, MINUS_ONE))))
        return ((Bound(_turned(operator, values[1]), root),),)
    return _quadratic(constant, linear, square, values, operator)


def _quadratic(
    constant: Term, linear: Term, square: Term, values: tuple[Any, Any, Any], operator: Operator
) -> Solution | None:
    inside = difference(Apply("*", (linear, linear)), Apply("*", (number(4), square, constant)))
    scale = max(abs(values[1] * values[1]), abs(4 * values[2] * values[0]))
    discriminant = values[1] * values[1] - 4 * values[2] * values[0]
    if discriminant <= scale * _TINY:
        return _touching(linear, square, _turned(operator, values[2]), touches=discriminant >= -scale * _TINY)
    width = Apply("sqrt", (inside,))
    scale = Apply("^", (Apply("*", (number(2), square)), MINUS_ONE))
    roots = [
        Apply("*", (Apply("+", (Apply("neg", (linear,)), step)), scale)) for step in (Apply("neg", (width,)), width)
    ]
    low, high = roots if values[2] > 0 else roots[::-1]
    turned = _turned(operator, values[2])
    if turned == "!=":
        return ((Bound("!=", low), Bound("!=", high)),)
    outside = turned.startswith(">")
    if outside:
        return ((Bound(MIRRORED[turned], low),), (Bound(turned, high),))
    return ((Bound(MIRRORED[turned], low), Bound(turned, high)),)


def _touching(linear: Term, square: Term, operator: Operator, *, touches: bool) -> Solution:
    """Return where an upward parabola that never crosses the axis, but may touch it, compares with 0."""
    root = Apply("*", (Apply("neg", (linear,)), Apply("^", (Apply("*", (number(2), square)), MINUS_ONE))))
    if not touches or operator in (">=", "<"):
        return ((),) if operator.startswith((">", "!")) else ()
    if operator == "<=":
        return ((Bound("<=", root), Bound(">=", root)),)
    return ((Bound("!=", root),),)


def _turned(operator: Operator, factor: Any) -> Operator:
    return operator if factor > 0 else MIRRORED.get(operator, operator)


def _coefficients(term: Term, name: str) -> tuple[tuple[Term, Term, Term], tuple[Any, Any, Any]] | None:
    """Return the coefficients of a polynomial of at most the second degree, as terms and as values; None for anything else."""
    at: dict[int, tuple[Term, Any]] = {}
    for point in _POINTS:
        there = substituted(term, name, number(point))
        value = Scalar(there).real
        if value is None:
            return None
        at[point] = there, value
    scale = max(abs(value) for _, value in at.values())
    if not scale or not numeric.context().isfinite(scale):
        return None
    half = Number(Fraction(1, 2))
    (before, low), (constant, middle), (after, high) = at[-1], at[0], at[1]
    linear = Apply("*", (half, difference(after, before)))
    square = Apply("*", (half, Apply("+", (after, before, Apply("neg", (constant,)), Apply("neg", (constant,))))))
    b, a = (high - low) / 2, (high + low - 2 * middle) / 2
    b, a = (0 if abs(value) <= scale * _TINY else value for value in (b, a))
    for point in (3, 4):
        if abs(a * point * point + b * point + middle - at[point][1]) > scale * _TINY:
            return None
    return (constant, linear, square), (middle, b, a)
