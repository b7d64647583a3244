"""The options that a multiple-choice question spells out, by letter."""

from __future__ import annotations

import re
import unicodedata

_OPTION = re.compile(r"(?:(?<=\s)|(?<=[,;:])|^)\(?\s?([A-Za-z])\s?[).:](?=\s|[^\s\w.)])\s*", re.MULTILINE)
MAX_OPTIONS = 26


def options(question: str) -> dict[str, str]:
    """Return letter to text, from lines or lists such as ``(A) 6 (B) 121`` or ``A ) 6 , B ) 121``; empty where there is no such list.

    The letters must stand in order from A, and the last such run counts: earlier ones may be examples.
    """
    found: dict[str, str] = {}
    run: list[re.Match[str]] = []
    for mark in _OPTION.finditer(question):
        expected = chr(ord("A") + len(run))
        if mark[1].upper() == "A":
            run = [mark]
        elif mark[1].upper() == expected and len(run) < MAX_OPTIONS:
            run.append(mark)
    if len(run) < 2:
        return found
    ends = [mark.start() for mark in run[1:]] + [_end(question, run[-1].end())]
    for mark, end in zip(run, ends, strict=True):
        found[mark[1].upper()] = question[mark.end() : end].strip(" ,;\t\n")
    return found


def normal(text: str) -> str:
    """Return text for comparing options: case, spaces, a final full stop and marks of dress are nothing; signs are something."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("$", "").replace("*", "").replace("−", "-")
    return re.sub(r"\s+", " ", text).strip(" .,;:\"'`")


def _end(question: str, start: int) -> int:
    """Return where the last option ends: at an empty line, or with the question."""
    blank = question.find("\n\n", start)
    return len(question) if blank < 0 else blank
