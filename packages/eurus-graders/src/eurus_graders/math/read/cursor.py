"""A place in an answer's tokens: looking at what stands there, stepping over it, going one level deeper."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from eurus_graders.math.errors import TooLarge, Unreadable
from eurus_graders.math.read import names
from eurus_graders.math.read.tokens import Token, tokenize

MAX_NESTING = 64
"""Levels of grammar; a bracket takes three of them, so that Python's own stack is never in danger."""

T = TypeVar("T")


class Cursor:
    """One reading of one cleaned answer. ``bars`` counts open absolute values, ``braces`` open sets.

    Where ``letters``, no word is a unit: ``2 mg`` is the product of 2, m and g.
    """

    def __init__(self, text: str, *, letters: bool = False):
        self.text = text
        self.letters = letters
        self.tokens = tokenize(text)
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.braces = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def operator(self, ahead: int = 0) -> str:
        """Return the operator at hand (LaTeX and Python spellings made one), or an empty string."""
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        if token.kind == "name":
            return token.text if token.text in ("and", "or") else ""
        if token.kind in ("op", "command"):
            return names.OPERATORS.get(token.text, token.text)
        return ""

    def accept(self, *operators: str) -> str:
        """Step over one of these operators and return it; an empty string where none stands here."""
        found = self.operator()
        if found and found in operators:
            self.at += 1
            return found
        return ""

    def expect(self, operator: str) -> None:
        if not self.accept(operator):
            raise Unreadable(f"{operator!r} is missing before {self.token.text or 'the end'!r}")

    def nested(self, part: Callable[[], T]) -> T:
        """Read a part one level deeper."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise TooLarge(f"nested deeper than {MAX_NESTING}")
        try:
            return part()
        finally:
            self.depth -= 1
