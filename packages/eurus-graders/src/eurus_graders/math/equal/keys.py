"""Keys: values that equivalent answers share, for majority votes."""

from __future__ import annotations

from collections.abc import Hashable

from eurus_graders.math.algebra import relations, scalars, segments
from eurus_graders.math.algebra.scalars import Scalar, is_scalar
from eurus_graders.math.algebra.segments import Segment
from eurus_graders.math.algebra.terms import (
    MINUS_ONE,
    Apply,
    Based,
    Matrix,
    Quantity,
    Ratio,
    Relation,
    Sequence,
    Symbol,
    Term,
    Words,
    converted,
)
from eurus_graders.math.algebra.units import DEGREE, DOLLAR
from eurus_graders.math.errors import TooLarge, Unreadable
from eurus_graders.math.read import reading
from eurus_graders.math.read.spelling import wording
from eurus_graders.math.read.tokens import MAX_CHARACTERS


def key(answer: str) -> Hashable:
    """Return a value that equivalent answers share: the basis of majority votes.

    Equivalence by convention is not transitive (100 cm = 1 m, 1 m = 1), so a key keeps what a convention would let out: units (but
    for dollars and degrees), a base, brackets that may be an interval's; a percentage is taken at its value. Names alone are
    dropped, so that ``x = 5`` and ``5`` are one vote.
    """
    try:
        return of(reading.read(answer))
    except (Unreadable, TooLarge):
        return ("text", wording(answer[:MAX_CHARACTERS]))


def of(term: Term) -> Hashable:
    term = relations.without_sign_choice(term)
    pair = relations.rounded(term)
    if pair is not None:
        return of(pair[0])
    if is_scalar(term):
        return _of_scalar(term)
    if segments.is_real_set(term):
        found = segments.segments(term)
        if found is not None:
            return _of_segments(found)
    match term:
        case Relation():
            return _of_relation(term)
        case Sequence(brackets, items):
            return _of_items(brackets, items)
        case Matrix(rows):
            return ("matrix", tuple(tuple(map(of, row)) for row in rows))
        case Quantity(value, unit):
            plain = unit.dimensions in (DOLLAR.dimensions, DEGREE.dimensions)
            return of(converted(term)) if plain else ("quantity", of(converted(Quantity(value, unit))), unit.dimensions)
        case Ratio(parts, clock):
            if len(parts) == 2 and not clock and all(map(is_scalar, parts)):
                return of(Apply("*", (parts[0], Apply("^", (parts[1], MINUS_ONE)))))
            return ("ratio", tuple(map(of, parts)))
        case Words(text):
            return ("text", text)
        case Based(digits, base):
            return ("based", int(digits, base)) if all(int(one, 36) < base for one in digits) else ("term", term)
        case _:
            return ("term", term)


def _of_scalar(term: Term) -> Hashable:
    if isinstance(term, Apply) and term.function == "degree":
        return of(term.arguments[0])
    if isinstance(term, Symbol) and term.name in ("True", "False"):
        return ("text", term.name.casefold())
    return scalars.key(Scalar(term))


def _of_segments(found: tuple[Segment, ...]) -> Hashable:
    """Return the key of a real set: of its points where it has nothing else; one interval's is that of its two ends in brackets."""
    ends = [(scalars.key(one.low), scalars.key(one.high), one.low_closed, one.high_closed) for one in found]
    if ends and all(low == high for low, high, _, _ in ends):
        points = tuple(low for low, _, _, _ in ends)
        return points[0] if len(points) == 1 else ("unordered", tuple(sorted(points, key=repr)))
    if len(ends) == 1 and ends[0][2] == ends[0][3]:
        return ("ordered", "list" if ends[0][2] else "tuple", ends[0][:2])
    return ("reals", tuple(ends)) if ends else ("unordered", ())


def _of_relation(relation: Relation) -> Hashable:
    if relations.label(relation) is not None:
        return of(relation.sides[1])
    if not relations.is_equation(relation) or not all(map(is_scalar, relation.sides)):
        return ("term", relation)
    left, right = relation.sides
    if isinstance(right, Symbol) and not isinstance(left, Symbol):
        return of(left)
    # An equation and its multiples share the quotients of their values.
    values = [value for value, _ in Scalar(relations.difference(left, right)).fingerprint]
    if not values[0] or None in values:
        return ("term", relation)
    return (
        "equation",
        tuple(scalars.twelve(value / values[0]) for value in values),
        frozenset(Scalar(left).symbols | Scalar(right).symbols),
    )


def _of_items(brackets: str, items: tuple[Term, ...]) -> Hashable:
    values = relations.by_label(items)
    if values is not None:
        brackets, items = "tuple", values
    if brackets == "list" and items and all(isinstance(item, Sequence) and item.brackets == "list" for item in items):
        return ("matrix", tuple(tuple(map(of, item.items)) for item in items if isinstance(item, Sequence)))
    keys = tuple(map(of, items))
    if len(keys) == 1 and brackets != "tuple":
        return keys[0]
    if brackets in ("tuple", "list") and keys:
        # [1, 2] and (1, 2) may be two intervals.
        return ("ordered", brackets if len(items) == 2 and all(map(is_scalar, items)) else "", keys)
    return ("unordered", tuple(sorted(set(keys) if brackets == "set" else keys, key=repr)))
