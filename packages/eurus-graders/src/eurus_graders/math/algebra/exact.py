"""Exact values: rational arithmetic with a cap on every result and a budget for all of them together."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from eurus_graders.math.algebra.terms import Apply, Number, Term
from eurus_graders.math.errors import TooLarge

MAX_RESULT_BITS = 1 << 17
MAX_FACTORIAL = 10_000
_BUDGET_BITS = 1 << 22
"""Bits that one evaluation may write in all: about 20 ms of work, whatever the answer."""


class Inexact(Exception):
    """The term has no rational value that these rules find."""


def rational(term: Term) -> Fraction | None:
    """Return the exact value of a term without symbols, roots or transcendental functions; None where there is none.

    Nor is there one past the caps, nor of a division by zero.
    """
    if isinstance(term, Number):
        return term.value
    try:
        return _Evaluation().value(term)
    except (Inexact, TooLarge):
        return None


class _Evaluation:
    def __init__(self) -> None:
        self.left = _BUDGET_BITS

    def value(self, term: Term) -> Fraction:
        match term:
            case Number(value, _):
                return value
            case Apply("mod", (Apply("^", (base, exponent)), modulus)):
                result = self._modular_power(base, exponent, modulus)
                self.left -= result.numerator.bit_length()
                return result
            case Apply(function, arguments) if function in _RULES:
                result = _RULES[function]([self.value(one) for one in arguments])
                bits = max(result.numerator.bit_length(), result.denominator.bit_length())
                self.left -= bits
                if bits > MAX_RESULT_BITS or self.left < 0:
                    raise TooLarge("an exact value past the cap")
                return result
            case _:
                raise Inexact

    def _modular_power(self, base: Term, exponent: Term, modulus: Term) -> Fraction:
        """Return what a power leaves, which is no work even where the power itself is past the cap."""
        values = [self.value(one) for one in (base, exponent, modulus)]
        if any(one.denominator != 1 for one in values) or values[1] < 0 or values[2] == 0:
            return _mod([_power(values[:2]), values[2]])
        return Fraction(pow(int(values[0]), int(values[1]), int(values[2])))


def _sum(values: list[Fraction]) -> Fraction:
    total = Fraction(0)
    for value in values:
        total += value
        _check(total)
    return total


def _product(values: list[Fraction]) -> Fraction:
    total = Fraction(1)
    for value in values:
        total *= value
        _check(total)
    return total


def _check(value: Fraction) -> None:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_RESULT_BITS:
        raise TooLarge("an exact value past the cap")


def _power(values: list[Fraction]) -> Fraction:
    base, exponent = values
    if base == 0 and exponent <= 0:
        if exponent == 0:
            return Fraction(1)
        raise Inexact
    if exponent.denominator != 1:
        raise Inexact
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
    if base not in (0, 1, -1) and max(bits, 1) * abs(exponent) > MAX_RESULT_BITS:
        raise TooLarge("a power past the cap")
    return base ** int(exponent) if base not in (1, -1) else Fraction(base if exponent % 2 else 1)


def _factorial(values: list[Fraction]) -> Fraction:
    (value,) = values
    if value.denominator != 1 or value < 0:
        raise Inexact
    if value > MAX_FACTORIAL:
        raise TooLarge("a factorial past the cap")
    return Fraction(math.factorial(int(value)))


def _binomial(values: list[Fraction]) -> Fraction:
    above, below = values
    if above.denominator != 1 or below.denominator != 1 or above < 0 or below < 0:
        raise Inexact
    if above > MAX_FACTORIAL:
        raise TooLarge("a binomial past the cap")
    return Fraction(math.comb(int(above), int(below)))


def _integers(function: Callable[..., int]) -> Callable[[list[Fraction]], Fraction]:
    def apply(values: list[Fraction]) -> Fraction:
        if any(value.denominator != 1 for value in values):
            raise Inexact
        return Fraction(function(*map(int, values)))

    return apply


def _mod(values: list[Fraction]) -> Fraction:
    above, below = values
    if below == 0:
        raise Inexact
    return above % below


_RULES: dict[str, Callable[[list[Fraction]], Fraction]] = {
    "+": _sum,
    "*": _product,
    "^": _power,
    "neg": lambda values: -values[0],
    "percent": lambda values: values[0] / 100,
    "abs": lambda values: abs(values[0]),
    "floor": lambda values: Fraction(math.floor(values[0])),
    "ceil": lambda values: Fraction(math.ceil(values[0])),
    "sign": lambda values: Fraction((values[0] > 0) - (values[0] < 0)),
    "max": max,
    "min": min,
    "factorial": _factorial,
    "binomial": _binomial,
    "gcd": _integers(math.gcd),
    "lcm": _integers(math.lcm),
    "mod": _mod,
}

ARITY: dict[str, int] = {
    "^": 2, "neg": 1, "percent": 1, "abs": 1, "floor": 1, "ceil": 1, "sign": 1, "factorial": 1, "binomial": 2, "mod": 2, "sqrt": 1,
    "cbrt": 1, "root": 2, "exp": 1, "log": 1, "log10": 1, "log2": 1, "log1p": 1, "degree": 1,
    "sin": 1, "cos": 1, "tan": 1, "sec": 1, "csc": 1, "cot": 1, "sinh": 1, "cosh": 1, "tanh": 1,
    "asin": 1, "acos": 1, "atan": 1, "asinh": 1, "acosh": 1, "atanh": 1, "cis": 1,
}  # fmt: skip
"""How many arguments an operation takes; the parser refuses a call with another number. Absent: any number from one."""
