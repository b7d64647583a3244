"""The parts of the grammar, as those that read one kind of atom call them; :mod:`~eurus_graders.math.read.parser` reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from eurus_graders.math.algebra.terms import Apply, Term, number
from eurus_graders.math.read.cursor import Cursor
from eurus_graders.math.read.tokens import Token


class Grammar(Cursor, ABC):
    """A cursor that reads a part of an answer at a time, from the loosest that binds to the tightest."""

    @abstractmethod
    def items(self) -> tuple[tuple[Term, ...], set[str]]: ...

    @abstractmethod
    def item(self) -> Term: ...

    @abstractmethod
    def union(self) -> Term: ...

    @abstractmethod
    def sum(self) -> Term: ...

    @abstractmethod
    def product(self) -> Term: ...

    @abstractmethod
    def unary(self) -> Term: ...

    @abstractmethod
    def power(self) -> Term: ...

    @abstractmethod
    def primary(self) -> Term: ...

    def argument(self) -> Term:
        """Return a command's argument: a braced group, one digit (``\\frac12``), or whatever single thing stands here."""
        token = self.token
        if token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            head, rest = token.text[0], token.text[1:]
            middle = token.start + 1
            self.tokens[self.at : self.at + 1] = [
                Token("number", head, token.spaced, token.start, middle, number(int(head))),
                Token("number", rest, False, middle, token.end, number(int(rest))),
            ]
        if self.operator() == "-":
            self.at += 1
            return Apply("neg", (self.argument(),))
        return self.nested(self.primary)
