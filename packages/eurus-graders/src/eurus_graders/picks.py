"""A pick among options, and text without what dresses it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DRESS = "*_`$\"'"
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|boxed|fbox|mbox)\s*\{((?:[^{}]|\{[^{}]*\})*)\}")


@dataclass(frozen=True, slots=True)
class Pick:
    """A letter in upper case, an option's words, or both; ``problem`` (``ambiguous``, ``no choice``) says why there is neither."""

    letter: str = ""
    text: str = ""
    problem: str = ""

    def __str__(self) -> str:
        return f"({self.letter}) {self.text}".strip() if self.letter else self.text


AMBIGUOUS = Pick(problem="ambiguous")
NONE = Pick(problem="no choice")


def undressed(text: str) -> str:
    """Return text without the marks of Markdown and LaTeX around it."""
    text = re.sub(r"\\[()\[\]]", "", text)
    for _ in range(4):
        text = _stripped(_WRAPPED.sub(r"\1", text))
    return text


def _stripped(text: str) -> str:
    """Return text without white space and marks at its ends. No pattern: one that looks for the end tries every run of spaces."""
    inside = [at for at, character in enumerate(text) if not (character.isspace() or character in _DRESS)]
    return text[inside[0] : inside[-1] + 1] if inside else ""
