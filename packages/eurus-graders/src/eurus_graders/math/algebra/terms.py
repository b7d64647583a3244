"""What an answer is once read: numbers, expressions, sequences, sets, relations, matrices, quantities, words.

Terms are values: comparing them is the business of :mod:`~eurus_graders.math.equal.compare`, evaluating them of
:mod:`~eurus_graders.math.algebra.exact` and :mod:`~eurus_graders.math.algebra.numeric`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from eurus_graders.math.algebra.units import Unit

Brackets = Literal["tuple", "list", "set", "bare", "or"]
"""How a sequence was written: ``(1, 2)``, ``[1, 2]``, ``{1, 2}``, ``1, 2`` or ``1 or 2``."""

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "~"]
"""``~``: what follows is a rounding of what stands before."""


@dataclass(frozen=True, slots=True)
class Number:
    """A written number, exactly. ``digits`` counts the significant ones of a decimal; 0: an integer or a repeating decimal."""

    value: Fraction
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Constant:
    """pi, e, i (the imaginary unit) or oo (infinity)."""

    name: Literal["pi", "e", "i", "oo"]


@dataclass(frozen=True, slots=True)
class Symbol:
    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation on scalars: ``+ * ^ neg +-`` or a function's name. A quotient is a product with a power of -1."""

    function: str
    arguments: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    brackets: Brackets
    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """Real numbers from ``low`` to ``high``. Only what can be nothing else: ``(0, 1)`` is read as a sequence."""

    low: Term
    high: Term
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class Union:
    parts: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    parts: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """The set difference ``whole \\ removed``."""

    whole: Term
    removed: Term


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain such as ``0 < x <= 1``; one more side than operators."""

    sides: tuple[Term, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple[Term, ...], ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    value: Term
    unit: Unit


@dataclass(frozen=True, slots=True)
class Ratio:
    """``3:4``. ``clock``: written as a time of day may be (``7:32``), which is no quotient."""

    parts: tuple[Term, ...]
    clock: bool = False


@dataclass(frozen=True, slots=True)
class Based:
    """An integer written in another base: ``1010_2``."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Words:
    """Text that is no mathematics, folded: lower case, single spaces, no punctuation at its ends."""

    text: str


Term = (
    Number
    | Constant
    | Symbol
    | Apply
    | Sequence
    | Interval
    | Union
    | Intersection
    | Without
    | Relation
    | Matrix
    | Quantity
    | Ratio
    | Based
    | Words
)

REALS = Interval(Apply("neg", (Constant("oo"),)), Constant("oo"), False, False)
POSITIVE = Interval(Number(Fraction(0)), Constant("oo"), False, False)
NEGATIVE = Interval(Apply("neg", (Constant("oo"),)), Number(Fraction(0)), False, False)
EMPTY = Sequence("set", ())
MINUS_ONE = Number(Fraction(-1))


def quotient(above: Term, below: Term) -> Term:
    return Apply("*", (above, Apply("^", (below, MINUS_ONE))))


def number(value: int | Fraction) -> Number:
    return Number(Fraction(value))


def children(term: Term) -> tuple[Term, ...]:
    """Return the terms directly inside a term."""
    match term:
        case Apply(_, arguments):
            return arguments
        case Sequence(_, items):
            return items
        case Interval(low, high):
            return (low, high)
        case Union(parts) | Intersection(parts) | Ratio(parts):
            return parts
        case Without(whole, removed):
            return (whole, removed)
        case Relation(sides, _):
            return sides
        case Matrix(rows):
            return tuple(entry for row in rows for entry in row)
        case Quantity(value, _):
            return (value,)
        case _:
            return ()


def walk(term: Term) -> Iterator[Term]:
    """Yield a term and everything inside it."""
    waiting = [term]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(children(one))


def larger(term: Term, nodes: int) -> bool:
    """Return whether a term has more than so many nodes, without counting further."""
    return any(count > nodes for count, _ in enumerate(walk(term), 1))


def symbols(term: Term) -> frozenset[str]:
    return frozenset(one.name for one in walk(term) if isinstance(one, Symbol))


def substituted(term: Term, name: str, value: Term) -> Term:
    """Return a scalar term, a relation or a sequence with a symbol's value in its place."""
    match term:
        case Symbol(found) if found == name:
            return value
        case Apply(function, arguments):
            return Apply(function, tuple(substituted(one, name, value) for one in arguments))
        case Relation(sides, operators):
            return Relation(tuple(substituted(one, name, value) for one in sides), operators)
        case Sequence(brackets, items):
            return Sequence(brackets, tuple(substituted(one, name, value) for one in items))
        case _:
            return term


def infinite(term: Term) -> bool:
    """Return whether infinity stands in a term."""
    return any(isinstance(one, Constant) and one.name == "oo" for one in walk(term))


def written_digits(term: Term) -> int:
    """Return the most significant digits that a decimal inside the term shows; 0 where there is no decimal."""
    return max((one.digits for one in walk(term) if isinstance(one, Number)), default=0)


def converted(quantity: Quantity) -> Term:
    """Return a quantity's value in the base units of its dimensions."""
    if quantity.unit.factor == 1:
        return quantity.value
    return Apply("*", (quantity.value, Number(quantity.unit.factor)))


def show(term: Term) -> str:
    """Return a term as plain text, for people who want to see how an answer was read."""
    match term:
        case Number(value, _):
            return str(value)
        case Constant(name) | Symbol(name):
            return name
        case Apply("+" | "*" | "^" as operator, arguments):
            return "(" + f" {operator} ".join(map(show, arguments)) + ")"
        case Apply("neg", (argument,)):
            return f"-{show(argument)}"
        case Apply(function, arguments):
            return f"{function}({', '.join(map(show, arguments))})"
        case Sequence(brackets, items):
            before, between, after = {
                "tuple": ("(", ", ", ")"),
                "list": ("[", ", ", "]"),
                "set": ("{", ", ", "}"),
                "bare": ("", ", ", ""),
                "or": ("", " or ", ""),
            }[brackets]
            return before + between.join(map(show, items)) + after
        case Interval(low, high, low_closed, high_closed):
            return f"{'[' if low_closed else '('}{show(low)}, {show(high)}{']' if high_closed else ')'}"
        case Union(parts):
            return " union ".join(map(show, parts))
        case Intersection(parts):
            return " intersection ".join(map(show, parts))
        case Without(whole, removed):
            return f"{show(whole)} without {show(removed)}"
        case Relation(sides, operators):
            text = show(sides[0])
            for sign, side in zip(operators, sides[1:], strict=True):
                text += f" {sign} {show(side)}"
            return text
        case Matrix(rows):
            return "Matrix(" + "; ".join(", ".join(map(show, row)) for row in rows) + ")"
        case Quantity(value, unit):
            return f"{show(value)} {unit.name}"
        case Ratio(parts):
            return ":".join(map(show, parts))
        case Based(digits, base):
            return f"{digits} in base {base}"
        case Words(text):
            return repr(text)
