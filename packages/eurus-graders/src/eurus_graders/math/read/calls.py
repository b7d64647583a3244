"""Functions with their arguments, as the parser reads them: in brackets, in braces, or with none."""

from __future__ import annotations

from eurus_graders.math.algebra.exact import ARITY
from eurus_graders.math.algebra.terms import Apply, Number, Sequence, Term, quotient
from eurus_graders.math.errors import Unreadable
from eurus_graders.math.read import names
from eurus_graders.math.read.grammar import Grammar

_INVERSES = {name: f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}


def function_call(parser: Grammar, function: str) -> Term:
    """Return a function with its arguments: ``f(x, y)``, ``\\sin^2 x``, ``\\log_2 8``, ``\\sin 2x``."""
    base: Term | None = None
    power: Term | None = None
    for _ in range(2):
        if function in ("log", "ln") and parser.accept("_"):
            base = parser.argument()
        elif parser.operator() == "^":
            parser.at += 1
            power = parser.argument()
    if parser.operator() == "(":
        parser.at += 1
        arguments, _ = parser.nested(parser.items)
        parser.expect(")")
    elif parser.operator() == "{":
        arguments = (parser.argument(),)
    else:
        arguments = (_bare_argument(parser),)
    if function == "log" and len(arguments) == 2:
        base, arguments = arguments[1], arguments[:1]
    if isinstance(power, Number) and power.value == -1 and function in _INVERSES:
        function, power = _INVERSES[function], None
    result = _apply(function, arguments)
    if base is not None:
        result = quotient(result, Apply("log", (base,)))
    return result if power is None else Apply("^", (result, power))


def _apply(function: str, arguments: tuple[Term, ...]) -> Term:
    if function == "same":
        return arguments[0]
    if function == "/" and len(arguments) <= 2:
        return arguments[0] if len(arguments) == 1 else quotient(arguments[0], arguments[1])
    if function in ("max", "min", "gcd", "lcm") and len(arguments) == 1 and isinstance(arguments[0], Sequence):
        arguments = arguments[0].items
    if function == "ln":
        function = "log"
    if len(arguments) != ARITY.get(function, len(arguments)):
        raise Unreadable(f"{function} of {len(arguments)} arguments")
    return Apply(function, arguments)


def _bare_argument(parser: Grammar) -> Term:
    """Return the product behind a function that has no bracket: up to a sum, a comparison, or the next function."""
    factors = [parser.nested(parser.unary)]
    for _ in range(16):
        token = parser.token
        if token.kind == "name":
            follows = not parser.operator() and (len(token.text) == 1 or token.text in names.CONSTANTS)
        elif token.text in ("\\frac", "\\sqrt"):
            follows = isinstance(factors[-1], Number)
        else:
            follows = token.kind == "command" and (token.text[1:] in names.GREEK or token.text == "\\pi")
        if not follows:
            break
        factors.append(parser.power())
    return factors[0] if len(factors) == 1 else Apply("*", tuple(factors))
