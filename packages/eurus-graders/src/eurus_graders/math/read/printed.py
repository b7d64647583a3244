"""What Python prints: the calls of sympy, numpy and the standard library, and dictionaries of solutions."""

from __future__ import annotations

from eurus_graders.math.algebra.matrices import rectangle
from eurus_graders.math.algebra.scalars import is_scalar
from eurus_graders.math.algebra.terms import (
    EMPTY,
    REALS,
    Intersection,
    Interval,
    Operator,
    Relation,
    Sequence,
    Symbol,
    Term,
    Union,
    Without,
    infinite,
)
from eurus_graders.math.errors import Unreadable
from eurus_graders.math.read.grammar import Grammar

_RELATION_CALLS: dict[str, Operator] = {
    "Eq": "=",
    "Equality": "=",
    "Ne": "!=",
    "Lt": "<",
    "Le": "<=",
    "Gt": ">",
    "Ge": ">=",
}


def construct(parser: Grammar, name: str) -> Term:
    """Return what a call of Python's printing makes: ``Matrix([[1, 2]])``, ``Interval.open(0, 1)``, ``FiniteSet(1, 2)``."""
    parser.expect("(")
    if parser.accept(")"):
        return EMPTY
    items, _ = parser.nested(parser.items)
    parser.expect(")")
    inner = items[0].items if len(items) == 1 and isinstance(items[0], Sequence) else items
    if name.startswith("Interval"):
        return _interval(name, items)
    if name in ("Or", "And"):
        return Sequence("or" if name == "Or" else "bare", items)
    if name == "Poly":
        return items[0]
    if name in ("Union", "Intersection", "Complement"):
        # Python's {1} reads as a group; here it can only be a set.
        sets = tuple(Sequence("set", (item,)) if is_scalar(item) else item for item in items)
        if name == "Complement" and len(items) == 2:
            return Without(sets[0], sets[1])
        return Union(sets) if name == "Union" else Intersection(sets)
    if name in _RELATION_CALLS and len(items) == 2:
        return Relation(items, (_RELATION_CALLS[name],))
    if "atrix" in name or name in ("array", "tensor"):
        if all(isinstance(row, Sequence) for row in inner):
            return rectangle([row.items for row in inner if isinstance(row, Sequence)])
        # A flat Matrix is a column to sympy; a flat array holds numpy's vectors and roots alike, so that nothing is said of order.
        return rectangle([(entry,) for entry in inner]) if name not in ("array", "tensor") else Sequence("bare", inner)
    if name in ("FiniteSet", "set", "frozenset", "Set"):
        return Sequence("set", items if name == "FiniteSet" else inner)
    return Sequence(
        "list" if name in ("list", "List") else "tuple", items if name == "Tuple" or name.startswith("Point") else inner
    )


def _interval(name: str, items: tuple[Term, ...]) -> Term:
    low_open, high_open = {
        "Interval": (False, False),
        "Interval.open": (True, True),
        "Interval.Lopen": (True, False),
    }.get(name, (False, True))
    if len(items) > 2:  # Interval(0, 1, True, False): flags say open
        low_open, high_open = items[2] == Symbol("True"), items[-1] == Symbol("True") and len(items) > 3
    if len(items) < 2:
        raise Unreadable("an interval has two ends")
    low, high = items[:2]
    return Interval(low, high, not low_open and not infinite(low), not high_open and not infinite(high))


def after_divider(parser: Grammar, divider: str, first: Term) -> tuple[Term, ...]:
    """Return the conditions of ``{x | x > 0}``, or the equations that ``{x: 1, y: 2}`` stands for."""
    conditions, joined = parser.nested(parser.items)
    described = divider == "|" or any(isinstance(one, Relation) for one in conditions)
    real = isinstance(first, Relation) and first.operators == ("in",) and first.sides[1] == REALS
    if described and not (real or isinstance(first, Symbol)):
        # {2k | k in Z} and {x in Z | x > 2} are not what their conditions alone describe.
        return (Sequence("tuple", (first, *conditions)),)
    if described:
        return conditions if len(conditions) == 1 else (Sequence("or" if "or" in joined else "bare", conditions),)
    equations: list[Term] = []
    key = first
    for _ in range(64):
        *values, following = conditions
        if parser.accept(":"):
            if len(values) != 1:
                raise Unreadable("a dictionary's value is missing")
            equations.append(Relation((key, values[0]), ("=",)))
            key = following
            conditions, _ = parser.nested(parser.items)
        elif len(conditions) == 1:
            return (*equations, Relation((key, following), ("=",)))
        else:
            break
    raise Unreadable("no dictionary of values")
