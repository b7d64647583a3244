"""Words that need saying what they mean, told where a reader meets them first."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

_UNREAD = re.compile(r"<(pre|script|style|title)\b.*?</\1>|<[^>]*>", re.DOTALL)
"""Marks, and what holds a model's own words or a drawing's hints."""


class Glossary:
    """Hands out each meaning once: to the first part of a page that uses the word."""

    def __init__(self, terms: Mapping[str, str]):
        self._left = dict(terms)

    def met_in(self, part: str) -> dict[str, str]:
        """Return the words of a part of a page, given as HTML, that no earlier part used, with their meanings."""
        text = html.unescape(_UNREAD.sub(" ", part))
        met = {}
        for term in sorted(self._left, key=len, reverse=True):  # a reward model is no reward
            text, times = _pattern(term).subn(" ", text)
            if times:
                met[term] = self._left.pop(term)
        return dict(sorted(met.items()))


def _pattern(term: str) -> re.Pattern[str]:
    """Match a word in any case, in the plural, and with any number for its N."""
    words = re.escape(term)
    words = re.sub(r"y$", "(?:y|ies)", words) if term.endswith("y") else f"{words}(?:s|es)?"
    words = re.sub(r"\\ N\b", r"\\ (?:N|\\d+)", words)
    return re.compile(rf"(?<![\w-]){words}(?![\w-])", re.IGNORECASE)
