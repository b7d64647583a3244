"""Answers that are whole families: a free constant (``x^2 + C``), an integer that a letter stands for (``k pi, k in Z``)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from eurus_graders.math.algebra import scalars
from eurus_graders.math.algebra.relations import difference
from eurus_graders.math.algebra.scalars import Scalar
from eurus_graders.math.algebra.terms import Apply, Relation, Sequence, Symbol, Term, number, substituted, symbols

_CONSTANTS = frozenset({"C", "c", "K", "k", *(f"{letter}_{index}" for letter in "CcKk" for index in "0123")})
_COEFFICIENTS = _CONSTANTS | {"A", "B", "D"}
_INTEGERS = frozenset("kmn")
"""Letters that stand for integers where nothing is said of them."""
_VARIABLES = frozenset({"x", "t", "y", "u", "theta", "omega"})
"""What a family's members are functions of: without one, ``a + c`` and ``a + C`` are a side and an angle."""


def same_but_for_constants(one: Term, other: Term) -> str:
    """Compare two expressions with up to two free constants each, whatever their letters; one that is added takes any other with it.

    One at least is a capital or counted: ``kx`` and ``cx`` may be a spring's and a drag's.
    """
    first, second = _constants(one), _constants(other)
    if not first or len(first) != len(second) or not (_CONSTANTS.issuperset(first) or _CONSTANTS.issuperset(second)):
        return ""
    if not any(name[0].isupper() or "_" in name for name in (*first, *second)):
        return ""
    fresh = [Symbol(f"constant {at}") for at in range(len(first))]
    other = _renamed(other, second, fresh)
    for order in itertools.permutations(first):
        turned = _renamed(one, order, fresh)
        if scalars.equal(Scalar(turned), Scalar(other)):
            return "free constant"
    if len(first) > 1 or not all(name[0] in "CK" for name in (*first, *second)):
        return ""
    one = _renamed(one, first, fresh)
    added = all(_is_added(term, fresh[0]) for term in (one, other))
    return "free constant" if added and _is_fixed(difference(one, other)) else ""


def _constants(term: Term) -> list[str]:
    """Return the free constants of an expression in one of the usual variables; none where it is no such thing."""
    names = symbols(term)
    free = sorted(names & _COEFFICIENTS)
    return (
        free if len(free) <= _MOST_CONSTANTS and names.difference(free) and names.difference(free) <= _VARIABLES else []
    )


_MOST_CONSTANTS = 2


def _renamed(term: Term, names: Iterable[str], fresh: list[Symbol]) -> Term:
    for name, symbol in zip(names, fresh, strict=True):
        term = substituted(term, name, symbol)
    return term


def _is_added(term: Term, constant: Symbol) -> bool:
    without = Apply("+", (substituted(term, constant.name, number(0)), constant))
    return bool(scalars.equal(Scalar(term), Scalar(without)))


def _is_fixed(term: Term) -> bool:
    """Whether an expression has one value wherever it has any."""
    values = [value for value, _ in Scalar(term).fingerprint if value is not None]
    return len(values) > 1 and all(abs(value - values[0]) < 1e-30 for value in values)


def same_for_integers(one: Term, other: Term, same: Callable[[Term, Term], str]) -> str:
    """Compare solutions for any integer; the letter is free, and saying what it stands for may be left out. ``same`` compares what is left."""
    bodies, letters = zip(*map(_declared, (one, other)), strict=True)
    if not any(letters):
        return ""
    first, second = bodies
    if all(letters) and letters[0] != letters[1]:
        if letters[1] in symbols(first) or letters[0] in symbols(second):
            return ""
        first = substituted(first, letters[0], Symbol(letters[1]))
    elif not all(letters):
        (declared,) = filter(None, letters)
        first, second = bodies if letters[0] else bodies[::-1]
        said = symbols(second) & _INTEGERS - symbols(first)
        if declared not in symbols(second) and len(said) == 1:
            second = substituted(second, next(iter(said)), Symbol(declared))
    return "any integer" if same(first, second) else ""


def _declared(term: Term) -> tuple[Term, str]:
    """Return a term without the last item that says ``k in Z``, and that letter; the term itself and nothing where it has none."""
    match term:
        case Sequence("bare" | "or" as brackets, (*items, Relation((Symbol(name), Symbol("Z")), ("in",)))) if items:
            return (items[0] if len(items) == 1 else Sequence(brackets, tuple(items))), name
        case _:
            return term, ""
