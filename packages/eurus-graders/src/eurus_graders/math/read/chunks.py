"""A sentence cut into chunks: mathematics, operators, units and words, with its formulas put back where they stood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from eurus_graders.math.algebra import units
from eurus_graders.math.read import chains, names

ANCHOR = re.compile(r"[\d√π∞½⅓¼¾⅔∅]|\\(?:frac|sqrt|pi|infty|emptyset|varnothing)")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_CHUNK = re.compile(r"\S+")
WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*['’]?")
_PUNCTUATION = ".,;:!?。，\"'“”*_`"
_OPERATOR = re.compile(r"[-+*/×·÷^=<>≤≥≠≈±−–|]+|\\(?:cdot|times|pm|le|ge|leq|geq|ne|approx|div)")
_MEASURED = re.compile(
    r"(?P<unit>[A-Za-zµ°]{1,9})(?:[²³]|\^\{?-?\d\}?)?(?:[/·*⋅]\(?[A-Za-zµ]{1,9}(?:[²³]|\^\{?-?\d\}?)?\)?)*"
)
_FACTOR = re.compile(r"[$€£(]*\d[\d.,/]*[%)]*")
_JOINTS = frozenset({"and", "or"})
_UNITED = frozenset(
    (*names.MULTIPLIERS, "percent", "am", "pm", "a.m", "p.m", "per", "square", "cubic", "degrees", "degree", "sq", "cu")
)
Kind = Literal["math", "operator", "letter", "joint", "unit", "word"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a sentence between spaces."""

    text: str
    kind: Kind
    ends: bool  # a comma, a semicolon or a colon behind it


def chunked(sentence: str) -> list[Chunk]:
    """Return the chunks of a sentence; a letter is mathematics beside an operator, and a unit behind a number."""
    found: list[Chunk] = []
    sentence = _IDEOGRAPHS.sub(r" \g<0> ", sentence)
    for match in _CHUNK.finditer(sentence):
        written = match.group()
        within = match.end() < len(sentence.rstrip()) and re.search(r"[\d)]!\Z", written) is not None  # 3! ways
        text = written if within else (written.strip('"“”`').rstrip(_PUNCTUATION).lstrip("*_'") or written)
        ends = written.rstrip('"“”`*_')[-1:] in (",", ";", ":")
        found.append(Chunk(text, _kind(text), ends))
    for at, one in enumerate(found):
        if one.text in ("x", "X") and 0 < at < len(found) - 1 and _is_times(found[at - 1], found[at + 1]):
            found[at] = Chunk("*", "operator", False)
        elif one.kind == "letter":
            sides = [found[i].kind for i in (at - 1, at + 1) if 0 <= i < len(found)]
            found[at] = Chunk(one.text, "math" if "operator" in sides else "word", one.ends)
        if found[at].kind == "word" and at and _is_unit(found, at):
            found[at] = Chunk(one.text, "unit", one.ends)
    return found


def _is_times(before: Chunk, after: Chunk) -> bool:
    """Whether an x between two chunks multiplies them: ``250 x 4``, ``$5 x 50``, ``12/20 x 100%``."""
    factors = before.kind == after.kind == "math" and not before.ends
    return factors and _FACTOR.fullmatch(before.text) is not None and _FACTOR.fullmatch(after.text) is not None


def _is_unit(chunks: list[Chunk], at: int) -> bool:
    """Whether a word behind a number is a unit that elsewhere is a variable or a word: ``5 m²``, ``2 h 45 min``, ``5 in.``"""
    before, text = chunks[at - 1], chunks[at].text
    if before.kind != "math" or before.ends or re.search(r"[\d\x00½¼¾)]\Z", before.text) is None:
        return False
    measured = _MEASURED.fullmatch(text)
    if measured is not None and ("/" in text or text != measured["unit"]):
        return all(units.possible(word) for word in re.findall(r"[A-Za-zµ°]+", text))
    last = at + 1 == len(chunks)
    return units.possible(text) and (last or (len(text) == 1 and text not in "aAIsCTK"))


def _kind(text: str) -> Kind:
    lowered = text.lower()
    if lowered in _JOINTS:
        return "joint"
    if lowered in _UNITED or (
        len(text) > 1
        and text.isalpha()
        and units.known(text)
        and lowered not in ("cup", "cups", "second", "can", "day", "days")
    ):
        return "unit"
    if lowered in ("cup", "cups", "second", "seconds", "day", "days", "km/h", "m/s"):
        return "unit"
    if _OPERATOR.fullmatch(text):
        return "operator"
    if len(text) == 1 and text.isalpha():
        return "letter"
    if WORD.fullmatch(text) or not re.search(r"[\d\x00\\√π∞=^±½⅓¼¾⅔∅]", text):
        return "word"
    return "math"


_SUBSCRIPT = re.compile(r"(?<=[A-Za-z}])_\{?\d{1,4}\}?")


def valued(text: str) -> bool:
    """Whether a formula or a text holds a value; the number in ``z_1`` is a name's."""
    return ANCHOR.search(_SUBSCRIPT.sub("", text)) is not None


def text_of(chunk: Chunk, formulas: list[str]) -> str:
    return re.sub(r"\x00(\d+)\x00", lambda found: formulas[int(found[1])], chunk.text)


def spelt(chunk: Chunk, formulas: list[str]) -> str:
    """Return a chunk with its formulas; of an aligned one what its last line ends in, and what it implies."""
    text = re.sub(r"\x00(\d+)\x00", lambda found: chains.implied(_last_row(formulas[int(found[1])])), chunk.text)
    return text + "," if chunk.ends and chunk.kind != "unit" else text


def _last_row(formula: str) -> str:
    """Return a formula without the punctuation at its end; of rows that are aligned at signs the last."""
    formula = formula.strip().rstrip(".,;").strip()
    inner = re.fullmatch(
        r"\\begin\{(?:align|aligned|split|gather|gathered)\*?\}(.*)\\end\{\w+\*?\}", formula, re.DOTALL
    )
    formula = inner[1].strip() if inner is not None else formula
    if "&" not in formula or "matrix" in formula or "\\begin{" in formula:
        rows = re.split(r"\\\\(?:\[[^\]]*\])?", formula) if "\\begin{" not in formula else [formula]
        return rows[-1].strip() if rows[-1].strip() else rows[-2].strip() if len(rows) > 1 else formula
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", formula) if row.strip()]
    return rows[-1].replace("&", " ").strip().rstrip(".,;").strip()
