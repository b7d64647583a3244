"""Draws of operands that suit the value so far, or None where no number does: everything stays whole and above zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

Numbers = tuple[int, ...]


def between(low: int, high: int) -> Callable[[Random, int], Numbers | None]:
    """Return a draw of one number, whatever the value so far."""
    return lambda rng, v: (rng.randint(low, high),)


def below(rng: Random, v: int) -> Numbers | None:
    """Draw a number that leaves at least two."""
    return (rng.randint(2, min(v - 2, 40)),) if v >= 5 else None


def percent(rng: Random, v: int) -> Numbers | None:
    """Draw a percentage of the value that is whole."""
    fitting = [p for p in (10, 20, 25, 30, 40, 50, 60, 75) if v * p % 100 == 0 and 2 <= v * p // 100 <= v - 2]
    return (rng.choice(fitting),) if fitting else None


def fraction(rng: Random, v: int) -> Numbers | None:
    """Draw a numerator and a denominator that take a whole part and leave at least two."""
    fitting = [
        (a, b) for b in range(3, 9) for a in range(1, b) if v % b == 0 and math.gcd(a, b) == 1 and v - v * a // b >= 2
    ]
    return rng.choice(fitting) if fitting else None


def divisor(rng: Random, v: int) -> Numbers | None:
    """Draw a divisor of the value."""
    fitting = [a for a in range(2, 11) if v % a == 0 and v // a >= 2]
    return (rng.choice(fitting),) if fitting else None


def divisor_with_rest(rng: Random, v: int) -> Numbers | None:
    """Draw a divisor that leaves a remainder."""
    fitting = [a for a in range(3, 11) if v % a and v > a]
    return (rng.choice(fitting),) if fitting else None


def partner_of_average(rng: Random, v: int) -> Numbers | None:
    """Draw a second number whose average with the value is whole."""
    other = v + 2 * rng.randint(-10, 10)
    return (other,) if other >= 2 and other != v else None


def banknote(rng: Random, v: int) -> Numbers | None:
    """Draw the smallest banknote above the value, in dollars."""
    fitting = [bill for bill in (20, 50, 100, 200, 500) if v + 2 <= bill <= 10 * v]
    return (fitting[0],) if fitting else None


def ratio(rng: Random, v: int) -> Numbers | None:
    """Draw the two parts of a ratio and a total that they divide; the value so far does not matter."""
    a, b = rng.choice([(a, b) for a in range(1, 6) for b in range(1, 6) if math.gcd(a, b) == 1 and a != b])
    return (a, b, (a + b) * rng.randint(2, 12))
