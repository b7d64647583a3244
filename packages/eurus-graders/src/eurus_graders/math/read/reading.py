"""Reading an answer's text: as mathematics where it is some, else as words."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache

from eurus_graders import values
from eurus_graders.math.algebra import units, vectors
from eurus_graders.math.algebra.terms import (
    Quantity,
    Relation,
    Sequence,
    Symbol,
    Term,
    Words,
)
from eurus_graders.math.errors import TooLarge, Unreadable
from eurus_graders.math.read import languages, worded
from eurus_graders.math.read.parser import Parser
from eurus_graders.math.read.spelling import clean, fold
from eurus_graders.math.read.tokens import MAX_CHARACTERS

_ARTICLE = re.compile(
    r"\A(?:(?:the|an?|it|there (?:is|are))\s+)?(?:(?:series|sequence|integral|function|statement|system)\s+(?:is\s+)?)?(?=\w\w)"
)
_FORMULA = re.compile(r"[\\^_+*/=]")
_MOST_LABELS = 24
"""Labels within labels; each is read by itself."""
_PROSE = re.compile(r"[A-Za-z][A-Za-z'.\s,&-]*")


@lru_cache(maxsize=4096)
def read(text: str, *, letters: bool = False) -> Term:
    """Return the term that an answer's text means; Unreadable where it means none, TooLarge past a cap.

    Where ``letters``, no word is a unit or prose: ``2 mg`` is the product of 2, m and g.
    """
    if len(text) > MAX_CHARACTERS:
        raise TooLarge(f"{len(text)} characters; the cap is {MAX_CHARACTERS}")
    cleaned = clean(text)
    if len(cleaned) > 2 * MAX_CHARACTERS:
        raise TooLarge(f"{len(cleaned)} characters once spelt out")
    if letters:
        return vectors.gathered(Parser(cleaned, letters=True).answer())
    words = fold(cleaned)
    known = worded.meaning(words) or worded.meaning(_ARTICLE.sub("", words)) or worded.based(cleaned)
    if known is not None:
        return known
    date = values.value(cleaned)
    if isinstance(date, values.Date) and date.month and any(map(str.isalpha, cleaned)):
        return Words(str(date))  # 4 July is no 4 of anything
    if not words and not cleaned:
        raise Unreadable("it is empty")
    try:
        return vectors.gathered(Parser(cleaned).answer())
    except Unreadable:
        counted = worded.counted(cleaned) or languages.counted(cleaned)
        if counted is not None:
            return Quantity(read(counted[0]), units.read(counted[1]))
        labelled = _labelled(cleaned)
        if labelled is not None:
            return labelled
        if _FORMULA.search(cleaned):
            with contextlib.suppress(Unreadable):
                return read(cleaned, letters=True)
        if _PROSE.fullmatch(cleaned) or re.fullmatch(r"[\w\s.:,'()&-]*[A-Za-z]{3}[\w\s.:,'()&-]*", cleaned):
            return _words(words)
        raise


def _labelled(text: str) -> Term | None:
    """Return ``Area = 25`` as an equation, ``Center: (1, 2), radius: 3`` as a list of them; None where something has no label."""
    if sum(map(text.count, ("=", ":", " is ", " are "))) > _MOST_LABELS:
        return None
    found = worded.labelled(text)
    if found is None:
        parts = worded.parts(text)
        terms = [_labelled(part) for part in parts] if len(parts) > 1 else [None]
        known = tuple(term for term in terms if term is not None)
        return Sequence("bare", known) if len(known) == len(terms) else None
    value = read(found[1])
    if isinstance(value, Relation) and set(value.operators) != {"="}:
        return value  # Range: y >= 0
    if isinstance(value, Relation):  # Total = 5 + 6 = 11
        return Relation((Symbol(found[0]), *value.sides), ("=", *value.operators))
    return Relation((Symbol(found[0]), value), ("=",))


def _words(text: str) -> Term:
    """Return words, or the list that they enumerate: ``softball, kickball and chess``."""
    parts = re.split(r",\s*(?:and\s+)?|\s+and\s+", text)
    if 2 <= len(parts) <= 20 and all(part and len(part.split()) <= 3 for part in parts):
        return Sequence("bare", tuple(Words(_ARTICLE.sub("", part)) for part in parts))
    return Words(_ARTICLE.sub("", text))
