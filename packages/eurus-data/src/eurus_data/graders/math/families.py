"""Answers that are whole families: a free constant (``x^2 + C``), an integer that a letter stands for (``k pi, k in Z``)."""

from __future__ import annotations

from eurus_data.graders.math import equality, scalars
from eurus_data.graders.math.relations import difference
from eurus_data.graders.math.scalars import Scalar
from eurus_data.graders.math.terms import Apply, Relation, Sequence, Symbol, Term, number, substituted, symbols

_CONSTANTS = frozenset({"C", "c", "K", "k", "C_0", "C_1", "c_0", "c_1", "K_1", "c_2", "C_2"})
_VARIABLES = frozenset({"x", "t", "y", "u", "theta"})
"""What a family's members are functions of: without one, ``a + c`` and ``a + C`` are a side and an angle."""


def same_but_for_constant(one: Term, other: Term) -> str:
    """Compare two expressions with one free constant each, whatever its letter; one that is added takes any other with it."""
    pair = tuple(_constant(term) for term in (one, other))
    if pair[0] is None or pair[1] is None:
        return ""
    if pair[0] != pair[1]:
        one = substituted(one, pair[0], Symbol(pair[1]))
    if scalars.equal(Scalar(one), Scalar(other)):
        return "free constant"
    added = pair[1][0].isupper() and _is_added(one, pair[1]) and _is_added(other, pair[1])
    return "free constant" if added and _is_fixed(difference(one, other)) else ""


def _constant(term: Term) -> str | None:
    names = symbols(term)
    free = names & _CONSTANTS
    return next(iter(free)) if len(free) == 1 and names - free and names - free <= _VARIABLES else None


def _is_added(term: Term, name: str) -> bool:
    without = Apply("+", (substituted(term, name, number(0)), Symbol(name)))
    return bool(scalars.equal(Scalar(term), Scalar(without)))


def _is_fixed(term: Term) -> bool:
    """Whether an expression has one value wherever it has any."""
    values = [value for value, _ in Scalar(term).fingerprint if value is not None]
    return len(values) > 1 and all(abs(value - values[0]) < 1e-30 for value in values)


def same_for_integers(one: Term, other: Term) -> str:
    """Compare solutions for any integer; the letter is free, and saying what it stands for may be left out."""
    bodies, letters = zip(*map(_declared, (one, other)), strict=True)
    if not any(letters):
        return ""
    first, second = bodies
    if all(letters) and letters[0] != letters[1]:
        if letters[1] in symbols(first) or letters[0] in symbols(second):
            return ""
        first = substituted(first, letters[0], Symbol(letters[1]))
    return "any integer" if equality.same(first, second) else ""


def _declared(term: Term) -> tuple[Term, str]:
    """Return a term without the last item that says ``k in Z``, and that letter; the term itself and nothing where it has none."""
    match term:
        case Sequence("bare" | "or" as brackets, (*items, Relation((Symbol(name), Symbol("Z")), ("in",)))) if items:
            return (items[0] if len(items) == 1 else Sequence(brackets, tuple(items))), name
        case _:
            return term, ""
