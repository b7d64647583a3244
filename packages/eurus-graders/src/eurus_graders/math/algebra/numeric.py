"""Values to many digits: a term at given values of its symbols, with caps that bound the work by construction.

mpmath floats have exponents of any size, so that 1/2006! and 1/2004! differ; what could run away (the exponential of an
exponential of a large number, a sine of an astronomical angle) is refused as :class:`TooLarge` before it is computed.
"""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import mpmath

from eurus_graders.math.algebra.exact import MAX_FACTORIAL
from eurus_graders.math.algebra.terms import Apply, Constant, Number, Symbol, Term
from eurus_graders.math.errors import TooLarge

PRECISION_BITS = 170
"""Fifty digits and a guard."""


class Undefined(Exception):
    """The term has no value there: a division by zero, a logarithm of zero."""


_MAX_EXPONENT_BITS = 1 << 40
_MAX_GAMMA_BITS = 600
_MAX_EXACT_FACTORIAL = 3000
_MAX_ANGLE_BITS = 1 << 12
_local = threading.local()


def context() -> Any:
    """Return this thread's mpmath context: the shared one's precision would be everybody's."""
    if not hasattr(_local, "context"):
        _local.context = mpmath.mp.clone()
        _local.context.prec = PRECISION_BITS
    return _local.context


def evaluate(term: Term, values: Mapping[str, Any], bits: int = PRECISION_BITS) -> tuple[Any, int]:
    """Return the value of a scalar term, and the base-2 magnitude of the largest number met on the way.

    ``oo`` evaluates to infinity where it stands alone or negated. Undefined where there is no value, TooLarge past a cap.
    """
    ctx = context()
    run = _Evaluation(ctx, values)
    with ctx.workprec(bits):
        try:
            value = run.value(term)
        except (ZeroDivisionError, ValueError, OverflowError, ctx.NoConvergence) as error:
            raise Undefined(str(error) or type(error).__name__) from error
        if ctx.isnan(value):
            raise Undefined("no number")
        return value, run.largest


class _Evaluation:
    def __init__(self, ctx: Any, values: Mapping[str, Any]):
        self.ctx, self.values, self.largest = ctx, values, 0

    def value(self, term: Term) -> Any:
        ctx = self.ctx
        match term:
            case Number(value, _):
                result = ctx.mpf(value.numerator) / value.denominator
            case Constant("oo"):
                return ctx.inf
            case Constant(name):
                result = {"pi": +ctx.pi, "e": +ctx.e, "i": ctx.j}[name]
            case Symbol(name):
                if name not in self.values:
                    raise Undefined(f"no value for {name}")
                result = ctx.convert(self.values[name])
            case Apply(function, arguments):
                inner = [self.value(one) for one in arguments]
                rule = _RULES.get(function)
                if rule is not None:
                    result = rule(ctx, *inner)
                elif function.startswith("call "):
                    result = _unknown_function(ctx, function, inner)
                else:
                    raise Undefined(f"no function {function}")
            case _:
                raise Undefined("no number")
        if isinstance(result, ctx.mpc) and not result.imag:
            result = result.real
        if ctx.isfinite(result) and result:
            self.largest = max(self.largest, int(ctx.mag(result)))
        return result


def _unknown_function(ctx: Any, name: str, arguments: list[Any]) -> Any:
    """Return a number that the function's name and its arguments to thirty digits fix, so that f(2) is f(1 + 1) and nothing else."""
    written = ",".join(ctx.nstr(argument, 30) for argument in arguments)
    return ctx.mpf(zlib.crc32(f"{name}({written})".encode())) / (1 << 31) + ctx.mpf(3) / 10


def _magnitude(ctx: Any, value: Any) -> int:
    return int(ctx.mag(value)) if value and ctx.isfinite(value) else 0


def _power(ctx: Any, base: Any, exponent: Any) -> Any:
    if not base:
        if not exponent:
            return ctx.one
        if ctx.re(exponent) < 0:
            raise ZeroDivisionError("a division by zero")
        return ctx.zero
    if _magnitude(ctx, exponent) > 64 or abs(exponent) * (abs(_magnitude(ctx, base)) + 1) > _MAX_EXPONENT_BITS:
        raise TooLarge("a power past the cap")
    return ctx.power(base, exponent)


def _exponential(ctx: Any, value: Any) -> Any:
    if ctx.isfinite(value) and _magnitude(ctx, value) > 40:
        raise TooLarge("an exponential past the cap")
    return ctx.exp(value)


def _root(ctx: Any, value: Any, degree: Any) -> Any:
    """Return the root; an odd root of a negative number is the real one."""
    if ctx.im(degree) or not ctx.isint(degree) or not 1 <= degree <= 1000:
        return _power(ctx, value, 1 / degree)
    if ctx.im(value) == 0 and ctx.re(value) < 0 and int(degree) % 2:
        return -ctx.root(-ctx.re(value), int(degree))
    return ctx.root(value, int(degree))


def _factorial(ctx: Any, value: Any) -> Any:
    if abs(value) > MAX_FACTORIAL:
        raise TooLarge("a factorial past the cap")
    if ctx.prec <= _MAX_GAMMA_BITS:
        return ctx.factorial(value)
    return ctx.mpf(math.factorial(_small(ctx, value)))


def _binomial(ctx: Any, above: Any, below: Any) -> Any:
    if abs(above) > MAX_FACTORIAL or abs(below) > MAX_FACTORIAL:
        raise TooLarge("a binomial past the cap")
    if ctx.prec <= _MAX_GAMMA_BITS:
        return ctx.binomial(above, below)
    return ctx.mpf(math.comb(_small(ctx, above), _small(ctx, below)))


def _small(ctx: Any, value: Any) -> int:
    """Return an integer whose factorial is cheap to have exactly.

    mpmath's gamma between the integers takes seconds at some thousand bits (it makes Bernoulli numbers first), so there we do without it.
    """
    if not ctx.isint(value) or not 0 <= value <= _MAX_EXACT_FACTORIAL:
        raise TooLarge("a factorial past the cap")
    return int(value)


def _angle(name: str) -> Callable[[Any, Any], Any]:
    def apply(ctx: Any, value: Any) -> Any:
        if _magnitude(ctx, value) > (_MAX_ANGLE_BITS if ctx.im(value) == 0 else 40):
            raise TooLarge(f"a {name} of an argument past the cap")
        return getattr(ctx, name)(value)

    return apply


def _hyperbolic(name: str) -> Callable[[Any, Any], Any]:
    def apply(ctx: Any, value: Any) -> Any:
        if _magnitude(ctx, value) > 40:
            raise TooLarge(f"a {name} of an argument past the cap")
        return getattr(ctx, name)(value)

    return apply


def _function(name: str) -> Callable[[Any, Any], Any]:
    return lambda ctx, value: getattr(ctx, name)(value)


def _rounded(name: str) -> Callable[[Any, Any], Any]:
    def apply(ctx: Any, value: Any) -> Any:
        if ctx.im(value):
            raise ValueError(f"the {name} of a complex number")
        if _magnitude(ctx, value) > _MAX_ANGLE_BITS:
            raise TooLarge(f"a {name} past the cap")
        return getattr(ctx, name)(ctx.re(value))

    return apply


def _real_only(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(ctx: Any, *values: Any) -> Any:
        if any(ctx.im(value) for value in values):
            raise ValueError("an order of complex numbers")
        return function([ctx.re(value) for value in values])

    return apply


def _mod(ctx: Any, above: Any, below: Any) -> Any:
    if ctx.im(above) or ctx.im(below):
        raise ValueError("a remainder of complex numbers")
    above, below = ctx.re(above), ctx.re(below)
    if _magnitude(ctx, above) - _magnitude(ctx, below) > _MAX_ANGLE_BITS:
        raise TooLarge("a remainder past the cap")
    return above % below


_RULES: dict[str, Callable[..., Any]] = {
    "+": lambda ctx, *values: ctx.fsum(values),
    "*": lambda ctx, *values: ctx.fprod(values),
    "^": _power,
    "neg": lambda ctx, value: -value,
    "percent": lambda ctx, value: value / 100,
    "degree": lambda ctx, value: value * ctx.pi / 180,
    "sqrt": _function("sqrt"),
    "cbrt": lambda ctx, value: _root(ctx, value, ctx.mpf(3)),
    "root": _root,
    "exp": _exponential,
    "log": _function("log"),
    "log10": _function("log10"),
    "log2": lambda ctx, value: ctx.log(value) / ctx.log(2),
    "log1p": lambda ctx, value: ctx.log(1 + value),
    "abs": lambda ctx, value: abs(value),
    "sign": lambda ctx, value: ctx.sign(value),
    "floor": _rounded("floor"),
    "ceil": _rounded("ceil"),
    "max": _real_only(max),
    "min": _real_only(min),
    "factorial": _factorial,
    "binomial": _binomial,
    "mod": _mod,
    **{name: _angle(name) for name in ("sin", "cos", "tan", "sec", "csc", "cot")},
    "cis": _angle("expj"),
    **{name: _hyperbolic(name) for name in ("sinh", "cosh", "tanh")},
    **{name: _function(name) for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
}
