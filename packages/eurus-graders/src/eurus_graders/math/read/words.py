"""What a sentence without numerals states: a number in words, that there is no solution, that something is true."""

from __future__ import annotations

import re

from eurus_graders.math.read import names
from eurus_graders.math.read.chunks import Chunk

_NONE = re.compile(
    r"\b(?:has|have|there\s+(?:is|are|exists?))\s+(?P<none>no\s+(?:real\s+|integer\s+)?(?:solution|root)s?)(?:\s+(?:at\s+all|exists?))?\s*[.!]?\s*\Z"
    r"|\A\W*(?:(?:so|thus|hence|therefore),?\s+)?(?P<nor>no\s+(?:real\s+|integer\s+)?(?:solution|root)s?)(?:\s+exists?)?\s*[.!]?\s*\Z",
    re.IGNORECASE,
)
_TRUTH = re.compile(
    r"\A\W*(?:(?:so|thus|hence|therefore|conclusion:),?\s+)?(?:the|this)\s+(?:given\s+)?(?:statement|claim|assertion|proposition|conjecture)\s+is\s+(?:therefore\s+|thus\s+|indeed\s+)?"
    r"\**(?P<truth>true|false)\**\s*[.!]?\s*\Z",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if|when|unless|whether|for|where|otherwise|not|cannot|never|impossible|n['’]t|suppose|assum\w+|could|might|may)\b",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(r"(?:so|thus|hence|therefore|consequently)", re.IGNORECASE)
_PARTS = frozenset(
    (
        "half",
        "third",
        "thirds",
        "quarter",
        "quarters",
        "fourth",
        "fourths",
        "fifth",
        "fifths",
        "sixth",
        "sixths",
        "eighth",
        "eighths",
        "tenth",
        "tenths",
    )
)
_BOUNDS = frozenset(
    (
        "least",
        "most",
        "about",
        "almost",
        "nearly",
        "over",
        "under",
        "to",
        "of",
        "between",
        "from",
        "or",
        "and",
        "by",
        "only",
        "another",
        "every",
        "approximately",
    )
)
_GOES_ON = frozenset(("times", "plus", "minus", "over", "or", "to", "more", "less", "fewer", "as", "by", "out"))


def stated(chunks: list[Chunk], sentence: str, states: frozenset[str]) -> str | None:
    """Return what a sentence states in words: ``There are twenty-one of them.``, ``It was minus five degrees.``, ``There is no solution.``"""
    if _CONDITION.search(sentence) is None:
        nothing, truth = _NONE.search(sentence), _TRUTH.search(sentence)
        if nothing is not None:
            return str(nothing["none"] or nothing["nor"]).lower()
        if truth is not None:
            return truth["truth"].lower()
    for at in range(len(chunks) - 1, 0, -1):
        if chunks[at - 1].text.lower() in states:
            words, end = _number(chunks, at)
            if words and words != ["one"] and words[-1] != "and":
                return " ".join([*words, *_units(chunks, end)])
    return _share(chunks) or (_concluded(chunks) if _CONDITION.search(sentence) is None else None)


def _number(chunks: list[Chunk], at: int) -> tuple[list[str], int]:
    """Return the words of a number that begin at a place, and where they end; none where what follows goes on with it."""
    words: list[str] = []
    if at + 1 < len(chunks) and chunks[at].text.lower() in ("minus", "negative"):
        words.append("minus")
    start = at + len(words)
    for chunk in chunks[start : start + 6]:
        parts = chunk.text.lower().split("-")
        known = all(
            part in names.NUMBER_WORDS
            or part in names.MULTIPLIERS
            or (words not in ([], ["minus"]) and (part == "and" or part in _PARTS))
            for part in parts
        )
        if not known:
            break
        words.append(chunk.text.lower())
    end = at + len(words)
    following = chunks[end].text.lower() if end < len(chunks) else ""
    return (
        ([], at)
        if words == ["minus"] or following in _GOES_ON or (following.rstrip("s") + "s") in _PARTS
        else (words, end)
    )


def _units(chunks: list[Chunk], at: int) -> list[str]:
    """Return the units that stand at a place."""
    found: list[str] = []
    while at < len(chunks) and (chunks[at].kind == "unit" or chunks[at].text.lower() in ("celsius", "fahrenheit")):
        found.append(chunks[at].text)
        at += 1
    return found


def _concluded(chunks: list[Chunk]) -> str | None:
    """Return the only number of a conclusion, in words, where the sentence ends in it, or in what it counts: ``So Ann earned forty dollars.``"""
    if not chunks or _CONCLUDES.fullmatch(chunks[0].text) is None:
        return None
    found: list[tuple[int, list[str], int]] = []
    at = 1
    while at < len(chunks):
        words, end = _number(chunks, at)
        if words and words[-1] != "and":
            found.append((at, words, end))
        at = max(end, at + 1)
    if len(found) != 1 or found[0][1] == ["one"]:
        return None
    at, words, end = found[0]
    units = _units(chunks, end)
    bound = chunks[at - 1].text.lower() in _BOUNDS or "than" in [chunk.text.lower() for chunk in chunks]
    return None if bound or end + len(units) < len(chunks) - 1 else " ".join([*words, *units])


def _share(chunks: list[Chunk]) -> str | None:
    """Return the share with which a conclusion begins, where it names no other: ``So three quarters of the class passed.``"""
    if len(chunks) < 4 or _CONCLUDES.fullmatch(chunks[0].text) is None:
        return None
    words, _ = _number(chunks, 1)
    said = [part for chunk in chunks for part in chunk.text.lower().split("-")]
    numbers = sum(part in names.NUMBER_WORDS for part in said)
    shares = sum(part in _PARTS for part in said)
    if len(words) not in (1, 2) or shares != 1 or numbers != 1 or said[1 + shares + numbers] != "of":
        return None
    denied = {"not", "no", "never", "if", "more", "less", "than", "would", "could", "may", "might", "remaining", "rest"}
    return None if denied.intersection(said) else " ".join(words).replace("-", " ")
