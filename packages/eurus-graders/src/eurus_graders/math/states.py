"""Whether a text states an answer, in any form that equals it: what a critique must not give away, and a masked rationale not hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eurus_graders.math.algebra.terms import Number, walk
from eurus_graders.math.equal.compare import equivalent
from eurus_graders.math.errors import TooLarge, Unreadable
from eurus_graders.math.read.reading import read
from eurus_graders.math.read.spelling import clean, fold

_NUMBER = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?[ij]?(?![\w])")
_MATH = re.compile(r"\$([^$]{1,200})\$|\\boxed\{([^{}]{1,200})\}|\*\*([^*]{1,200})\*\*|`([^`]{1,200})`")
_MOST = 200
"""Candidates looked at in a text."""


def states(text: str, answer: str) -> bool:
    """Return whether a text states an answer: as a number, a piece of mathematics, its parts one by one, or words."""
    candidates = list(_candidates(text))
    if any(equivalent(candidate, answer).correct for candidate in candidates):
        return True
    parts = _numbers(answer)
    # An answer of several numbers (-4 - 6j) is given away by all of them together.
    if len(parts) > 1 and all(
        any(equivalent(candidate.rstrip("ij"), part).correct for candidate in candidates) for part in parts
    ):
        return True
    words = fold(clean(answer))
    return (
        len(words) > 1
        and not words.isdigit()
        and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", fold(text)) is not None
    )


def _candidates(text: str) -> Iterator[str]:
    found = [match.group() for match in _NUMBER.finditer(text)]
    found += [next(filter(None, match.groups())) for match in _MATH.finditer(text) if any(match.groups())]
    yield from dict.fromkeys(found[:_MOST])
    for sign in found[:_MOST]:
        if sign.startswith("-") and sign[1:] not in found:
            yield sign[1:]  # "10-8": a minus between, not a sign


def _numbers(answer: str) -> tuple[str, ...]:
    try:
        term = read(answer)
    except (Unreadable, TooLarge):
        return ()
    return tuple(dict.fromkeys(str(abs(one.value)) for one in walk(term) if isinstance(one, Number)))
