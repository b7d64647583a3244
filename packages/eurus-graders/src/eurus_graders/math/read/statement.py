r"""Reading a reply's last statement where nothing announces an answer: ``So she pays $18 for 6 cm of it.``

No number is cut out of what was not read. The last sentence is split into words and mathematics; the last run of mathematics, with the units
around it, is the answer, whole, and only where the words beside it do not make it something else: a bound, a part of a product in
words, one of a range. Where that cannot be told there is no answer.
"""

from __future__ import annotations

import re

from eurus_graders import dress
from eurus_graders.math.read import chains, names, sentences
from eurus_graders.math.read.beside import ARTICLES, said, stands
from eurus_graders.math.read.chunks import WORD, Chunk, chunked, spelt, text_of, valued
from eurus_graders.math.read.words import stated

_THERE_ARE = re.compile(
    r"\b(?:there\s+(?:are|is|will\s+be|were|was|must\s+be)|number\s+has|this\s+gives(?:\s+us)?)(?:\s+(?:exactly|only|a|total|of|in|all|thus|then))*\Z"
)
_DERIVED = re.compile(
    r"and\s+(?:so\s+)?(?:the|their|its)\s+(?:\w+\s+)?(?:sum|difference|product|total|average|mean|greatest|largest|smallest|least|larger|smaller|ratio)\b.*\b(?:is|are|equals)\s\Z"
)
"""Leads from numbers to one that was made of them: ``and their sum is``."""
_LABEL = re.compile(r"\b(?:graph|option|choice|figure|statement|answer|equation|point|line|segment)\Z")
_WHICH = frozenset((
    "from", "to", "of", "in", "between", "than", "by", "with", "at", "on", "under", "below", "above", "through", "for", "modulo", "divide", "among", "satisfy", "satisfies", "satisfying", "that", "where",
))  # fmt: skip
_NAMING = frozenset(("is", "are", "was", "were", "equals", "be", "had", "of"))
_EQUATIONS = frozenset(("equation", "condition", "constraint", "relation", "solve", "that", "where", "if", "when"))
_RATIO = re.compile(r"\bratio\b[^.\d]{0,80}\b(?:is|was|equals)\s+\**(\d+)\s+to\s+(\d+)\**\s*[.!]?\s*\Z", re.IGNORECASE)
STATES = frozenset(
    {"is", "are", "was", "were", "has", "have", "had", "equals", "gives", "gets", "makes", "be", "sold", "got", "made"}
)
_PREPOSITIONS = frozenset(
    ("of", "in", "for", "with", "from", "per", "by", "after", "before", "among", "into", "every", "each", "at", "on")
)
_AMOUNTS = frozenset((
    "total", "sum", "area", "length", "width", "height", "value", "probability", "average", "mean", "median", "cost", "profit", "loss", "perimeter", "volume",
    "price", "speed", "distance", "difference", "product", "quotient", "remainder", "amount", "maximum", "minimum", "radius", "measure", "angle", "sale",
))  # fmt: skip
"""Nouns of which a number behind ``of`` is the value."""


def last_statement(text: str) -> str | None:
    """Return the answer that the last statement makes, or None."""
    said, formulas = sentences.last(text)
    for back, sentence in enumerate(reversed(said)):
        clause = sentences.clause(sentence, formulas)
        chunks = chunked(clause)
        if (
            sentence.rstrip("*_)\"'").endswith("?")
            or dress.changes(sentences.aside(sentence))
            or sentences.is_step(sentence)
        ):
            return None
        if back and not _goes_on(said[-back]):
            return None
        if (ratio := _RATIO.search(sentence)) is not None:
            return f"{ratio[1]}:{ratio[2]}"
        if pointed := sentences.named(clause, formulas):
            return pointed
        if any(chunk.kind == "math" for chunk in chunks):
            return _read(chunks, clause, formulas, sentences.which_is(sentence))
        words = stated(chunks, sentence, STATES)
        if words is not None:
            return words
    return None


def _goes_on(sentence: str) -> bool:
    """Whether a sentence without mathematics only rounds off the one before: ``This is the answer.``"""
    words = WORD.findall(sentence.lower())
    return (
        len(words) <= 8
        and words[:1] in (["this"], ["these"], ["that"], ["it"], ["checking"], ["done"])
        and "not" not in words
    )


def _read(chunks: list[Chunk], clause: str, formulas: list[str], which_is: str) -> str | None:
    """Return the last run of mathematics, unless what stands beside it makes it something else.

    One that only says of what (``56 ways to choose 3 of 8``) leaves it to the one that the sentence states, and there must be one.
    """
    runs = _runs(chunks)
    anchored = [run for run in runs if any(valued(text_of(chunk, formulas)) for chunk in chunks[run[0] : run[1]])]
    candidates = anchored or [
        run
        for run in runs
        if run[1] - run[0] > 1 or _is_stated(chunks, run, formulas) or _LABEL.search(_words(chunks, run[0]))
    ]
    if not candidates:
        return None
    last = candidates[-1]
    if which_is and (
        _behind_preposition(chunks, last) or not stands(chunks, *last, clause, _text(chunks, last, formulas))
    ):
        said = chunked(which_is)
        return _concluded(said, (0, len(said)), formulas) or _text(said, (0, 1), formulas)
    counts = _counted(chunks, candidates, formulas)
    if counts is not None:
        last = counts
    elif len(candidates) > 1 and not _equates(chunks, last, formulas) and _is_one_of_several(chunks, candidates):
        return None
    elif len(candidates) > 1 and (_is_aside(chunks, last, formulas) or _is_purpose(chunks, candidates, formulas)):
        stated = [run for run in candidates[:-1] if _is_stated(chunks, run, formulas) or _is_subject(chunks, run)]
        if not stated or chunks[last[0] - 1].text.lower() == "with":  # 4 each, with 2 left over
            return None
        last = stated[-1]
    text = _text(chunks, last, formulas)
    if not text or not stands(chunks, *last, clause, text):
        return None
    return _concluded(chunks, last, formulas) or text


def _text(chunks: list[Chunk], run: tuple[int, int], formulas: list[str]) -> str:
    return " ".join(spelt(chunk, formulas) for chunk in chunks[run[0] : run[1]]).strip(" ,;:")


def _counted(chunks: list[Chunk], runs: list[tuple[int, int]], formulas: list[str]) -> tuple[int, int] | None:
    """Return the run in ``there are 48 integers from 5 to 52``: how many there are, where all others say which."""
    for at, run in enumerate(runs):
        if not _THERE_ARE.search(_words(chunks, run[0])) or run[1] >= len(chunks) or chunks[run[1]].kind != "word":
            continue
        later = runs[at + 1 :]
        return run if all(_which(chunks, one) and not _equates(chunks, one, formulas) for one in later) else None
    return None


def _which(chunks: list[Chunk], run: tuple[int, int]) -> bool:
    """Whether a run says which of the things counted: ``from 5 to 52``, ``of three digits``, ``greater than 9``."""
    before = [chunk.text.lower() for chunk in chunks[max(0, run[0] - 3) : run[0]]]
    return bool(before) and (
        before[-1] in _WHICH or (before[-1] in ARTICLES and before[-2:-1] != [] and before[-2] in _WHICH)
    )


def _words(chunks: list[Chunk], end: int) -> str:
    return " ".join(chunk.text.lower() for chunk in chunks[max(0, end - 5) : end])


def _concluded(chunks: list[Chunk], run: tuple[int, int], formulas: list[str]) -> str:
    """Return what a run of equations concludes, and the right side of one that a noun states: ``the perimeter is 4x = 12``."""
    spoken = [spelt(chunk, formulas).strip(" ,;:") for chunk in chunks[run[0] : run[1]] if chunk.kind == "math"]
    chained = [len(chains.sides(one)) > 1 for one in spoken]
    if not chained[-1]:
        named = len(spoken) == 2 and chains.is_name(spoken[0]) and chunks[run[0] + 1].text.lower() == "or"
        return spoken[-1] if named and not chains.is_name(spoken[-1]) else ""  # the smaller t, or 3.5
    units = "".join(f" {chunk.text}" for chunk in chunks[run[0] : run[1]] if chunk.kind == "unit")
    if len(spoken) > 1 and all(chunks[at].kind != "operator" for at in range(*run)):
        if not any(chained[:-1]):  # the least is 4, and 4^2 = 16
            return (chains.value(spoken[-1]) or spoken[-1]) + units
        if all(chained) and (concluded := chains.conclusion(spoken)):
            return concluded + units
        math = [at for at in range(*run) if chunks[at].kind == "math"]
        if not chunks[math[-2]].ends and math[-2] + 1 == math[-1]:  # displayed one below the other
            return spoken[-1] + units
    chain = chains.sides(spoken[0])
    if len(spoken) == 1 and not chains.is_name(chain[0]) and chain[-1] not in ("0", "1"):
        before = [
            word
            for word in _words(chunks, run[0]).split()
            if word not in ("therefore", "thus", "then", "simply", "just")
        ]
        if before and (before[-1] in _NAMING or before[-1] in _AMOUNTS) and not _EQUATIONS.intersection(before):
            return chain[-1] + units
    return ""


def _is_one_of_several(chunks: list[Chunk], runs: list[tuple[int, int]]) -> bool:
    """Whether a sentence says several numbers of several things: ``8 vertices and 6 faces``, ``Sarah is 12 and Tom is 15``."""
    start = runs[-1][0]
    listed = chunks[start - 1].kind == "joint" and start > 1 and chunks[start - 2].kind == "word" if start else False
    stated = [run for run in runs if run[0] and chunks[run[0] - 1].text.lower() in STATES]
    between = said(chunks[runs[-2][1] : start]).lower() if len(runs) > 1 else ""
    if _DERIVED.match(between) is not None:
        return False
    return listed or (len(stated) > 1 and stated[-1] == runs[-1])


def _is_aside(chunks: list[Chunk], run: tuple[int, int], formulas: list[str]) -> bool:
    """Whether a run says of what, in what or for what something is; ``a total of 105`` says what it is."""
    return _behind_preposition(chunks, run) and not _equates(chunks, run, formulas)


def _is_purpose(chunks: list[Chunk], runs: list[tuple[int, int]], formulas: list[str]) -> bool:
    """Whether the last run says what the result before it is for: ``5 * 3 = 15 hours to read 3 books``."""
    before, last = runs[-2:]
    between = {chunk.text.lower() for chunk in chunks[before[1] : last[0]]}
    results = _equates(chunks, before, formulas) and not _equates(chunks, last, formulas)
    return results and bool(between & {"to", *_PREPOSITIONS}) and not between & {"and", "so", "then", *STATES}


def _behind_preposition(chunks: list[Chunk], run: tuple[int, int]) -> bool:
    before = [chunk.text.lower() for chunk in chunks[max(0, run[0] - 3) : run[0]]]
    while before and before[-1] in ARTICLES:
        before.pop()
    if not before or before[-1] not in _PREPOSITIONS:
        return False
    return not (before[-1] == "of" and before[-2:-1] and before[-2] in _AMOUNTS)


def _is_stated(chunks: list[Chunk], run: tuple[int, int], formulas: list[str]) -> bool:
    before = [chunk.text.lower() for chunk in chunks[max(0, run[0] - 2) : run[0]]]
    return bool(STATES.intersection(before)) or _equates(chunks, run, formulas)


def _is_subject(chunks: list[Chunk], run: tuple[int, int]) -> bool:
    """Whether a run begins what follows: ``24 is the least multiple of both 6 and 8``."""
    after = [chunk.text.lower() for chunk in chunks[run[1] : run[1] + 2]]
    only = [chunk.text.lower() for chunk in chunks[: run[0]]] == ["only"] and after[:1] in (
        ["is"],
        ["has"],
        ["satisfies"],
    )
    return only or (run[0] == 0 and after in (["is", "the"], ["is", "our"]))


def _equates(chunks: list[Chunk], run: tuple[int, int], formulas: list[str]) -> bool:
    return any("=" in text_of(chunk, formulas) for chunk in chunks[run[0] : run[1]])


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
                pass  # what it joins follows
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
