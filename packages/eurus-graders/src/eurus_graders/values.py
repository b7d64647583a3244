"""Values of short answers: normalised words, numbers and dates; the F1 of words; WikiTableQuestions' denotations."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from fractions import Fraction
from typing import NamedTuple

MAX_CHARACTERS = 10_000
"""Of an answer that is looked at; the rest is cut."""

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_DASHES = str.maketrans("‐‑‒–—−‘’´`“”", "------''''\"\"")
_NUMBER = re.compile(r"(-?)\$?(-?)(\d{1,3}(?:,\d{3}){1,12}|\d{1,40})(\.\d{1,40})?(?:[eE]([-+]?\d{1,2}))?")
_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_ISO = re.compile(r"(\d{4}|x{2,4})-(\d\d?|xx)-(\d\d?|xx)", re.IGNORECASE)
_MONTH_FIRST = re.compile(r"([a-z]{3,9})\.?(?:\s+(\d\d?)(?:st|nd|rd|th)?)?(?:,?\s+(\d{4}))?", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d\d?)(?:st|nd|rd|th)?(?:\s+of)?\s+([a-z]{3,9})\.?(?:,?\s+(\d{4}))?", re.IGNORECASE)
_MARKS = "•♦†‡*#+"
_QUOTED = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([-+\w.]+))\s*(?:,|$)")


class Date(NamedTuple):
    """A date; None where a part is not said."""

    year: int | None
    month: int | None
    day: int | None

    def __str__(self) -> str:
        year, month, day = ("xx" if part is None else f"{part:02d}" for part in self)
        return f"{year}-{month}-{day}"


Value = Fraction | Date | str


def normal(text: str) -> str:
    """Return text as SQuAD compares it: case, punctuation, articles and spaces dropped.

    Kept, for they change what is said: a sign, a decimal point, and ``+ # %`` (C is not C++).
    """
    text = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS].translate(_DASHES)).casefold()
    kept = "".join(char for at, char in enumerate(text) if not _is_punctuation(char) or _means(text, at))
    return " ".join(_ARTICLE.sub(" ", kept).split())


def f1(prediction: str, reference: str) -> float:
    """Return the harmonic mean of the words' precision and recall, once both sides are normalised."""
    found, expected = normal(prediction).split(), normal(reference).split()
    if not found or not expected:
        return float(found == expected)
    common = sum((Counter(found) & Counter(expected)).values())
    return 2 * common / (len(found) + len(expected))


def truth(text: str) -> bool | None:
    """Return what a yes, no, true or false says; None for anything else."""
    return {"yes": True, "true": True, "no": False, "false": False}.get(normal(text[:40]))


_CLOCK = re.compile(r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s*(?:(?P<half>[ap])\.?\s?m\.?|uhr|h)?", re.IGNORECASE)
_YES = frozenset(("是", "是的", "对", "对的", "正确", "sí", "si", "ja", "oui", "sim", "да", "はい", "そうです", "네", "예", "نعم", "हाँ", "हां", "जी", "evet", "tak", "vrai", "wahr", "verdadero", "verdadeiro", "cierto", "vero", "richtig", "верно", "правда", "真", "صحيح", "सही"))  # fmt: skip
_NO = frozenset(("不", "不是", "否", "不对", "nein", "non", "não", "нет", "いいえ", "아니요", "아니오", "لا", "नहीं", "hayır", "nie", "faux", "falsch", "falso", "неверно", "假", "خطأ", "गलत"))  # fmt: skip


def spoken_truth(text: str) -> bool | None:
    """Return what a yes or no in another language says, alone; None for anything else."""
    word = normal(text[:40])
    return True if word in _YES else False if word in _NO else None


def clock(text: str) -> tuple[int, int] | None:
    """Return hour and minute of a time that says its half of the day: ``3:35 P.M.``, ``15:35``; None for ``3:35``."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None or int(found["minute"] or 0) > 59:
        return None
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half:
        return (hour % 12 + 12 * (half == "p"), int(found["minute"] or 0)) if 1 <= hour <= 12 else None
    return (hour, int(found["minute"])) if found["minute"] and (13 <= hour <= 23 or found["hour"] == "00") else None


def unaccented(text: str) -> str:
    """Return text without accents on Latin letters; a letter of another script keeps what makes it another."""
    parts = unicodedata.normalize("NFD", text)
    latin, kept = False, list[str]()
    for one in parts:
        if unicodedata.combining(one):
            if not latin:
                kept.append(one)
            continue
        latin = one.isascii() and one.isalpha()
        kept.append(one)
    return unicodedata.normalize("NFC", "".join(kept))


def value(text: str) -> Fraction | Date | None:
    """Return the number or the date that a text is, or None."""
    text = text.strip().translate(_DASHES).rstrip(".")
    match = _NUMBER.fullmatch(text)
    if match is not None and not (match[1] and match[2]):
        number = Fraction(match[3].replace(",", "") + (match[4] or "")) * Fraction(10) ** int(match[5] or 0)
        return -number if match[1] or match[2] else number
    return _date(text)


def denotation(text: str) -> tuple[Value, ...]:
    """Return the different values of an answer, separated by ``|`` or printed as a Python list.

    In text that is neither number nor date, accents, footnote marks and details in brackets at the end, outer quotes, a final full stop,
    case and spaces are dropped, as WikiTableQuestions' official evaluator does.
    """
    items = _printed(text.strip()[:MAX_CHARACTERS]) or re.split(r"\|", text[:MAX_CHARACTERS])
    values = (_value_or_words(item.replace("\\p", "|").replace("\\n", "\n").replace("\\\\", "\\")) for item in items)
    return tuple(dict.fromkeys(values))


def _value_or_words(item: str) -> Value:
    found = value(item)
    if found is not None:
        return Fraction(found.year) if isinstance(found, Date) and found[1:] == (None, None) and found.year else found
    text = "".join(c for c in unicodedata.normalize("NFKD", item.translate(_DASHES)) if unicodedata.category(c) != "Mn")
    text = _unmarked(text.strip())
    text = " ".join(text.removesuffix(".").split()).lower()
    return value(text) or text


def _unmarked(text: str) -> str:
    """Return text without footnote marks, notes in square brackets and details in round ones at its end, and quotes around it.

    Cut off one by one: a pattern for all of them has two ways to read each, hence exponentially many to fail.
    """
    while True:
        end = len(text)
        if text.endswith("]"):
            start = text.rfind("[")
            end = start if start > 0 or (start == 0 and text[1:-1].isdigit()) else end
        elif text.endswith(")"):
            start = text.rfind(" (")
            end = start if start > 0 and ")" not in text[start:-1] else end
        elif text and text[-1] in _MARKS and not (text[-1] in "#+" and re.search(r"[A-Za-z][#+]+$", text[-4:])):
            end -= 1  # of C++ nothing is a mark
        if end == len(text):
            break
        text = text[:end].rstrip()
    inner = text[1:-1]
    return _unmarked(inner) if text[:1] == text[-1:] == '"' and inner and '"' not in inner else text


def _printed(text: str) -> list[str]:
    """Return the items of a list, tuple or set as Python prints it; none where the text is something else."""
    if len(text) < 2 or (text[0], text[-1]) not in {("[", "]"), ("(", ")"), ("{", "}")}:
        return []
    inner, items, at = text[1:-1].strip(), list[str](), 0
    while at < len(inner):
        match = _QUOTED.match(inner, at)
        if match is None:
            return []
        items.append(next(group for group in match.groups() if group is not None).replace("\\'", "'"))
        at = match.end()
    return items


def _date(text: str) -> Date | None:
    iso = _ISO.fullmatch(text)
    if iso is not None:
        parts = [None if part.lower().startswith("x") else int(part) for part in iso.groups()]
        return _checked(*parts)
    first = _MONTH_FIRST.fullmatch(text)
    if first is not None and (first[2] or first[3]):
        return _checked(int(first[3]) if first[3] else None, _month(first[1]), int(first[2]) if first[2] else None)
    day = _DAY_FIRST.fullmatch(text)
    if day is not None:
        return _checked(int(day[3]) if day[3] else None, _month(day[2]), int(day[1]))
    return None


def _checked(year: int | None, month: int | None, day: int | None) -> Date | None:
    """Return the date unless a part is out of range; month 0 is a word that is no month."""
    if (year, month, day) == (None, None, None):
        return None
    fits = (month is None or 1 <= month <= 12) and (day is None or 1 <= day <= 31)
    return Date(year, month, day) if fits else None


def _month(word: str) -> int:
    word = word.lower()
    return next((number for number, month in enumerate(_MONTHS, 1) if month == word or month[:3] == word), 0)


def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def _means(text: str, at: int) -> bool:
    """Whether punctuation at a place changes what is said."""
    char, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if char == ".":
        return after.isdigit() and not before.isalpha()
    if char == "-":
        return (after.isdigit() or after == ".") and not before.isalnum()
    return char in "#%" or ((char == "+" and before.isalnum()) or before == "+")
