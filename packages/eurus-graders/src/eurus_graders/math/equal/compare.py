"""Comparing two answers as text: the ladder from cheap to dear, and the outcome with its rule.

The same text, plain numbers, then both sides parsed and compared part by part (:mod:`~eurus_graders.math.equal.equality`). Nothing is evaluated
by Python, and every step is bounded by a cap.
"""

from __future__ import annotations

import re
from fractions import Fraction

from eurus_core.records import Verdict
from eurus_graders import values
from eurus_graders.math.algebra import scalars
from eurus_graders.math.algebra.scalars import is_scalar
from eurus_graders.math.algebra.terms import Apply, Number, Quantity, Term, Words, show, symbols, walk
from eurus_graders.math.equal.equality import same
from eurus_graders.math.errors import TooLarge, Unreadable
from eurus_graders.math.read import lettered, worded
from eurus_graders.math.read.reading import read
from eurus_graders.math.read.spelling import clean, wording
from eurus_graders.math.read.tokens import MAX_CHARACTERS
from eurus_graders.verdicts import short, verdict

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
    small = max(len(prediction), len(reference)) <= MAX_CHARACTERS
    found_by_letters = _by_letters(prediction, reference) if small else None
    if found_by_letters is not None:
        return found_by_letters
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
        or _scaled(prediction, expected)
        or _scaled(reference, found)
        or _decimal_comma(prediction, expected)
        or _decimal_comma(reference, found)
        or _same_fact(prediction, reference)
    )
    shown = show(found), show(expected)
    if rule == "unit-omitted" and _in_both_measures(prediction, reference):
        rule = ""
    if rule:
        return verdict("correct", rule, "", *shown)
    return verdict("incorrect", "different", f"{short(shown[0])} is not the answer", *shown)


def _in_both_measures(one: str, other: str) -> bool:
    """Whether one side is in radians, which are numbers, and the other in degrees."""
    return any(_RADIANS.search(side) and _DEGREES.search(opposite) for side, opposite in ((one, other), (other, one)))


_RADIANS = re.compile(r"\brad(?:ian)?s?\b")
_DEGREES = re.compile(r"\bdeg(?:ree)?s?\b|°|\\circ|\\degree")


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


def _by_letters(prediction: str, reference: str) -> Verdict | None:
    """Compare labelled parts, options, and rows of letters that are no products; None where there are none."""
    for compared, rule in ((_same_parts, "parts"), (_same_option, "choice"), (_same_run, "letters")):
        same = compared(prediction, reference)
        if same is not None:
            shown = short(clean(prediction), 200), short(clean(reference), 200)
            why = "" if same else f"{short(prediction)} is not the answer"
            return verdict("correct" if same else "incorrect", rule, why, *shown)
    return None


def _same_parts(one: str, other: str) -> bool | None:
    """Compare answers to several questions part by part; without labels on one side they are taken in order."""
    first, second = lettered.parts(one), lettered.parts(other)
    if first is None and second is None:
        return None
    if first is not None and second is not None:
        return first.keys() == second.keys() and all(equivalent(first[label], second[label]).correct for label in first)
    parted, listed = (first, other) if first is not None else (second, one)
    values = list((parted or {}).values())
    items = worded.parts(clean(listed))
    return len(items) == len(values) and all(equivalent(a, b).correct for a, b in zip(values, items, strict=True))


def _same_option(one: str, other: str) -> bool | None:
    """Compare options by their letters; the texts behind them agree, or one side has none."""
    first, second = lettered.option(one), lettered.option(other)
    if first is None and second is None:
        return None
    if first is None or second is None:
        (chosen, words) = (first, other) if first is not None else (second, one)
        if chosen is None or chosen.text:  # such as C. 42, which 42 answers, too
            return False if chosen is not None and chosen.unsure else None
        second = lettered.picked(words)
        if second is None:
            return None
        first = chosen
    if first.unsure or second.unsure or first.letter != second.letter:
        return False
    return not first.text or not second.text or equivalent(first.text, second.text).correct


def _same_run(one: str, other: str) -> bool | None:
    """Compare two rows of letters as they stand, and Roman numerals with integers."""
    first, second = lettered.run(one), lettered.run(other)
    for letters, opposite in ((first, other), (second, one)):
        number = lettered.roman(letters)
        plain = _plain(opposite)
        if number is not None and plain is not None:
            return plain[0] == number
    if not first or not second:
        return None
    try:
        if not (lettered.is_product(read(first)) and lettered.is_product(read(second))):
            return None
    except Unreadable:
        return None
    if lettered.may_be_product(first) and lettered.may_be_product(second):
        return None
    return first == second or (len(first) > 2 and first.casefold() == second.casefold())


def _same_choice(one: str, other: str) -> str:
    """Compare an option's text with an answer: ``C. 42`` with 42."""
    first, second = lettered.option(one), lettered.option(other)
    for chosen, opposite, bare in ((first, second, other), (second, first, one)):
        if (
            chosen is not None
            and opposite is None
            and chosen.text
            and not chosen.unsure
            and equivalent(chosen.text, bare).correct
        ):
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


def _scaled(text: str, other: Term) -> str:
    """Read ``5k`` as 5,000 and ``5 bp`` as 0.0005 where the other side is one number."""
    found = _SCALED.fullmatch(clean(text))
    if found is None or not isinstance(other, Number | Apply) or symbols(other):
        return ""
    factor = "1000" if found["scale"] in ("k", "K") else "0.0001"
    return "scale" if same(read(f"{found['value']}*{factor}"), other) else ""


_SCALED = re.compile(r"(?P<value>-?\d[\d,]*(?:\.\d+)?)(?P<scale>[kK]|\s*(?:bps?|basis points?))")


def _decimal_comma(text: str, other: Term) -> str:
    """Read ``0,5`` and ``1.234,5`` as decimals where the other side is one number and the comma cannot part thousands."""
    found = _COMMA.fullmatch(clean(text))
    if found is None or not (is_scalar(other) or isinstance(other, Quantity)):
        return ""
    written = f"{found[1].replace('.', '')}.{found[2]}{found['unit'] or ''}"
    return "decimal-comma" if same(read(written), other) else ""
