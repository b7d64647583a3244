"""The parser's smallest parts: numbers, names, brackets, subscripts."""

from __future__ import annotations

import re
from fractions import Fraction

from eurus_graders.math.algebra import relations
from eurus_graders.math.algebra.terms import (
    EMPTY,
    REALS,
    Apply,
    Based,
    Constant,
    Interval,
    Matrix,
    Number,
    Sequence,
    Symbol,
    Term,
    infinite,
    number,
    quotient,
)
from eurus_graders.math.errors import Unreadable
from eurus_graders.math.read import calls, latex, names, printed
from eurus_graders.math.read.grammar import Grammar
from eurus_graders.math.read.tokens import Token

COMMANDS: frozenset[str] = (
    frozenset(name for name in names.FUNCTIONS if name.isalpha() and name != "mod")
    | names.GREEK
    | names.EMPTY_SETS
    | {"pi", "infty", "R", "begin", "sum", "prod", "det"}
    | latex.ACCENTS
)
"""LaTeX commands that begin a factor."""


_PREFIXES = re.compile(r"(sqrt|sinh|cosh|tanh|sin|cos|tan|log|ln|sec|csc|cot)([a-z])")


def begins_with_function(word: str) -> bool:
    """Whether a run of letters is a function and its variable, as in ``sinx``."""
    return _PREFIXES.fullmatch(word) is not None


def primary(parser: Grammar) -> Term:
    """Return what stands here: a number, a name, a call, something bracketed, or a command with its arguments."""
    token, operator = parser.token, parser.operator()
    if token.kind == "number" and token.number is not None:
        parser.at += 1
        after = parser.token
        if after.kind == "name" and after.text in ("j", "J") and not after.spaced:
            parser.at += 1  # Python's complex literal
            return Apply("*", (token.number, Constant("i")))
        return token.number
    if token.kind == "name" and not operator:
        return _name(parser, token)
    if operator in ("(", "[", "]"):
        return _bracketed(parser)
    if operator in ("{", "\\{"):
        return _braced(parser)
    if operator == "|":
        parser.at += 1
        parser.bars += 1
        inside = parser.nested(parser.sum)
        parser.bars -= 1
        parser.expect("|")
        return Apply("abs", (inside,))
    if operator in ("floor(", "ceil("):
        parser.at += 1
        inside = parser.nested(parser.sum)
        parser.expect(f"){operator[:-1]}")
        return Apply(operator[:-1], (inside,))
    if token.kind == "command":
        return latex.command(parser, token.text[1:])
    raise Unreadable(f"{token.text or 'the end'!r} where a value should stand")


def _name(parser: Grammar, token: Token) -> Term:
    parser.at += 1
    name = token.text
    if name not in names.CONSTRUCTORS and "." in name:
        name = name.rpartition(".")[2]
    called = parser.operator() == "("
    if name in names.CONSTRUCTORS and called:
        return printed.construct(parser, name)
    if name in names.FUNCTIONS and (called or len(name) > 1):
        return calls.function_call(parser, names.FUNCTIONS[name])
    if name in names.CONSTANTS:
        return Constant(names.CONSTANTS[name])  # type: ignore[arg-type]
    if name == "Half":
        return Number(Fraction(1, 2))
    if name in names.EMPTY_SETS:
        if called:
            parser.at += 1
            parser.expect(")")
        return EMPTY
    if name == "Reals":
        return REALS
    if name.rstrip("_") in ("True", "False"):
        return Symbol(name.rstrip("_"))
    if (
        name in names.APPLIED
        and not parser.token.spaced
        and not parser.text[token.start - 1 : token.start].isalpha()
        and (called or (parser.operator(), parser.operator(1)) == ("{", "("))
    ):
        braced = parser.accept("{")  # sympy's f{(x)}
        parser.expect("(")
        arguments, _ = parser.nested(parser.items)
        parser.expect(")")
        if braced:
            parser.expect("}")
        return Apply(f"{relations.CALL}{name}", arguments)
    if name in names.MULTIPLIERS and (name != "dozen" or parser.at > 1):  # which is no number by itself
        return number(names.MULTIPLIERS[name])
    if len(name) == 1:
        after = parser.token
        if (
            after.kind == "number"
            and not after.spaced
            and after.text.isdigit()
            and not parser.text[token.start - 1 : token.start].isdigit()
        ):
            parser.at += 1  # Python's x1 is LaTeX's x_1
            return Symbol(f"{name}_{after.text}")
        return Symbol(name)
    if name in names.GREEK or "_" in name:  # x_max
        return Symbol(name)
    begun = _PREFIXES.fullmatch(name)
    if begun:
        letter = token.end - 1
        # in its place, for it may be read again, as the fraction in 2\frac{sinx}{3} is, which makes no mixed number
        parser.tokens[parser.at - 1 : parser.at] = [
            Token("name", begun[1], token.spaced, token.start, letter),
            Token("name", begun[2], False, letter, token.end),
        ]
        return calls.function_call(parser, names.FUNCTIONS[begun[1]])
    if len(name) <= 3 and name.lower() not in names.SHORT_WORDS and not _is_title(parser, token):
        return _first_letter(parser, token)
    raise Unreadable(f"{name!r} is a word")


def _is_title(parser: Grammar, token: Token) -> bool:
    """Whether a word may be a name of somebody: ``Bob``, but not the products in ``Ax + By = C`` and ``y = Cx``."""
    formula = _FORMULA.search(parser.text) is not None
    return token.text.istitle() and not formula and (len(token.text) > 2 or token.start == 0)


_FORMULA = re.compile(r"[\\^_+*/]")


def _first_letter(parser: Grammar, token: Token) -> Term:
    """Return the first letter of a word that is a product; the others become tokens of their own, so that a power is the last one's."""
    letters = [
        Token("name", letter, token.spaced and not at, token.start + at, token.start + at + 1)
        for at, letter in enumerate(token.text)
    ]
    parser.tokens[parser.at - 1 : parser.at] = letters
    return _letter(letters[0].text)


def _letter(letter: str) -> Term:
    return Constant(names.CONSTANTS[letter]) if letter in names.CONSTANTS else Symbol(letter)  # type: ignore[arg-type]


def _bracketed(parser: Grammar) -> Term:
    """Return what stands in round or square brackets: a group, a tuple, a list, or a half-open interval."""
    opening = parser.operator()
    parser.at += 1
    if parser.operator() in (")", "]"):
        parser.at += 1
        return Sequence("tuple" if opening == "(" else "list", ())
    bars, braces, parser.bars, parser.braces = parser.bars, parser.braces, 0, 0
    items, separators = parser.nested(parser.items)
    parser.bars, parser.braces = bars, braces
    closing = parser.accept(")", "]", "[")
    if not closing:
        raise Unreadable(f"a bracket {opening!r} is never closed")
    if opening == "]" or closing == "[" or (opening == "(") != (closing == ")"):
        if len(items) != 2:
            raise Unreadable("brackets do not match")
        return Interval(items[0], items[1], opening == "[", closing == "]")
    if len(items) == 1 and not separators and (opening == "(" or isinstance(items[0], Matrix)):
        return items[0]
    if len(items) == 2 and any(infinite(item) for item in items):
        return Interval(items[0], items[1], False, False)  # no point lies at infinity
    if "or" in separators or "and" in separators:
        return Sequence("or" if "or" in separators else "bare", items)
    return Sequence("tuple" if opening == "(" else "list", items)


def _braced(parser: Grammar) -> Term:
    """Return what stands in braces: LaTeX's group, a set in either notation, a set by its condition, a dictionary."""
    escaped = parser.operator() == "\\{"
    parser.at += 1
    if parser.accept("}", "\\}"):
        return EMPTY
    bars, parser.bars = parser.bars, 0
    parser.braces += 1
    items, separators = parser.nested(parser.items)
    divider = parser.accept("|", ":") if len(items) == 1 else ""
    if divider:
        items = printed.after_divider(parser, divider, items[0])
        parser.braces -= 1
        parser.bars = bars
        _close(parser)
        return items[0] if len(items) == 1 else Sequence("bare", items)
    parser.braces -= 1
    parser.bars = bars
    divided = parser.accept("\\choose", "\\over")
    if divided:
        below = parser.nested(parser.sum)
        _close(parser)
        return Apply("binomial", (items[0], below)) if divided == "\\choose" else quotient(items[0], below)
    _close(parser)
    if len(items) == 1 and not separators and not escaped:
        return items[0]
    return Sequence("set", items)


def _close(parser: Grammar) -> None:
    if not parser.accept("}", "\\}"):
        raise Unreadable("a brace is never closed")


def subscripted(parser: Grammar, value: Term) -> Term:
    """Return a value with its subscript: a base behind digits, part of the name behind a variable."""
    start = parser.tokens[parser.at - 2]
    inside = parser.token
    braced = parser.accept("{", "(")
    if inside.kind == "name" and len(inside.text) > 1:  # k_BT is k_B times T
        middle = inside.start + 1
        parser.tokens[parser.at : parser.at + 1] = [
            Token("name", inside.text[0], inside.spaced, inside.start, middle),
            Token("name", inside.text[1:], False, middle, inside.end),
        ]
    text = ""
    while (parser.token.kind in ("name", "number") or (braced and parser.operator() in ("+", "-", ","))) and (
        braced or not text
    ):
        text += parser.token.text
        parser.at += 1
    if braced:
        parser.expect("}" if braced == "{" else ")")
    if not text:
        raise Unreadable(f"{inside.text!r} is no subscript")
    if isinstance(value, Symbol):
        return Symbol(f"{value.name}_{text}")
    base = names.NUMBER_WORDS.get(text.lower()) or (int(text) if text.isdigit() and len(text) <= 2 else 0)
    digits = start.text.replace(",", "").replace(" ", "")
    if start.kind == "number" and 2 <= base <= 36 and digits.isdigit():
        return Based(digits.lstrip("0") or "0", base)
    raise Unreadable(f"no base {text!r}")
