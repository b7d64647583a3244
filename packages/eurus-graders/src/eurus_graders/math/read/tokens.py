"""Answers cut into tokens: numbers, names, LaTeX commands, operators.

Whether a comma groups thousands is decided here, since it needs the characters: ``7,425,000`` is a number, ``32, 349`` two, and
inside brackets ``(3,100)`` is a pair unless a group begins with 0, as no item of a list does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from eurus_graders.math.algebra.terms import Number
from eurus_graders.math.errors import TooLarge, Unreadable

MAX_CHARACTERS = 4096
_MAX_DIGITS = 1233  # 4,096 bits
_MAX_TEN = 1200  # the largest power of ten of 1e1200; beyond it a written float is no answer


@dataclass(frozen=True, slots=True)
class Token:
    """``spaced``: white space stood before it. ``start`` and ``end`` are offsets in the cleaned text."""

    kind: Literal["number", "name", "command", "op", "end"]
    text: str
    spaced: bool
    start: int
    end: int
    number: Number | None = None


_SPACE = re.compile(r"\s+")
_REPEATING = re.compile(
    r"(\d*\.\d*)(?:\\(?:overline|bar)\s*\{\s*(\d+)\s*\}|\\(?:overline|bar)\s+?(\d)|\\dot\s*\{?\s*(\d)\s*\}?(?:(\d*)\\dot\s*\{?\s*(\d)\s*\}?)?|\((\d+)\))"
)
_ENDLESS = re.compile(r"(\d*\.\d+)\s*(?:\.\.\.|\\[lc]?dots(?![A-Za-z]))")
_UNDERSCORED = re.compile(r"\d{1,3}(?:_\d{3})+(?![\d_])(?:\.\d+)?")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?![\d])(?:\.\d+)?")
_SPACED_THOUSANDS = re.compile(r"\d{1,3}(?: \d{3})+(?!\d)(?:\.\d+)?")
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_NAME = re.compile(
    r"(?:np|numpy|math|cmath|sp|sympy|mpmath|mp|fractions|decimal|Interval|S)\.[A-Za-z_]\w*|log10|log2|log1p|Point[23]D|float\d+|u?int\d+"
    r"|[A-Za-z]+(?:_[a-z]{2,})*"
)
_COMMAND = re.compile(r"\\[A-Za-z]+|\\\\|\\[{}|]")
_OP = re.compile(r"\*\*|<=|>=|!=|==|->|[-+*/^_=<>()\[\]{}|,;:!%&$€£¥₹'\"]")


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a cleaned answer, ending in one of kind ``end``; Unreadable at a character of no use."""
    tokens: list[Token] = []
    at, depth = 0, 0
    quoted = False
    text = text.rstrip()
    while at < len(text):
        space = _SPACE.match(text, at)
        spaced = space is not None
        if space is not None:
            at = space.end()
        token = _next(text, at, depth, spaced=spaced)
        if token.kind in ("op", "command"):
            depth += _NESTING.get(token.text, 0)
            if token.text == "{" and not tokens:
                depth += 1  # a set in Python's notation; elsewhere a brace groups
        if token.text not in ("'", '"'):
            tokens.append(token)
        elif token.text == "'" and not quoted and not spaced and tokens and tokens[-1].kind in ("name", "command"):
            tokens.append(token)  # a prime: f'(x)
        else:
            quoted = not quoted
        at = token.end
    tokens.append(Token("end", "", False, at, at))
    return tokens


_NESTING = {"(": 1, "[": 1, "\\{": 1, ")": -1, "]": -1, "\\}": -1}


def _next(text: str, at: int, depth: int, *, spaced: bool) -> Token:
    character = text[at]
    if character.isascii() and (character.isdigit() or (character == "." and at + 1 < len(text))):
        number, end = _number(text, at, depth)
        if number is not None:
            return Token("number", text[at:end], spaced, at, end, number)
    if character == "!" and at and text[at - 1].isdigit():
        return Token("op", "!", spaced, at, at + 1)  # 3!=6 is a factorial's value, and 3 != 6 an inequality
    for kind, pattern in (("name", _NAME), ("command", _COMMAND), ("op", _OP)):
        found = pattern.match(text, at)
        if found is not None:
            return Token(kind, found.group(), spaced, at, found.end())  # type: ignore[arg-type]
    raise Unreadable(f"{character!r} means nothing here")


def _number(text: str, at: int, depth: int) -> tuple[Number | None, int]:
    found = _REPEATING.match(text, at)
    if found is not None:
        head, block = found.group(1), found.group(2) or found.group(3) or found.group(7)
        if block is None:
            block = found.group(4) + ((found.group(5) or "") + found.group(6) if found.group(6) else "")
        return Number(repeating(head, block)), found.end()
    found = _ENDLESS.match(text, at)
    if found is not None:
        return _endless(found.group(1)), found.end()
    found = _THOUSANDS.match(text, at)
    if found is not None and (depth <= 0 or ",0" in found.group()):
        return decimal(found.group().replace(",", "")), found.end()
    found = _UNDERSCORED.match(text, at)
    if found is not None:  # Python's 1_000_000
        return decimal(found.group().replace("_", "")), found.end()
    found = _SPACED_THOUSANDS.match(text, at)
    if found is not None and depth <= 0:
        return decimal(found.group().replace(" ", "")), found.end()
    found = _NUMBER.match(text, at)
    if found is None:
        return None, at
    return decimal(found.group()), found.end()


def decimal(text: str) -> Number:
    """Return a number as written, digits counted where it has a point or an exponent; TooLarge past the caps."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, point, part = mantissa.partition(".")
    if len(whole) + len(part) > _MAX_DIGITS or len(exponent) > 5 or abs(int(exponent or "0")) > _MAX_TEN:
        raise TooLarge(f"a number of {len(text)} characters")
    scaled = int((whole + part) or "0")
    power = int(exponent or "0") - len(part)
    value = Fraction(scaled * 10**power) if power >= 0 else Fraction(scaled, 10**-power)
    digits = len((whole + part).lstrip("0")) if point or exponent else 0
    return Number(value, digits)


def repeating(head: str, block: str) -> Fraction:
    """Return the value of ``head`` (``0.1``) followed by ``block`` for ever: 0.1(6) = 1/6."""
    if len(head) + len(block) > _MAX_DIGITS:
        raise TooLarge("a repeating decimal longer than any answer")
    places = len(head.partition(".")[2])
    return decimal(head + "0").value + Fraction(int(block), (10 ** len(block) - 1) * 10**places)


def _endless(head: str) -> Number:
    """Return ``0.333...`` as 1/3 where a block stands twice (one digit: three times) at the end, else the decimal itself."""
    part = head.partition(".")[2]
    for size in range(1, len(part) // 2 + 1):
        times = 3 if size == 1 else 2
        block = part[-size:]
        if len(part) >= size * times and part.endswith(block * times):
            return Number(repeating(head, block))
    return decimal(head)
