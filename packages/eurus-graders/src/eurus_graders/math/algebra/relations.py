"""Relations: labels, choices of sign, roundings given with a value, equations that are multiples of each other."""

from __future__ import annotations

from typing import TypeGuard

from eurus_graders.math.algebra import numeric
from eurus_graders.math.algebra.scalars import Scalar, is_scalar, last_place
from eurus_graders.math.algebra.terms import (
    MINUS_ONE,
    Apply,
    Constant,
    Intersection,
    Number,
    Operator,
    Relation,
    Sequence,
    Symbol,
    Term,
    Union,
    symbols,
    walk,
)

MIRRORED: dict[Operator, Operator] = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


_TINY = 1e-30
CALL = "call "
"""Begins the operation that a function known by its letter alone is."""

_UNKNOWNS = frozenset("xy")
"""What holds one of these is an equation to solve: |x| = 3."""
_FUNCTIONS = frozenset("fghpqryuvFGPQSTVN")
"""Letters that name a function in ``f(x) = ...``; others begin a product."""


def difference(left: Term, right: Term) -> Term:
    return Apply("+", (left, Apply("neg", (right,))))


def without_sign_choice(term: Term) -> Term:
    """Return a term with ``\\pm`` as the two values ``or``-joined; both signs of one term are chosen together."""
    if not any(isinstance(one, Apply) and one.function == "+-" for one in walk(term)):
        return term
    if isinstance(term, Sequence) and term.brackets in ("bare", "or", "set", "list"):
        items: list[Term] = []
        for item in term.items:
            spelt = without_sign_choice(item)
            items.extend(spelt.items if isinstance(spelt, Sequence) and spelt.brackets == "or" else (spelt,))
        return Sequence(term.brackets, tuple(items))
    if is_equation(term):
        return Sequence(
            "or", tuple(Relation(tuple(_choose(side, plus) for side in term.sides), ("=",)) for plus in (True, False))
        )
    if isinstance(term, Relation) and term.operators == ("!=",):  # neither of the two
        return Sequence(
            "bare",
            tuple(Relation(tuple(_choose(side, plus) for side in term.sides), ("!=",)) for plus in (True, False)),
        )
    return Sequence("or", (_choose(term, True), _choose(term, False))) if is_scalar(term) else term


def _choose(term: Term, plus: bool) -> Term:
    match term:
        case Apply("+-", (argument,)):
            inner = _choose(argument, plus)
            return inner if plus else Apply("neg", (inner,))
        case Apply(function, arguments):
            return Apply(function, tuple(_choose(one, plus) for one in arguments))
        case _:
            return term


def label(term: Term) -> Term | None:
    """Return the name that an equation gives to its value (``x`` of ``x = 5``, ``f*x`` of ``f(x) = ...``), or None."""
    if not (isinstance(term, Relation) and term.operators == ("=",)):
        return None
    left = term.sides[0]
    if isinstance(left, Symbol) and (left.name not in symbols(term.sides[1])):
        return left
    match left:
        case Apply(name, _) if name.startswith(CALL):
            return left
        case Sequence("tuple", items) if all(isinstance(item, Symbol) for item in items):
            return left
        case Apply("*", (head, (Symbol() | Number()))) if _is_function(head):
            return left
        case Apply("*", (Apply("*", (Symbol("d"), Symbol())), Apply("^", (Apply("*", (Symbol("d"), Symbol())), _)))):
            return left  # dy/dx
        case _:
            return left if _names(left) else None


def _is_function(term: Term) -> bool:
    head = term.arguments[0] if isinstance(term, Apply) and term.function == "^" else term  # f^{-1}
    return isinstance(head, Symbol) and head.name.rstrip("'") in _FUNCTIONS


def _names(term: Term) -> bool:
    """Whether a side names what is asked for, and is no equation's: ``AB = 5``, ``|z| = 5``, ``sin A = 3/5``, ``P(X > 1) = 0.3``."""
    match term:
        case Apply("*", (Symbol(), *factors)):
            capitals = all(isinstance(one, Symbol) and one.name.isupper() for one in term.arguments)
            return capitals or term.arguments[0] == Symbol("Delta") or not all(map(is_scalar, factors))
        case Apply("*", (Constant("e"), Symbol(name))):  # E(X), an expectation
            return name.isupper()
        case Apply("^", (Symbol(name), exponent)):
            return name.isupper() and exponent == MINUS_ONE
        case Apply("+" | "*" | "^" | "neg" | "+-" | "sqrt" | "root" | "exp", _):
            return False
        case Apply():
            return bool(symbols(term)) and not symbols(term) & _UNKNOWNS
        case Sequence("list", (inside,)):  # the area [ABC]
            return _names(inside)
        case Union(parts) | Intersection(parts):
            return all(isinstance(one, Symbol) for one in parts)
        case _:
            return False


def by_label(items: tuple[Term, ...]) -> tuple[Term, ...] | None:
    """Return the values of ``y = 2, x = 1`` in their names' order; None unless each item is one name's value and no name comes twice."""
    named: dict[str, Term] = {}
    for item in items:
        named_by = label(item)
        if not (isinstance(named_by, Symbol) and isinstance(item, Relation)) or named_by.name in named:
            return None
        named[named_by.name] = item.sides[1]
    return tuple(value for _, value in sorted(named.items())) if len(named) > 1 else None


def mirrored(relation: Relation) -> Relation:
    """Return ``c > b > a`` for ``a < b < c``."""
    operators: tuple[Operator, ...] = tuple(MIRRORED.get(one, one) for one in relation.operators)
    return Relation(relation.sides[::-1], operators[::-1])


def rounded(term: Term) -> tuple[Term, Term | None] | None:
    """Return what ``x = 1/3 ~ 0.333`` says exactly, and its rounding where that is one; None where nothing is rounded."""
    if not (isinstance(term, Relation) and "~" in term.operators):
        return None
    at = term.operators.index("~")
    exact, rounding = term.sides[at], term.sides[at + 1]
    if at == 0 and isinstance(exact, Symbol):  # "x ~ 3.5"
        return Relation((exact, rounding), ("=",)), None
    whole = exact if at == 0 else Relation(term.sides[: at + 1], term.operators[:at])
    right = isinstance(rounding, Number) and is_scalar(exact) and _is_rounding(Scalar(exact), rounding)
    return whole, rounding if right else None


def _is_rounding(exact: Scalar, rounding: Number) -> bool:
    value, ctx = exact.real, numeric.context()
    if value is None or not ctx.isfinite(value):
        return False
    place = last_place(rounding.value, rounding.digits) if rounding.digits else 1
    return bool(
        abs(value - ctx.mpf(rounding.value.numerator) / rounding.value.denominator) <= ctx.mpf(float(place)) * 0.51
    )


def is_equation(term: Term) -> TypeGuard[Relation]:
    """Return whether a term is a relation of two sides that are equal."""
    return isinstance(term, Relation) and term.operators == ("=",)


def proportional(one: Relation, other: Relation) -> bool:
    """Return whether two equations (or inequalities of one strictness) say the same, one a multiple of the other."""
    if len(one.sides) != 2 or len(other.sides) != 2 or not all(map(is_scalar, (*one.sides, *other.sides))):
        return False
    first, second = one.operators[0], other.operators[0]
    left, right = (Scalar(difference(relation.sides[0], relation.sides[1])) for relation in (one, other))
    if not left.symbols or left.symbols != right.symbols:
        return False
    ratios = [a / b for (a, _), (b, _) in zip(left.fingerprint, right.fingerprint, strict=True) if a is not None and b]
    if len(ratios) < 2 or not ratios[0] or any(abs(ratio - ratios[0]) > abs(ratios[0]) * _TINY for ratio in ratios):
        return False
    if first in ("=", "!="):
        return first == second
    if second not in MIRRORED or numeric.context().im(ratios[0]):
        return False
    return second == (first if numeric.context().re(ratios[0]) > 0 else MIRRORED[first])
