"""When two parsed answers are the same, and by which rule.

Scalars exactly, then to fifty digits, then at points of their symbols; answers with parts, part by part. Conventions, each with a
rule's name so that a verdict can be traced to it:

==================== ===============================================================================================
``unit-omitted``      5 cm equals 5; units on both sides must agree, or convert
``percent-sign``      50 % equals 0.5 by value, and 50 because the sign was left out; 50 never equals 0.5
``base-omitted``      2516 equals 2516 in base 7; a value written in another base does not
``rounding``          a decimal of 8 or more digits equals what it rounds; of 15 or more, what floats make of it; 0.33 is not 1/3
``label-omitted``     x = 5 equals 5, A(1, 2) equals (1, 2)
``rounding-given``    1/3 ~ 0.333 equals 1/3, and 0.333 as it is the right rounding
``unordered``         a bare list, or one in square brackets against one, in any order; tuples are ordered
``single``            {5} and [5] equal 5
``ratio``             6:8 equals 3:4 and 3/4; what may be a time of day (3:30) equals itself alone
``time``              5:30 PM equals 17:30, 6 pm equals 6:00 PM
``free constant``     x^2 + C equals x^2 + K, and (x^2 + 1) + C: any member stands for its family
``any integer``       k pi with k in Z equals n pi with n in Z, and k pi
``interval``          (0, 1) is an interval where the other side is one; inequalities in one unknown are the set they describe
==================== ===============================================================================================
"""

from __future__ import annotations

from eurus_graders.math.algebra import relations, scalars, segments, vectors
from eurus_graders.math.algebra.scalars import Scalar, is_scalar
from eurus_graders.math.algebra.terms import (
    MINUS_ONE,
    Apply,
    Based,
    Interval,
    Matrix,
    Number,
    Quantity,
    Ratio,
    Relation,
    Sequence,
    Symbol,
    Term,
    converted,
    symbols,
)
from eurus_graders.math.algebra.units import DEGREE
from eurus_graders.math.equal import families, items
from eurus_graders.math.read import quantities


def same(one: Term, other: Term) -> str:
    """Return the rule by which two answers are the same, or an empty string. TooLarge where our caps keep us from telling."""
    one, other = relations.without_sign_choice(one), relations.without_sign_choice(other)
    if one == other:
        return "same expression"
    for side, opposite in ((one, other), (other, one)):
        pair = relations.rounded(side)
        if pair is not None:
            exact, rounding = pair
            return same(exact, opposite) or (
                "rounding-given" if rounding is not None and same(rounding, opposite) else ""
            )
    if segments.is_real_set(one) or segments.is_real_set(other):
        return _same_set(one, other)
    if rule := families.same_for_integers(one, other, same):
        return rule
    if isinstance(one, Relation) or isinstance(other, Relation):
        return _same_relation(one, other)
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        return _same_quantity(one, other)
    if isinstance(one, Matrix) or isinstance(other, Matrix):
        return items.same_matrix(one, other, same)
    if vectors.point(one) is not None or vectors.point(other) is not None:
        return items.same_point(one, other, same)
    if isinstance(one, Sequence) or isinstance(other, Sequence):
        return items.same_sequence(one, other, same)
    if isinstance(one, Based) or isinstance(other, Based):
        return _same_based(one, other)
    if isinstance(one, Ratio) or isinstance(other, Ratio):
        return _same_ratio(one, other)
    if is_scalar(one) and is_scalar(other):
        return _same_scalar(one, other)
    return ""


def _same_scalar(one: Term, other: Term) -> str:
    for side, opposite in ((one, other), (other, one)):
        if isinstance(side, Apply) and side.function in ("percent", "degree") and len(side.arguments) == 1:
            twin = isinstance(opposite, Apply) and opposite.function == side.function
            if not twin and scalars.equal(Scalar(side.arguments[0]), Scalar(opposite)):
                return "percent-sign" if side.function == "percent" else "unit-omitted"
    return scalars.equal(Scalar(one), Scalar(other)) or families.same_but_for_constants(one, other)


def _same_set(one: Term, other: Term) -> str:
    if relations.is_equation(one) and relations.label(one) is not None:  # "D = (0, 1)"
        return same(one.sides[1], other)
    if relations.is_equation(other) and relations.label(other) is not None:
        return same(one, other.sides[1])
    for side, opposite in ((one, other), (other, one)):
        match side:
            case Relation((Symbol(), Sequence("set", _) as members), ("in",)) if not isinstance(opposite, Relation):
                return same(members, opposite)
    if isinstance(one, Relation) and isinstance(other, Relation):
        if "in" in one.operators and "in" in other.operators and one.sides[0] != other.sides[0]:
            return ""
        if relations.proportional(one, other):
            return "same relation"
        for turned in (other, relations.mirrored(other)):
            if one.operators == turned.operators and all(map(same, one.sides, turned.sides)):
                return "same relation"
    unknowns = [_unknown(side) for side in (one, other)]
    if None not in unknowns and unknowns[0] != unknowns[1]:
        return ""
    first, second = segments.segments(one), segments.segments(other)
    if first is None or second is None:
        if isinstance(one, Interval) or isinstance(other, Interval):
            return _same_ends(one, other)
        return ""
    if len(first) != len(second):
        return ""
    for a, b in zip(first, second, strict=True):
        if (a.low_closed, a.high_closed) != (b.low_closed, b.high_closed):
            return ""
        if not (scalars.equal(a.low, b.low) and scalars.equal(a.high, b.high)):
            return ""
    return "interval"


def _same_ends(one: Term, other: Term) -> str:
    """Compare two intervals whose ends hold symbols."""
    first, second = _interval(one), _interval(other)
    if first is None or second is None:
        return ""
    closed = (first.low_closed, first.high_closed) == (second.low_closed, second.high_closed)
    return "interval" if closed and same(first.low, second.low) and same(first.high, second.high) else ""


def _interval(term: Term) -> Interval | None:
    match term:
        case Interval():
            return term
        case Sequence(("tuple" | "list") as brackets, (low, high)) if is_scalar(low) and is_scalar(high):
            return Interval(low, high, brackets == "list", brackets == "list")
        case _:
            return None


def _unknown(term: Term) -> str | None:
    """Return the one symbol that inequalities are about; None for a plain set, or one that a membership names."""
    if isinstance(term, Relation):
        names = sorted(symbols(term))
        return names[0] if len(names) == 1 else None
    if isinstance(term, Sequence):
        return next((name for item in term.items if (name := _unknown(item)) is not None), None)
    return None


def _same_relation(one: Term, other: Term) -> str:
    if isinstance(one, Relation) and isinstance(other, Relation):
        labels = relations.label(one), relations.label(other)
        if labels[0] is not None and labels[0] == labels[1]:
            return same(one.sides[1], other.sides[1])
        if relations.proportional(one, other):
            return "same relation"
        alike = len(one.sides) == len(other.sides) and set(one.operators) == set(other.operators) == {"="}
        return (
            "same relation"
            if alike
            and (items.ordered(one.sides, other.sides, same) or items.ordered(one.sides, other.sides[::-1], same))
            else ""
        )
    for relation, opposite in ((one, other), (other, one)):
        if not isinstance(relation, Relation):
            continue
        if relations.label(relation) is not None:
            return "label-omitted" if same(relation.sides[1], opposite) else ""
        if set(relation.operators) != {"="}:
            return ""
        if isinstance(relation.sides[-1], Symbol) and len(relation.sides) == 2 and not isinstance(opposite, Symbol):
            return "label-omitted" if same(relation.sides[0], opposite) else ""
        rest = Relation(relation.sides[1:], relation.operators[1:])
        if len(relation.sides) > 2 and (
            isinstance(relation.sides[0], Symbol) or not symbols(rest)
        ):  # x = 2/4 = 1/2, a + b = 3 + 4 = 7
            relation = Relation(relation.sides[1:], relation.operators[1:])
        if not symbols(relation) and all(same(relation.sides[0], side) for side in relation.sides[1:]):
            return "label-omitted" if same(relation.sides[-1], opposite) else ""
        if is_scalar(opposite) and all(map(is_scalar, relation.sides)):  # (x + 1)^2 = x^2 + 2x + 1, true for every x
            return "label-omitted" if all(same(side, opposite) for side in relation.sides) else ""
    return ""


def _same_quantity(one: Term, other: Term) -> str:
    if (time := quantities.time(one)) is not None and time == quantities.time(other):
        return "time"
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        if one.unit.dimensions != other.unit.dimensions:
            return ""
        return "unit" if same(converted(one), converted(other)) else ""
    quantity, bare = (one, other) if isinstance(one, Quantity) else (other, one)
    assert isinstance(quantity, Quantity)  # noqa: S101 - one of them is, for the type checker
    if isinstance(bare, Apply) and bare.function in ("percent", "degree"):
        if isinstance(quantity.value, Apply) and quantity.value.function == bare.function:
            return "unit-omitted" if same(quantity.value, bare) else ""
        if quantity.unit.dimensions != DEGREE.dimensions or bare.function == "percent":
            return ""
        bare = bare.arguments[0]
        return "unit" if same(converted(quantity), bare) else ""
    if same(quantity.value, bare):
        return "unit-omitted"
    if quantity.unit.dimensions == DEGREE.dimensions:
        return "unit" if same(Apply("degree", (converted(quantity),)), bare) else ""
    return ""


def _same_ratio(one: Term, other: Term) -> str:
    """6:8 is 3:4 and three quarters, but a time of day is only itself."""
    if isinstance(one, Ratio) and isinstance(other, Ratio):
        if len(one.parts) != len(other.parts):
            return ""
        if all(map(same, one.parts, other.parts)):
            return "ratio"
    clocks = all(isinstance(side, Ratio) and side.clock for side in (one, other))
    apart = (
        isinstance(one, Ratio) and isinstance(other, Ratio) and not clocks
    )  # one that is no time makes the other none
    first, second = _proportions(one, apart), _proportions(other, apart)
    if first is None or second is None or len(first) != len(second):
        return ""
    return "ratio" if all(map(same, first, second)) else ""


def _proportions(term: Term, no_time: bool) -> tuple[Term, ...] | None:
    """Return the quotients of a ratio's first part by each other one; None for a time of day, or what is no number."""
    if not isinstance(term, Ratio):
        return (term,) if is_scalar(term) else None
    if (term.clock and not no_time) or not all(map(is_scalar, term.parts)):
        return None
    first, *rest = term.parts
    return tuple(Apply("*", (first, Apply("^", (part, MINUS_ONE)))) for part in rest)


def _same_based(one: Term, other: Term) -> str:
    if isinstance(one, Based) and isinstance(other, Based):
        return "base" if _integer(one) is not None and _integer(one) == _integer(other) else ""
    based, bare = (one, other) if isinstance(one, Based) else (other, one)
    if isinstance(based, Based) and isinstance(bare, Number) and not bare.digits and bare.value.denominator == 1:
        return "base-omitted" if str(bare.value.numerator) == based.digits else ""
    return ""


def _integer(term: Based) -> int | None:
    try:
        return int(term.digits, term.base)
    except ValueError:
        return None
