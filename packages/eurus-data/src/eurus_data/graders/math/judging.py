"""Judging a prediction, an answer or a sentence around one, against a reference: what the guard's worker runs."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import replace

from eurus_data.graders.comparison import Comparison
from eurus_data.graders.math import compare, keys
from eurus_data.graders.math.extraction import extract, is_boxed, is_prose
from eurus_data.graders.math.reading import read
from eurus_data.graders.math.spelling import clean
from eurus_data.graders.math.terms import Words, show
from eurus_data.graders.math.tokens import MAX_CHARACTERS, TooLarge, Unreadable

_REMARKED = re.compile(
    r"(?P<answer>[^()]*[^()\s])\s+\((?:(?P<why>(?:since|because|as|so|not|rounded|i\.e\.|that is|approx|approximately|exact|exactly|multiplicity)\b)?(?:or\s+)?(?P<value>[^()]*))\)\.?",
    re.DOTALL,
)


def judge(answer: str, reference: str) -> Comparison:
    """Compare an answer given as text; a sentence is searched for its answer where it does not match as a whole."""
    comparison = _compared(answer, reference)
    if not comparison.correct and _is_sentence(answer, comparison):
        found = extract(answer)
        if found is not None and found.answer != answer:
            inner = _compared(found.answer, reference)
            return replace(inner, rule=f"{inner.rule} ({found.rule})")
    return comparison


def _compared(answer: str, reference: str) -> Comparison:
    """Compare an answer, if need be without the remark in brackets behind it: ``7 (since 3 + 4 = 7)``, ``0.5 (one half)``."""
    comparison = compare.equivalent(answer, reference)
    if comparison.correct or len(answer) > MAX_CHARACTERS:
        return comparison
    remarked = _REMARKED.fullmatch(clean(answer))
    if remarked is None or not (remarked["why"] or compare.equivalent(remarked["answer"], remarked["value"]).correct):
        return comparison
    bare = compare.equivalent(remarked["answer"], reference)
    return bare if bare.correct else comparison


def answer_key(answer: str) -> Hashable:
    """Return the key of an answer, or of the one inside a sentence, as :func:`judge` would read it."""
    try:
        sentence = isinstance(read(answer), Words)
    except Unreadable:
        sentence = True
    except TooLarge:
        sentence = len(answer) > MAX_CHARACTERS
    if (sentence or is_boxed(answer)) and is_prose(answer):
        found = extract(answer)
        if found is not None:
            return keys.key(found.answer)
    return keys.key(answer)


def parsed(text: str) -> str:
    """Return how a text is read, in words for people."""
    try:
        return show(read(text))
    except (Unreadable, TooLarge) as error:
        return f"not read: {error}"


def _is_sentence(answer: str, comparison: Comparison) -> bool:
    """Whether an answer is prose around an answer: it reads as words or not at all, and is prose; or it boxes the answer."""
    unread = (
        comparison.outcome == "unparsed"
        or comparison.parsed_prediction.startswith(("'", '"'))
        or len(answer) > MAX_CHARACTERS
        or is_boxed(answer)  # letters before it may read as a product: s o 1/2
    )
    return unread and is_prose(answer)
