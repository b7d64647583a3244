"""Comparing two answers as text: the ladder from cheap to dear, and the outcome with its rule.

The same text, plain numbers, then both sides parsed and compared part by part (:mod:`~eurus_data.graders.math.equality`). Nothing is evaluated
by Python, and every step is bounded by a cap.
"""

from __future__ import annotations

import re
from fractions import Fraction

from eurus_core.records import Verdict
from eurus_data.graders import values
from eurus_data.graders.math import scalars, worded
from eurus_data.graders.math.equality import same
from eurus_data.graders.math.reading import read
from eurus_data.graders.math.scalars import is_scalar
from eurus_data.graders.math.spelling import clean, wording
from eurus_data.graders.math.terms import Quantity, Term, Words, show, walk
from eurus_data.graders.math.tokens import MAX_CHARACTERS, TooLarge, Unreadable
from eurus_data.graders.verdicts import short, verdict

_PLAIN = re.compile(r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})")
_GROUPED = re.compile(r"\$?[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d{0,40})?")
_COMMA = re.compile(
    r"(-?(?:0|\d+(?=,\d{1,2}(?!\d))|\d+(?=,\d{4,})|\d{4,}|\d{1,3}(?:\.\d{3})+)),(\d{1,15})(?P<unit>\s*(?:%|[A-Za-z€][\w/^ ]*))?"
)
"""A comma that parts no thousands."""


def equivalent(prediction: str, reference: str) -> Verdict:
    """Compare two answers; symmetric but for which side an ``unparsed`` blames. Never raises, whatever the text."""
    found = at_sight(prediction, reference)
    if found is not None:
        return found
    try:
        return _compare(prediction, reference)
    except TooLarge as error:
        if max(len(prediction), len(reference)) <= MAX_CHARACTERS and same_text(prediction, reference):
            return verdict("correct", "same text")
        return verdict("limit", "cap", str(error))


def at_sight(prediction: str, reference: str) -> Verdict | None:
    """Compare what needs no parser: the same text, or two plainly written numbers. None for the rest. Bounded: microseconds."""
    if prediction == reference and prediction.strip():
        shown = short(prediction)
        return verdict("correct", "same text", "", shown, shown)
    one, other = _plain(prediction), _plain(reference)
    if one is None or other is None:
        return None
    if one[0] == other[0]:
        return verdict("correct", "number", "", str(one[0]), str(other[0]))
    if scalars.rounds(*one, *other):
        return None
    return verdict("incorrect", "number", f"{prediction.strip()} is not the answer", str(one[0]), str(other[0]))


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


def _compare(prediction: str, reference: str) -> Verdict:
    try:
        expected = read(reference)
    except Unreadable as error:
        if same_text(prediction, reference):
            return verdict("correct", "same text")
        if _same_choice(prediction, reference):
            return verdict("correct", "choice")
        return verdict("incorrect", "text", f"the reference is compared as text ({error})")
    try:
        found = read(prediction)
    except Unreadable as error:
        if same_text(prediction, reference):
            return verdict("correct", "same text")
        if _same_choice(prediction, reference):
            return verdict("correct", "choice", "", "", show(expected))
        return verdict("unparsed", "unreadable", f"{short(prediction)} cannot be read: {error}", "", show(expected))
    rule = same(found, expected)
    if not rule and (isinstance(found, Words) or isinstance(expected, Words)) and same_text(prediction, reference):
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
        return verdict("correct", rule, "", *shown)
    return verdict("incorrect", "different", f"{short(shown[0])} is not the answer", *shown)


_LABELLED = re.compile(r"(?:(?<=\A)|(?<=[\s,;]))[*_]*\(?([a-h]|i{1,3}|iv|vi{0,3}|[1-9])[.)](?=\s)[*_]*")


def is_parted(text: str) -> bool:
    """Return whether a text answers several questions by their labels: ``(a) 3, (b) 5``."""
    labels = [found[1] for found in _LABELLED.finditer(text)]
    return len(labels) > 1 and labels[:2] in (["a", "b"], ["i", "ii"], ["1", "2"])


def same_text(one: str, other: str) -> bool:
    """Return whether two texts are the same words, or the same formula but for its spaces."""
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


_TRUTH = re.compile(r"(yes|no|true|false)\b(?=\s*(?:$|[.,;:!]|because\b|since\b))", re.IGNORECASE)
_TRUTHS = re.compile(r"\b(?:yes|no|true|false)\b", re.IGNORECASE)


def opening_truth(text: str) -> str:
    """Return the yes, no, true or false that a text opens with, if it says no other; else nothing."""
    found = _TRUTH.match(text)
    alone = found is not None and len(set(map(str.lower, _TRUTHS.findall(text)))) == 1
    return found[1] if found is not None and alone else ""


def _same_fact(one: str, other: str) -> str:
    """Compare two dates, however written, and yes with true; a date that says less is another."""
    first, second = clean(one), clean(other)
    first, second = opening_truth(first) or first, opening_truth(second) or second
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
