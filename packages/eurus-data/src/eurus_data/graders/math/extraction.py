r"""Finding the answer in a reply's text. What stands first in this list is taken, and of several the last, as earlier ones are drafts:

1. ``boxed``: ``\boxed{...}``; boxes that only commas, "and" or "or" part are one list; a box that is never closed ends with its line
2. ``output``: the last line of a fenced block of output
3. ``stated``: ``<answer>42</answer>``, GSM8K's ``#### 42``, or "the answer is 42" and its like
4. ``last number``: the last number of the prose, with the formula around it; none where a word before it says that it is a bound

What follows a thought (``</think>``) is searched before the thought itself, for each of these. Code in fences is no prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MAX_TEXT = 100_000
"""Characters looked at, from the end: answers stand there."""

_STATED = re.compile(
    r"(?:(?:answer|result|solution|(?:correct|right|best|final) (?:option|choice))s?\b[^.:=\n]{0,40}?(?:\bis\b|\bare\b|[:=])|答案\s*(?:是|为|[:：]))"
    r"[\s:：*]*(?P<answer>[^\n]{1,400})",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"<answer>\s*(?P<answer>[^<]{1,400}?)\s*</answer>", re.IGNORECASE)
_GSM8K = re.compile(r"####\s*(?P<answer>[^\n]+)")
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_OUTPUT = re.compile(r"```[ \t]*(?:output|text|stdout|result)[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[^\d\s])[.。](?=\s+[A-Z]|\s*$)|(?<=\d)[.。](?=\s+[A-Z]|\s*$)")
_REASON = re.compile(
    r",?\s+(?:because|since|which|rather than|instead of|as (?:desired|required|shown))\b|,\s*(?:not|so|where)\b"
)
_FILLER = re.compile(
    r"(?:(?:therefore|thus|hence|then|now|simply|just|indeed|exactly|equal to)\b[\s,:]*)+", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?<![\w.])(?:\d+ (?:hours?|feet|foot|pounds?|years?|minutes?|dollars?|weeks?|days?),? (?:and )?\d+ (?:minutes?|seconds?|inch(?:es)?|ounces?|months?|cents?|days?|hours?)(?!\w)"
    r"|[-+−]?(?:\d+ \d+/\d+|\d+(?:\s?:\s?\d+)+|(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?)%?(?![\w]))"
)
_FORMULA = re.compile(
    r"\$\$(.{1,999}?)\$\$|(?<![\\$])\$([^$\n]{1,999})\$|\\\((.{1,999}?)\\\)|\\\[(.{1,999}?)\\\]", re.DOTALL
)
_BOUND = re.compile(
    r"\b(?:not|least|most|than|over|under|above|below|between|from|except|until)\s+[^\w\s]*\Z|[<>≤≥]\s*=?\s*\Z",
    re.IGNORECASE,
)
_BOX = re.compile(r"\\f?boxed\s*")
_BETWEEN_BOXES = re.compile(
    r"[\s$,;.]*(?:\\(?:quad|text\s*\{\s*(?:and|or)\s*\}|,|;)[\s$]*)*(?:(?:and|or)[\s$]*)?(?:[A-Za-z](?:_\w)?\s*=\s*)?"
)
_MOST_BOXES = 24
_BARE = re.compile(r"-?\d+(?:\.\d+)?|\w")
_THOUGHT_END = "</think>"
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_CODE = re.compile(r"[A-Za-z_]\w*\(|__|^\s*\[|%\s+[a-z]|\\phantom")


@dataclass(frozen=True, slots=True)
class Extraction:
    """An answer cut out of text, and the rule that found it."""

    answer: str
    rule: Literal["boxed", "output", "stated", "last number"]


def extract(text: str) -> Extraction | None:
    """Return the answer that a text gives, or None."""
    text = text[-MAX_TEXT:]
    thought, end, final = text.rpartition(_THOUGHT_END)
    return (_found(final) or _found(thought)) if end else _found(text)


def is_boxed(text: str) -> bool:
    """Return whether a text boxes something, so that what stands around the box is not the answer."""
    return _BOX.search(text) is not None


def is_prose(text: str) -> bool:
    """Return whether a text is worth searching: it boxes an answer, or states one or has three words or more, and is no code."""
    if is_boxed(text):
        return True
    end = text[-MAX_TEXT:]
    stated = any(pattern.search(end) for pattern in (_TAGGED, _GSM8K, _STATED))
    return (stated or len(_WORD.findall(end)) >= 3) and not _CODE.search(text)


def _found(text: str) -> Extraction | None:
    boxed = _last_boxes(text)
    if boxed:
        return Extraction(boxed, "boxed")
    outputs = [line for block in _OUTPUT.findall(text) for line in block.splitlines() if line.strip()]
    if outputs:
        return Extraction(outputs[-1].strip(), "output")
    prose = _FENCE.sub(" ", text)
    for pattern in (_TAGGED, _GSM8K, _STATED):
        stated = pattern.findall(prose)
        if stated:
            answer = _statement(stated[-1])
            if answer:
                return Extraction(answer, "stated")
    return _last_number(prose)


def _statement(text: str) -> str:
    """Return the answer that a statement begins with; one may state another: "Final answer: the answer is 42."."""
    sentence = _SENTENCE_END.split(text, maxsplit=1)[0]
    answer = _REASON.split(sentence, maxsplit=1)[0].strip(" *_:`")
    answer = answer[found.end() :] if (found := _FILLER.match(answer)) else answer
    again = _STATED.search(answer)
    return _statement(again["answer"]) if again is not None else answer


def _last_number(prose: str) -> Extraction | None:
    numbers = list(_NUMBER.finditer(prose))
    formulas = list(_FORMULA.finditer(prose))
    if formulas and any(letter.isdigit() for letter in formulas[-1].group()):
        last = formulas[-1]
        if not numbers or numbers[-1].start() < last.end():
            return _unbound(prose, last.start(), next(inside for inside in last.groups() if inside is not None).strip())
    return _unbound(prose, numbers[-1].start(), numbers[-1].group()) if numbers else None


def _unbound(prose: str, start: int, answer: str) -> Extraction | None:
    return None if _BOUND.search(prose, max(0, start - 24), start) else Extraction(answer, "last number")


def _last_boxes(text: str) -> str:
    """Return what the last box holds, after the boxes that belong to the same list; empty where none holds anything."""
    boxes: list[tuple[int, int, str]] = []
    for found in list(_BOX.finditer(text))[-_MOST_BOXES:]:
        if boxes and found.start() < boxes[-1][1]:
            continue  # a box within a box
        end, inside = _box(text, found.end())
        if inside:
            boxes.append((found.start(), end, inside))
    if not boxes:
        return ""
    listed = [boxes[-1]]
    for before in reversed(boxes[:-1]):
        if _BETWEEN_BOXES.fullmatch(text, before[1], listed[0][0]) is None:
            break
        listed.insert(0, before)
    return ", ".join(inside for _, _, inside in listed)


def _box(text: str, start: int) -> tuple[int, str]:
    """Return where a box ends and what it holds; without a brace, one digit or number."""
    if not text.startswith("{", start):
        bare = _BARE.match(text, start)
        return (bare.end(), bare.group()) if bare is not None else (start, "")
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1, text[start + 1 : at].strip()
    line = text.find("\n", start)
    end = len(text) if line < 0 else line
    return end, text[start + 1 : end].strip().rstrip("$ ")
