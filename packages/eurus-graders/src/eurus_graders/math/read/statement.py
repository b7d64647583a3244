r"""Reading a reply's last statement where nothing announces an answer: ``So she pays $18 for 6 cm of it.``

No number is cut out of what was not read. The last sentence is split into words and mathematics; the last run of mathematics, with the units
around it, is the answer, whole, and only where the words beside it do not make it something else: a bound, a part of a product in
words, one of a range. Where that cannot be told there is no answer.
"""

from __future__ import annotations

import re

from eurus_graders import dress
from eurus_graders.math.read import languages, names
from eurus_graders.math.read.chunks import ANCHOR, WORD, Chunk, chunked, spelt, text_of
from eurus_graders.math.read.words import stated

_TAIL = 2_500
"""Characters looked at, from the end."""
_FORMULA = re.compile(
    r"\$\$(.{1,1999}?)\$\$|(?<![\\$])\$(?=\S)([^$\n]{1,999}?)(?<![\s\\])\$(?!\d)|\\\((.{1,999}?)\\\)|\\\[(.{1,1999}?)\\\]"
    r"|\\begin\{(align|equation|gather|eqnarray)\*?\}(.{1,1999}?)\\end\{\5\*?\}",
    re.DOTALL,
)
_DRAWING = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)|\\blacksquare|\\square\s*\$?\s*\Z|<<[^<>\n]{1,200}>>", re.DOTALL)
_CLOSER = re.compile(
    r"\s*(?:i hope|hope (?:this|that)|let me know|please let|feel free|if you have|is there anything|good luck|thank|q\.?e\.?d|✅|this (?:completes|concludes)"
    r"|would you like|do you)",
    re.IGNORECASE,
)
_ABBREVIATED = "".join(
    rf"(?<!\b{word}\.)"
    for word in ("[A-Z]", "vs", "Mr", "Ms", "Mrs", "Dr", "St", "No", "eq", "i\\.e", "e\\.g", "approx")
)
_SENTENCES = re.compile(rf"(?<=[^\s.][.!?]){_ABBREVIATED}[\"')*_]*\s+(?=[\"'(*_\\$\x00]?[A-Z\x00\d\\-])|\n+")
_BULLET = re.compile(r"^\s*(?:[*•]\s+|>{1,3}\s+|#+\s+|-\s+(?=[A-Za-z])|(?:\d+[.)]|[Ss]tep\s+\d+\s*[:.)-])\s+)")
_ASIDE = re.compile(r"\s*\((?=[^()]*[A-Za-z]{2}[^()]*\))[^()]*\)\s*(?=[.!]?\s*\Z)")
_REASON = re.compile(
    r"(?:,?\s+(?:because|since|which|rather than|instead of|as (?:desired|required|shown|expected|claimed))\b|,\s*(?:not|where|as)\b)"
    r"(?:(?!\b(?:so|thus|hence|therefore)\b).)*\Z",
    re.DOTALL,
)
_NUMBERED = re.compile(r"[万亿千百倍点]|分之")
_BOUNDED = re.compile(r"(?:第|分之|不到|至少|超过|大于|小于|最多|不是|不|약|以上|以下)\Z")
_ORDINAL = re.compile(r"-?\d+(?:st|nd|rd|th)")
_RANGE = re.compile(r"\d\s?[–—~]\s?\d")
_BEFORE = frozenset((
    "not", "n't", "least", "most", "than", "over", "under", "above", "below", "between", "from", "except", "until", "times", "plus", "minus",
    "nearly", "almost", "within", "without", "never", "neither", "nor", "beyond", "up",
))  # fmt: skip
"""Words after which a number is a bound or a part of something in words."""
_AFTER = frozenset((
    "times", "plus", "minus", "over", "squared", "cubed", "divided", "multiplied", "factorial", "to", "by", "thirds", "quarters", "halves", "th", "modulo",
    "mod", "wrong", "choose",
))  # fmt: skip
"""Words that go on with what a number began."""
_RATIO = re.compile(r"\bratio\b[^.\d]{0,80}\b(?:is|was|equals)\s+\**(\d+)\s+to\s+(\d+)\**\s*[.!]?\s*\Z", re.IGNORECASE)
_CHECK = re.compile(
    r"\W*(?:check|verification|verify|verifying|probe|comprobación|verificação|vérification|проверка)\b.*(?:[✓✔✅☑]|\b(?:correct|works|holds|true)\b\W*\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""A check behind the answer, and that it holds."""
_CHANGE = re.compile(
    r"\b(?:chang|ris|rose|fell|fall|drop|go|went|increas|decreas|gr[eo]w|declin|mov|reduc)\w*\b",
    re.IGNORECASE,
)
STATES = frozenset(
    {"is", "are", "was", "were", "has", "have", "had", "equals", "gives", "gets", "makes", "be", "sold", "got", "made"}
)
_ARTICLES = ("a", "an", "the", "his", "her", "its", "their", "all")
_PREPOSITIONS = frozenset(
    ("of", "in", "for", "with", "from", "per", "by", "after", "before", "among", "into", "every", "each", "at", "on")
)
_AMOUNTS = frozenset((
    "total", "sum", "area", "length", "width", "height", "value", "probability", "average", "mean", "median", "cost", "profit", "loss", "perimeter", "volume",
    "price", "speed", "distance", "difference", "product", "quotient", "remainder", "amount", "maximum", "minimum", "radius", "measure", "angle", "sale",
))  # fmt: skip
"""Nouns of which a number behind ``of`` is the value."""
_DENIALS = frozenset(
    (
        "would",
        "could",
        "might",
        "may",
        "maybe",
        "perhaps",
        "no",
        "nicht",
        "pas",
        "не",
        "不是",
        "non",
        "not",
        "cannot",
        "never",
        "neither",
        "wrong",
        "incorrect",
        "impossible",
    )
)
_COMPARED = frozenset(
    (
        "more",
        "less",
        "fewer",
        "greater",
        "higher",
        "larger",
        "smaller",
        "older",
        "younger",
        "taller",
        "longer",
        "shorter",
    )
)
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


def last_statement(text: str) -> str | None:
    """Return the answer that the last statement makes, or None."""
    tail = languages.units_named(languages.digits(_DRAWING.sub(" ", _end(text))))
    formulas: list[str] = []

    def masked(found: re.Match[str]) -> str:
        inside = next(one for one in (found[1], found[2], found[3], found[4], found[6]) if one is not None)
        formulas.append(inside)
        return (
            f"\x00{len(formulas) - 1}\x00"
            if found[2] is not None or found[3] is not None
            else f" \x00{len(formulas) - 1}\x00 "
        )

    sentences = [one.strip() for one in _SENTENCES.split(_FORMULA.sub(masked, tail)) if one and one.strip(" \t*_-#`")]
    while sentences and _CLOSER.match(sentences[-1].lstrip("*_ ")):
        sentences.pop()
    while len(sentences) > 1 and _CHECK.match(sentences[-1]) is not None and sentences[-1].count("\x00") <= 2:
        sentences.pop()
    for back, sentence in enumerate(reversed(sentences[-3:])):
        chunks = chunked(_clause(sentence))
        aside = _ASIDE.search(sentence)
        if sentence.rstrip("*_)\"'").endswith("?") or (aside is not None and dress.changes(aside.group())):
            return None
        if back and not _goes_on(sentences[-back]):
            return None
        if (ratio := _RATIO.search(sentence)) is not None:
            return f"{ratio[1]}:{ratio[2]}"
        if any(chunk.kind == "math" for chunk in chunks):
            return _read(chunks, _clause(sentence), formulas)
        words = stated(chunks, sentence, STATES)
        if words is not None:
            return words
    return None


def _end(text: str) -> str:
    """Return the end of a text, from outside of a formula in dollars."""
    start = max(0, len(text) - _TAIL)
    if start and (text.count("$", 0, start) - text.count("\\$", 0, start)) % 2:
        start = text.find("$", start) + 1
    return text[start:]


def _goes_on(sentence: str) -> bool:
    """Whether a sentence without mathematics only rounds off the one before: ``This is the answer.``"""
    words = WORD.findall(sentence.lower())
    return (
        len(words) <= 8
        and words[:1] in (["this"], ["these"], ["that"], ["it"], ["checking"], ["done"])
        and "not" not in words
    )


def _clause(sentence: str) -> str:
    """Return the part of a sentence that states something: without list marks, asides, reasons and what a colon introduces."""
    sentence = _BULLET.sub("", sentence).strip()
    sentence = re.sub(r"\s*\[?(?:\\blacksquare|\\square|■|□|∎)\]?\s*\Z", "", sentence)
    sentence = _ASIDE.sub("", sentence)
    shorter = _REASON.sub("", sentence)
    if ANCHOR.search(shorter) or "\x00" in shorter:
        sentence = shorter
    head, colon, rest = sentence.partition(": ")
    if colon:
        listed = len(re.findall(r"\d+ [A-Za-z]{2}", rest)) > 1
        return head if listed and re.search(r"\d", head) and not re.search(r"\btotal|=", rest) else rest
    return sentence


def _read(chunks: list[Chunk], clause: str, formulas: list[str]) -> str | None:
    """Return the last run of mathematics, unless what stands beside it makes it something else.

    One that only says of what (``56 ways to choose 3 of 8``) leaves it to the one that the sentence states, and there must be one.
    """
    runs = _runs(chunks)
    anchored = [
        run for run in runs if any(ANCHOR.search(text_of(chunk, formulas)) for chunk in chunks[run[0] : run[1]])
    ]
    candidates = anchored or runs
    if not candidates:
        return None
    last = candidates[-1]
    if len(candidates) > 1 and not _equates(chunks, last, formulas) and _is_one_of_several(chunks, candidates):
        return None
    if len(candidates) > 1 and _is_aside(chunks, last, formulas):
        stated = [run for run in candidates[:-1] if _is_stated(chunks, run, formulas)]
        if not stated or chunks[last[0] - 1].text.lower() == "with":  # 4 each, with 2 left over
            return None
        last = stated[-1]
    start, end = last
    text = " ".join(spelt(chunk, formulas) for chunk in chunks[start:end]).strip(" ,;:")
    return text if text and _stands(chunks, start, end, clause, text) else None


def _is_one_of_several(chunks: list[Chunk], runs: list[tuple[int, int]]) -> bool:
    """Whether a sentence says several numbers of several things: ``8 vertices and 6 faces``, ``Sarah is 12 and Tom is 15``."""
    start = runs[-1][0]
    listed = chunks[start - 1].kind == "joint" and start > 1 and chunks[start - 2].kind == "word" if start else False
    stated = [run for run in runs if run[0] and chunks[run[0] - 1].text.lower() in STATES]
    return listed or (len(stated) > 1 and stated[-1] == runs[-1])


def _is_aside(chunks: list[Chunk], run: tuple[int, int], formulas: list[str]) -> bool:
    """Whether a run says of what, in what or for what something is; ``a total of 105`` says what it is."""
    before = [chunk.text.lower() for chunk in chunks[max(0, run[0] - 3) : run[0]]]
    while before and before[-1] in _ARTICLES:
        before.pop()
    if not before or before[-1] not in _PREPOSITIONS or _equates(chunks, run, formulas):
        return False
    return not (before[-1] == "of" and before[-2:-1] and before[-2] in _AMOUNTS)


def _is_stated(chunks: list[Chunk], run: tuple[int, int], formulas: list[str]) -> bool:
    before = [chunk.text.lower() for chunk in chunks[max(0, run[0] - 2) : run[0]]]
    return bool(STATES.intersection(before)) or _equates(chunks, run, formulas)


def _equates(chunks: list[Chunk], run: tuple[int, int], formulas: list[str]) -> bool:
    return any("=" in text_of(chunk, formulas) for chunk in chunks[run[0] : run[1]])


def _stands(chunks: list[Chunk], start: int, end: int, clause: str, text: str) -> bool:
    """Whether the words beside a run leave it what it is: no bound, no part of a range, nothing denied, no rank."""
    run = chunks[start:end]
    before = [chunk.text.lower() for chunk in chunks[max(0, start - 3) : start]]
    after = [chunk.text.lower() for chunk in chunks[end : end + 3]]
    if any(_ORDINAL.fullmatch(chunk.text) for chunk in run) or _RANGE.search(text) or run[0].kind == "unit":
        return False
    if any(word in _DENIALS or word.endswith(("n't", "n’t")) for word in (*before, *after)):
        return False
    said = _said(chunks[end : end + 3])
    if languages.goes_on(said) or languages.bounds(_said(chunks[max(0, start - 5) : start]), said):
        return False
    if (after and _NUMBERED.match(after[0])) or (before and _BOUNDED.search(before[-1])):
        return False
    if before[-1:] == ["to"]:
        return before[-2:-1] in _EQUAL_TO or _CHANGE.search(clause) is not None
    if before and before[-1] in _BEFORE and before[-2:] != ["made", "up"]:
        return False
    if before[-1:] == ["by"] and (chunks[start - 2].kind == "math" or before[-2:-1] in (["divided"], ["multiplied"])):
        return False
    bare = [word for word in before if word not in _ARTICLES]
    if bare[-1:] == ["of"] and any(
        one.kind == "math" or one.text == "out" for one in chunks[max(0, start - 3) : start]
    ):
        return False
    if (
        len(before) > 1
        and before[-1] in (*_ARTICLES, "exactly", "about", "approximately", "only", "just")
        and before[-2] in _BEFORE
    ):
        return False
    compared = after[:1] and after[0] in _COMPARED and "than" in after[1:]
    goes_on = after[:1] and (
        after[0] in _AFTER or after[:2] == ["out", "of"] or (after[0] == "or" and not run[-1].ends)
    )
    return not (compared or goes_on)


def _said(chunks: list[Chunk]) -> str:
    return "".join(chunk.text + " " for chunk in chunks)


def _runs(chunks: list[Chunk]) -> list[tuple[int, int]]:
    """Return where runs of mathematics begin and end: formulas and numbers, what joins two of them, units behind them."""
    runs: list[tuple[int, int]] = []
    at = 0
    while at < len(chunks):
        if chunks[at].kind not in ("math", "operator"):
            at += 1
            continue
        start, end, place = at, at + 1, at + 1
        while place < len(chunks):
            kind, text = chunks[place].kind, chunks[place].text.lower()
            if kind in ("math", "operator") or (
                kind == "unit" and (not chunks[place - 1].ends or text in names.MULTIPLIERS)
            ):
                end = place + 1
            elif kind == "joint" and place + 1 < len(chunks) and chunks[place + 1].kind in ("math", "operator"):
                if chunks[place + 1].kind == "math" and not _joined(chunks, start, place):
                    break
            elif text in ("a", "one") and [one.text.lower() for one in chunks[place - 1 : place + 2]] in (
                ["and", text, "half"],
            ):
                end = place + 2
                place += 1
            elif kind == "joint" and [one.text.lower() for one in chunks[place + 1 : place + 3]] in (
                ["a", "half"],
                ["one", "half"],
            ):
                pass
            else:
                break
            place += 1
        if any(chunk.kind == "math" for chunk in chunks[start:end]):
            runs.append((start, end))
        at = max(end, at + 1)
    return runs


def _joined(chunks: list[Chunk], start: int, joint: int) -> bool:
    """Whether what stands before ``and`` or ``or`` is one run with what follows; ``10 km and 3 adults`` is none."""
    return True
