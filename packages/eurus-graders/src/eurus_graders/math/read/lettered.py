r"""What letters say where they are no variables: options, labelled parts, sequences and names, Roman numerals.

``HHT``, ``NE`` and ``\vec{AB}`` are no products: where both answers are runs of letters, their order counts.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from eurus_graders.choice_answer import pick
from eurus_graders.math.algebra.terms import Apply, Constant, Symbol, Term
from eurus_graders.math.read import worded
from eurus_graders.math.read.spelling import clean

_LABEL = re.compile(
    r"(?:(?<=\A)|(?<=[\s,;]))(?:\(\s*([A-Ha-h]|i{1,3}|iv|vi{0,3}|[1-9])\s*\)|([A-Ha-h]|i{1,3}|iv|vi{0,3}|[1-9])[).])[:]?(?=\s|\Z|\()|\(([A-H])\)"
)
_ORDERS = (list("abcdefgh"), ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii"], list("123456789"))
_MOST = 9
_RUN = re.compile(
    r"(?:[A-Za-z][A-Za-z ]{0,60}\b(?:is|equals)\s|[A-Za-z]{1,16}\s?[=:]\s?)?\s*(?P<letters>[A-Za-z]{2,24})\.?"
)
_ROMAN = re.compile(r"(?=[IVXLCDM]{2})M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_NUMERALS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_UNSURE = re.compile(
    r"\A\s*(?:is|are|was|isn|seems|could|may|might|can)\b(?!\s+(?:the\s+)?(?:correct|right|best|answer)\b)|\A\s*\?|\?\s*\Z"
    r"|[(\[]\s*[A-J]\s*[)\]]|(?<![\w.])[A-J][).](?=\s|\Z)|\b(?:be|is|option|choice|answer|or|and)\s+[B-HJ]\b(?!\w)"
    r"|\b(?:might|maybe|perhaps|unsure|not sure|not certain)\b",
)


@dataclass(frozen=True, slots=True)
class Option:
    """A letter and the text behind it; ``unsure`` where that text names another letter, denies or hedges."""

    letter: str
    text: str
    unsure: bool


def option(text: str) -> Option | None:
    """Return the option that an answer is, by its letter; None where it is none."""
    found = worded.choice(clean(text))
    if found is None:
        return None
    return Option(found[0], found[1], _UNSURE.search(found[1]) is not None)


def picked(text: str) -> Option | None:
    """Return the option that words pick, such as ``So B) 15``; None where they pick none."""
    found = pick(text, {})
    if found.problem == "ambiguous":
        return Option("", "", unsure=True)
    return Option(found.letter, found.text, unsure=False) if found.letter else None


def parts(text: str) -> dict[str, str] | None:
    """Return the parts of ``(a) 3, (b) 5`` by their labels, which stand in order from the first; None where there are none."""
    if not _LABEL.search(text[:40]):
        return None
    spelt = (
        re.sub(r"\\(?:text|textbf|mathrm)\s*\{(\([A-Ha-h]\))\}|\\(?:quad|qquad|\s)", r" \1 ", text)
        .replace("$", " ")
        .replace("**", "")
    )
    marks = list(_LABEL.finditer(spelt))
    labels = [next(filter(None, mark.groups())).lower() for mark in marks]
    for order in _ORDERS:
        if len(labels) > 1 and labels == order[: len(labels)] and spelt[: marks[0].start()].strip() == "":
            ends = [mark.start() for mark in marks[1:]] + [len(spelt)]
            values = (spelt[mark.end() : end].strip(" \t\n,;") for mark, end in zip(marks, ends, strict=True))
            return dict(zip(labels, (re.sub(r"[\s,;]+and\Z", "", value) for value in values), strict=True))
    return None


def run(text: str) -> str:
    """Return the letters of an answer that is nothing but a row of them, perhaps behind a label, else nothing."""
    found = _RUN.fullmatch(clean(text))
    return found["letters"] if found is not None else ""


def is_product(term: Term) -> bool:
    """Whether letters read as a product of names: they may be a word."""
    match term:
        case Apply("*", factors):
            return all(isinstance(one, Symbol | Constant) for one in factors)
        case _:
            return False


def may_be_product(letters: str) -> bool:
    """Return whether a row of letters is rather a product of variables: small ones that are neighbours in the alphabet, each once."""
    places = sorted(map(ord, letters))
    return letters.islower() and len(letters) < 4 and all(b - a == 1 for a, b in itertools.pairwise(places))


def roman(letters: str) -> int | None:
    """Return the value of a Roman numeral of two letters or more."""
    if not letters or _ROMAN.fullmatch(letters) is None:
        return None
    values = [_NUMERALS[letter] for letter in letters]
    return sum(-one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True))
