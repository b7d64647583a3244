"""Whether the words beside a run of mathematics leave it what it is: no bound, no part of a range, nothing denied, no rank."""

from __future__ import annotations

import re

from eurus_graders.math.read import languages
from eurus_graders.math.read.chunks import Chunk

ARTICLES = ("a", "an", "the", "his", "her", "its", "their", "all", "both")
_NUMBERED = re.compile(r"[万亿千百倍点]|分之")
_BOUNDED = re.compile(r"(?:第|分之|不到|至少|超过|大于|小于|最多|不是|不|약|以上|以下)\Z")
_ORDINAL = re.compile(r"-?\d+(?:st|nd|rd|th)")
_RANGE = re.compile(r"\d\s?[–—~]\s?\d")
_HYPHENATED = re.compile(r"(?P<low>\d+(?:\.\d+)?)-(?P<high>\d+(?:\.\d+)?)")
_BEFORE = frozenset((
    "not", "n't", "least", "most", "than", "over", "under", "above", "below", "between", "from", "except", "until", "times", "plus", "minus",
    "nearly", "almost", "within", "without", "never", "neither", "nor", "beyond", "up", "excluding",
))  # fmt: skip
"""Words after which a number is a bound or a part of something in words."""
_AFTER = frozenset((
    "times", "plus", "minus", "over", "squared", "cubed", "divided", "multiplied", "factorial", "to", "by", "thirds", "quarters", "halves", "th", "modulo",
    "mod", "wrong", "choose",
))  # fmt: skip
"""Words that go on with what a number began."""
_CHANGE = re.compile(
    r"\b(?:chang|ris|rose|fell|fall|drop|go|went|increas|decreas|gr[eo]w|declin|mov|reduc)\w*\b",
    re.IGNORECASE,
)
_TAKES = re.compile(r"\b(?:takes|maps|sends|brings|converts)\b", re.IGNORECASE)
_DENIALS = frozenset((
    "would", "could", "might", "may", "maybe", "perhaps", "no", "nicht", "pas", "не", "不是", "non", "not", "cannot", "never", "neither", "wrong", "incorrect", "impossible", "fails", "fail", "failed",
))  # fmt: skip
_COMPARED = frozenset((
    "more", "less", "fewer", "greater", "higher", "larger", "smaller", "older", "younger", "taller", "longer", "shorter",
))  # fmt: skip
_EQUAL_TO = (
    ["equal"],
    ["equals"],
    ["up"],
    ["down"],
    ["comes"],
    ["simplifies"],
    ["evaluates"],
    ["reduces"],
    ["amounts"],
)


def stands(chunks: list[Chunk], start: int, end: int, clause: str, text: str) -> bool:
    """Whether the words beside a run leave it what it is: no bound, no part of a range, nothing denied, no rank."""
    run = chunks[start:end]
    before = [chunk.text.lower() for chunk in chunks[max(0, start - 3) : start]]
    after = [chunk.text.lower() for chunk in chunks[end : end + 3]]
    if any(_ORDINAL.fullmatch(chunk.text) for chunk in run) or _RANGE.search(text) or run[0].kind == "unit":
        return False
    spans = [_HYPHENATED.fullmatch(chunk.text) for chunk in run]
    if any(span is not None and float(span["low"]) < float(span["high"]) for span in spans):
        return False  # 5-10 minutes
    relative = before[-1:] in (["is"], ["are"], ["was"])  # the most that she could have is 5
    denials = [word for word in (*before, *after) if word in _DENIALS or word.endswith(("n't", "n’t"))]
    if any(word not in ("could", "would", "may", "might") or not relative for word in denials):
        return False
    behind = said(chunks[end : end + 3])
    if languages.goes_on(behind) or languages.bounds(said(chunks[max(0, start - 5) : start]), behind):
        return False
    if (after and _NUMBERED.match(after[0])) or (before and _BOUNDED.search(before[-1])):
        return False
    if before[-1:] == ["through"] and start > 1 and chunks[start - 2].kind == "math":
        return False
    if before[-1:] == ["to"]:
        if before[-3:] == ["or", "equal", "to"]:
            return False
        takes = _TAKES.search(clause) is not None and "=" in text
        return before[-2:-1] in _EQUAL_TO or takes or _CHANGE.search(clause) is not None
    if (
        before
        and before[-1] in _BEFORE
        and (before[-1] != "up" or before[-2:-1] not in (["made"], ["take"], ["takes"], ["makes"], ["make"]))
    ):
        return False
    if before[-1:] == ["by"] and (chunks[start - 2].kind == "math" or before[-2:-1] in (["divided"], ["multiplied"])):
        return False
    bare = [word for word in before if word not in ARTICLES]
    if bare[-1:] == ["of"] and any(
        one.kind == "math" or one.text == "out" for one in chunks[max(0, start - 3) : start]
    ):
        return False
    if (
        len(before) > 1
        and before[-1] in (*ARTICLES, "exactly", "about", "approximately", "only", "just")
        and before[-2] in _BEFORE
    ):
        return False
    if after[:1] == ["to"] and "=" in text and end + 1 < len(chunks) and chunks[end + 1].kind == "word":
        return True  # 5 * 3 = 15 hours to read it
    compared = after[:1] and after[0] in _COMPARED and "than" in after[1:]
    goes_on = after[:1] and (
        after[0] in _AFTER or after[:2] == ["out", "of"] or (after[0] == "or" and not run[-1].ends)
    )
    return not (compared or goes_on)


def said(chunks: list[Chunk]) -> str:
    return "".join(chunk.text + " " for chunk in chunks)
