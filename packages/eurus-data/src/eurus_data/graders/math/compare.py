"""Comparing two answers as text: the ladder from cheap to dear, and the outcome with its rule.

The same text, plain numbers, then both sides parsed and compared part by part (:mod:`~eurus_data.graders.math.equality`). Nothing is evaluated
by Python, and every step is bounded by a cap.
"""

from __future__ import annotations

import re
from fractions import Fraction

from eurus_data.graders import values
from eurus_data.graders.comparison import Comparison as Comparison
from eurus_data.graders.comparison import short
from eurus_data.graders.math import scalars, worded
from eurus_data.graders.math.equality import same
from eurus_data.graders.math.reading import read
from eurus_data.graders.math.scalars import is_scalar
from eurus_data.graders.math.spelling import clean, wording
from eurus_data.graders.math.terms import Quantity, Term, Words, show, walk
from eurus_data.graders.math.tokens import MAX_CHARACTERS, TooLarge, Unreadable

_PLAIN = re.compile(r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})")
_GROUPED = re.compile(r"\$?[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d{0,40})?")
_COMMA = re.compile(
    r"(-?(?:0|\d+(?=,\d{1,2}(?!\d))|\d+(?=,\d{4,})|\d{4,}|\d{1,3}(?:\.\d{3})+)),(\d{1,15})(?P<unit>\s*(?:%|[A-Za-z€][\w/^ ]*))?"
)
"""A comma that parts no thousands."""


def equivalent(prediction: str, reference: str) -> Comparison:
    """Compare two answers; symmetric but for which side an ``unparsed`` blames. Never raises, whatever the text."""
    found = at_sight(prediction, reference)
    if found is not None:
        return found
    try:
        return _compare(prediction, reference)
    except TooLarge as error:
        if max(len(prediction), len(reference)) <= MAX_CHARACTERS and _same_text(prediction, reference):
            return Comparison("correct", "same text")
        return Comparison("limit", "cap", str(error))


def at_sight(prediction: str, reference: str) -> Comparison | None:
    """Compare what needs no parser: the same text, or two plainly written numbers. None for the rest. Bounded: microseconds."""
    if prediction == reference and prediction.strip():
        shown = short(prediction)
        return Comparison("correct", "same text", "", shown, shown)
    one, other = _plain(prediction), _plain(reference)
    if one is None or other is None:
        return None
    if one[0] == other[0]:
        return Comparison("correct", "number", "", str(one[0]), str(other[0]))
    if scalars.rounds(*one, *other):
        return None
    return Comparison("incorrect", "number", f"{prediction.strip()} is not the answer", str(one[0]), str(other[0]))


def is_plain(text: str) -> bool:
    """Whether a text is a plainly written number."""
    return _plain(text) is not None


def _plain(text: str) -> tuple[Fraction, int] | None:
    """Return a plainly written number and its decimal's digits, without the parser: most answers are one."""
    text = text.strip()
    if _PLAIN.fullmatch(text) is None:
        if _GROUPED.fullmatch(text) is None:
            return None
        text = text.replace(",", "").lstrip("$")
    whole, point, part = text.partition(".")
    if not point:
        return Fraction(int(whole)), 0
    digits = len((whole.lstrip("+-") + part).lstrip("0"))
    return Fraction(int(whole + part), 10 ** len(part)), digits


def _compare(prediction: str, reference: str) -> Comparison:
    try:
        expected = read(reference)
    except Unreadable as error:
        if _same_text(prediction, reference):
            return Comparison("correct", "same text")
        if _same_choice(prediction, reference):
            return Comparison("correct", "choice")
        return Comparison("incorrect", "text", f"the reference is compared as text ({error})")
    try:
        found = read(prediction)
    except Unreadable as error:
        if _same_text(prediction, reference):
            return Comparison("correct", "same text")
        if _same_choice(prediction, reference):
            return Comparison("correct", "choice", "", "", show(expected))
        return Comparison("unparsed", "unreadable", f"{short(prediction)} cannot be read: {error}", "", show(expected))
    rule = same(found, expected)
    if not rule and (isinstance(found, Words) or isinstance(expected, Words)) and _same_text(prediction, reference):
        rule = "same text"
    rule = (
        rule
        or _same_letters(prediction, reference, found, expected)
        or _same_choice(prediction, reference)
        or _decimal_comma(prediction, expected)
        or _decimal_comma(reference, found)
        or _same_fact(prediction, reference)
    )
    shown = show(found), show(expected)
    if rule:
        return Comparison("correct", rule, "", *shown)
    return Comparison("incorrect", "different", f"{short(shown[0])} is not the answer", *shown)


def _same_text(one: str, other: str) -> bool:
    first, second = wording(one), wording(other)
    return bool(first) and first == second


def _same_letters(prediction: str, reference: str, found: Term, expected: Term) -> str:
    """Compare answers one of which has a unit that may be a product of variables: ``5 m`` and ``5m``, ``2 mg`` and ``2 m g``.

    Not where both have one in a word of its own: ``5 mg`` and ``5 gm`` are no products.
    """
    mine, theirs = ([one.unit.name for one in walk(term) if isinstance(one, Quantity)] for term in (found, expected))
    if not (mine or theirs) or (mine and theirs and all(map(str.isalpha, (*mine, *theirs)))):
        return ""
    try:
        return same(read(prediction, letters=True), read(reference, letters=True))
    except Unreadable:
        return ""


def _same_choice(one: str, other: str) -> str:
    """Compare two options by their letters, one of which has its text behind it: ``C. 42`` and ``(C)``; or that text with an answer."""
    first, second = worded.choice(clean(one)), worded.choice(clean(other))
    if first is not None and second is not None:
        return "choice" if first[0] == second[0] else ""
    for chosen, bare in ((first, other), (second, one)):
        if chosen is not None and chosen[1] and equivalent(chosen[1], bare).correct:
            return "choice"
    return ""


def _same_fact(one: str, other: str) -> str:
    """Compare two dates, however written, and yes with true; a date that says less is another."""
    first, second = clean(one), clean(other)
    if values.truth(first) is not None and values.truth(first) == values.truth(second):
        return "truth"
    dates = values.value(first), values.value(second)
    return "date" if isinstance(dates[0], values.Date) and dates[0] == dates[1] else ""


def _decimal_comma(text: str, other: Term) -> str:
    """Read ``0,5`` and ``1.234,5`` as decimals where the other side is one number and the comma cannot part thousands."""
    found = _COMMA.fullmatch(clean(text))
    if found is None or not (is_scalar(other) or isinstance(other, Quantity)):
        return ""
    written = f"{found[1].replace('.', '')}.{found[2]}{found['unit'] or ''}"
    return "decimal-comma" if same(read(written), other) else ""
