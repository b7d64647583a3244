"""Scalars and when two of them are equal: exactly, to fifty digits, or at fixed points of their symbols.

A scalar's *fingerprint* is its values at points that depend on its symbols' names alone, so that it is computed once, compares with any
other, and serves as a key for votes. Equality of expressions is tested at two positive points and a negative one; a point where
either side is not real or has no value says nothing, so that ``log(x^2)`` equals ``2 log x`` but ``sqrt(x^2)`` is not ``x``.
"""

from __future__ import annotations

import zlib
from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeGuard

from eurus_graders.math.algebra import numeric
from eurus_graders.math.algebra.exact import rational
from eurus_graders.math.algebra.numeric import Undefined
from eurus_graders.math.algebra.terms import Apply, Constant, Number, Symbol, Term, symbols, walk, written_digits
from eurus_graders.math.errors import TooLarge

DOUBLE_DIGITS = 15
"""A decimal of so many digits is the printed result of floating-point arithmetic."""

ROUNDED_DIGITS = 8
"""A decimal of so many digits equals what it is the correct rounding of; a shorter one is taken at its word."""

_DOUBLE_TOLERANCE = 1e-11
_NOISE = 1e-14
_EXACT_KEYS = 10**15
_CLOSE_BITS = 140
_MOST_BITS = 1 << 14
_MOST_WORK = 1 << 19
"""Nodes times bits of the largest evaluation."""

_POINTS = (1, 1, -1)


def is_scalar(term: Term) -> bool:
    """Return whether a term is one number or expression, without sequences, relations or words in it."""
    return all(isinstance(one, Number | Constant | Symbol | Apply) for one in walk(term))


@dataclass(frozen=True)
class Scalar:
    """A scalar term with what is known of its value, found when first asked for."""

    term: Term

    @cached_property
    def exact(self) -> Fraction | None:
        return rational(self.term)

    @cached_property
    def digits(self) -> int:
        return written_digits(self.term)

    @cached_property
    def symbols(self) -> frozenset[str]:
        return symbols(self.term)

    @cached_property
    def size(self) -> int:
        return sum(1 for _ in walk(self.term))

    @cached_property
    def fingerprint(self) -> tuple[tuple[Any | None, int], ...]:
        return self.values(numeric.PRECISION_BITS)

    def values(self, bits: int) -> tuple[tuple[Any | None, int], ...]:
        """Return (value or None, magnitude of the largest intermediate) at each point; one point where there are no symbols."""
        if self.size * bits > _MOST_WORK:
            raise TooLarge("more work than any answer is worth")
        return tuple(self._value(point, bits) for point in range(len(_POINTS) if self.symbols else 1))

    def _value(self, point: int, bits: int) -> tuple[Any | None, int]:
        at = {name: _coordinate(name, point) for name in self.symbols}
        try:
            value, largest = numeric.evaluate(self.term, at, bits)
        except Undefined:
            return None, 0
        ctx = numeric.context()
        if point == len(_POINTS) - 1 and ctx.im(value):
            return None, 0
        return value, largest

    @cached_property
    def real(self) -> Any | None:
        """The value of a real constant, for ordering; None where it is no such thing."""
        if self.symbols:
            return None
        value = self.fingerprint[0][0]
        return None if value is None or numeric.context().im(value) else numeric.context().re(value)


def _coordinate(name: str, point: int) -> Any:
    """Return a number between 0.3 and 2.3 (negated at the last point) that the symbol's name fixes."""
    ctx = numeric.context()
    return _POINTS[point] * (ctx.mpf(zlib.crc32(f"{name}@{point}".encode())) / (1 << 31) + ctx.mpf(3) / 10)


def equal(one: Scalar, other: Scalar) -> str:
    """Return the rule by which two scalars are equal, or an empty string. TooLarge where our caps keep us from telling."""
    if one.exact is not None and other.exact is not None:
        if one.exact == other.exact:
            return "number"
        return "rounding" if rounds(one.exact, one.digits, other.exact, other.digits) else ""
    if one.term == other.term:
        return "same expression"
    digits = max(one.digits, other.digits)
    pairs = list(zip(_spread(one, other), _spread(other, one), strict=True))
    told = 0
    for (a, _), (b, _) in pairs:
        if a is None or b is None:
            continue
        told += 1
        if digits >= DOUBLE_DIGITS and _close(a, b, _DOUBLE_TOLERANCE):
            continue
        if ROUNDED_DIGITS <= digits < DOUBLE_DIGITS and _is_rounding(one, a, other, b):
            continue
        if not _close(a, b, 2.0**-_CLOSE_BITS):
            return "" if _differ_surely(one, other) else "value"
    if not told:
        return ""
    if digits >= ROUNDED_DIGITS:
        return "rounding"
    largest = max(max(m, n) for (_, m), (_, n) in pairs)
    if largest > 64 and _differ_surely(one, other, must_tell=True):
        return ""
    return "expression" if one.symbols or other.symbols else "value"


def _spread(one: Scalar, other: Scalar) -> tuple[tuple[Any | None, int], ...]:
    """Return the fingerprint, a constant's repeated for each point of the other side."""
    values = one.fingerprint
    return values * len(other.fingerprint) if len(values) < len(other.fingerprint) else values


def _close(a: Any, b: Any, tolerance: float) -> bool:
    ctx = numeric.context()
    if not (ctx.isfinite(a) and ctx.isfinite(b)):
        return bool(a == b)
    return bool(a == b or abs(a - b) <= tolerance * max(abs(a), abs(b)))


def _finite(value: Any | None) -> TypeGuard[Any]:
    return value is not None and bool(numeric.context().isfinite(value))


def _differ_surely(one: Scalar, other: Scalar, *, must_tell: bool = False) -> bool:
    """Look again with more digits than the largest intermediate has; a value that vanishes with precision was zero.

    Where that passes our caps the first look stands, or TooLarge is raised if it must be told.
    """
    largest = max(m for _, m in (*one.fingerprint, *other.fingerprint))
    bits = 2 * numeric.PRECISION_BITS + largest
    if bits > _MOST_BITS:
        if must_tell:
            raise TooLarge("numbers too large to tell apart")
        return True
    try:
        sharper = [one.values(bits), other.values(bits)]
    except TooLarge:
        if must_tell:
            raise
        return True
    points = max(map(len, sharper))
    for point in range(points):
        settled = []
        for scalar, values in zip((one, other), sharper, strict=True):
            index = point if len(values) > 1 else 0
            before, after = scalar.fingerprint[index][0], values[index][0]
            vanishes = _finite(before) and _finite(after) and abs(after) <= abs(before) * 2.0**-80
            settled.append(numeric.context().zero if vanishes else after)
        if settled[0] is None or settled[1] is None:
            continue
        # The error is far below 2^-200 whatever the size: e^1000 and e^1000 + 1 agree to 434 digits and differ by 1.
        if not _close(settled[0], settled[1], 2.0**-_CLOSE_BITS) or abs(settled[0] - settled[1]) > 2.0**-200:
            return True
    return False


def rounds(a: Fraction, a_digits: int, b: Fraction, b_digits: int) -> bool:
    """Return whether one of two unequal numbers is a decimal long enough to be the other, rounded or computed in floats."""
    gap, scale = abs(a - b), max(abs(a), abs(b))
    noise = not (a and b) and scale < _NOISE  # the cosine of a right angle is 6e-17 in floats
    if max(a_digits, b_digits) >= DOUBLE_DIGITS and (gap <= Fraction(_DOUBLE_TOLERANCE) * scale or noise):
        return True
    return any(
        digits >= ROUNDED_DIGITS and gap * 2 <= last_place(value, digits)
        for value, digits in ((a, a_digits), (b, b_digits))
    )


def last_place(value: Fraction, digits: int) -> Fraction:
    """Return the worth of the last of a decimal's significant digits: 0.01 for 3.14 (three digits)."""
    if not value:
        return Fraction(0)
    exponent = len(str(abs(value.numerator))) - len(str(value.denominator))
    if abs(value) < Fraction(10) ** exponent:
        exponent -= 1
    return Fraction(10) ** (exponent + 1 - digits)


def _is_rounding(one: Scalar, a: Any, other: Scalar, b: Any) -> bool:
    """Return whether the side that is a written decimal is the other's correct rounding."""
    ctx = numeric.context()
    for scalar, value in ((one, b), (other, a)):
        if scalar.exact is not None and scalar.digits >= ROUNDED_DIGITS and not ctx.im(value):
            written = ctx.mpf(scalar.exact.numerator) / scalar.exact.denominator
            place = last_place(scalar.exact, scalar.digits)
            if abs(written - value) * 2 <= ctx.mpf(place.numerator) / place.denominator * ctx.mpf("1.0001"):
                return True
    return False


def key(scalar: Scalar) -> Hashable:
    """Return a hashable that equal scalars share: integers below 10^15 as they are, everything else to twelve significant digits."""
    value = scalar.exact
    if value is not None and value.denominator == 1 and (abs(value) < _EXACT_KEYS or not scalar.digits):
        return ("number", hex(value.numerator) if value.numerator.bit_length() > 4096 else str(value.numerator))
    if value is not None and scalar.digits >= DOUBLE_DIGITS and abs(value) < _NOISE:
        return ("number", "0")
    if value is not None:
        return ("number", twelve(numeric.context().mpf(value.numerator) / value.denominator))
    try:
        if any(magnitude > _MOST_BITS for _, magnitude in scalar.fingerprint):
            return ("term", scalar.term)
        values = tuple(None if v is None else twelve(v) for v, _ in scalar.fingerprint)
    except TooLarge:
        return ("term", scalar.term)
    if not any(values):
        return ("term", scalar.term)
    # An expression that does not depend on its symbols is the constant it equals.
    return ("number", values[0]) if len(set(values)) == 1 else ("expression", values)


def twelve(value: Any) -> str:
    """Return a value to twelve significant digits, the noise of one part beside the other left out."""
    ctx = numeric.context()
    if not ctx.isfinite(value):
        return str(value)
    parts = []
    for part in (ctx.re(value), ctx.im(value)):
        text = ctx.nstr(part, 12, strip_zeros=True) if abs(part) > abs(value) * 1e-12 else "0"
        parts.append(text.removesuffix(".0"))
    return parts[0] if parts[1] == "0" else f"{parts[0]}+{parts[1]}i"
