"""Answers in words: numbers written out, sets by name, labels in words, choices with their option's text."""

from __future__ import annotations

import re
from fractions import Fraction

from eurus_graders.math.algebra.terms import EMPTY, Apply, Based, Number, Term, Words, number
from eurus_graders.math.read import languages, names, numerals
from eurus_graders.math.read.spelling import fold

_UNITS = {**names.NUMBER_WORDS, "a": 1, "an": 1}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12, "twentieth": 20,
    **{f"{word}th": value for word, value in {**names.NUMBER_WORDS, **names.MULTIPLIERS}.items() if word not in ("zero", "one", "two", "three")},
}  # fmt: skip
_LABEL = re.compile(
    r"(?P<label>(?:\\angle |\\triangle |[A-Z])?[A-Za-z][A-Za-z .']{1,48}?)\s*(?:[=:]|\b(?:(?:is|are|equals|lies|(?:must|should|will) be)(?: at| on)?|on|at)\b|(?<= )(?=[(\[]))\s*(?P<value>(?:[^:<>]|(?<=[\d ]):(?=[\d ]))+)"
)
_AMOUNT = re.compile(
    r"(?:an? |the )?(?P<label>(?:[a-z]+ )?(?:profit|loss|gain|total|cost|price|discount|increase|decrease|probability|chance|value|distance|speed"
    r"|length|height|area|volume)) of (?P<value>[$€£]?\d.*)",
    re.IGNORECASE,
)
_TERM = re.compile(
    r"\\(?:int|iint|lim|sum|prod|angle|Pr|partial|circ)(?![A-Za-z])|(?<![A-Za-z\\])[A-Za-z]{1,6}\s*[(\[]"
)
"""Begins or stands in a term that we do not read, such as an integral or an expectation."""
_NO_LABEL = frozenset((
    "not", "no", "never", "neither", "nor", "if", "when", "unless", "except", "or", "and", "than", "least", "most", "about",
    "maybe", "either", "there", "answer", "result", "solution", "without", "isn", "doesn", "cannot", "can", "more", "less", "fewer", "plus", "minus", "times", "squared", "cubed", "factorial", "over", "under", "to", "with", "but", "is", "are",
))  # fmt: skip
"""Words that make what stands before a sign more than a name."""

_SHARE = re.compile(r"([a-z -]+) (?:out of|in) (?:every )?([a-z -]+)")
_NOTHING = re.compile(r"(?:there (?:is|are) )?no (?:real |integer )?(?:solution|root|zero)s?(?: exists?)?")
_NOUN = re.compile(r"[A-Za-z]{2,}(?:\s+[A-Za-z]{2,}){0,4}")
_COUNTED = re.compile(rf"(?P<count>-?\d[\d.,/]*)\s+(?P<noun>{_NOUN.pattern})")
_BASED = re.compile(r"([0-9A-Za-z]+)_(?:\{\s*(\d{2})\s*\}|(\d{2}))")
_PREFIXED = re.compile(r"0(?:([bB])([01]+)|([oO])([0-7]+)|([xX])([0-9A-Fa-f]+))")
_CHOICE = re.compile(r"(?i:(?:option|choice|answer)\s*:?\s*)?[(\[]?\s*([A-Ja-h])\s*[)\].:]?")
_CHOSEN = re.compile(
    r"(?i:(?:option|choice)\s+)?(?:[(\[]\s*([A-Ja-h])\s*[)\]][.:]?|([A-J]\s*[).:]|[a-h]\)))\s*(\S.*)", re.DOTALL
)


def meaning(words: str) -> Term | None:
    """Return what folded words mean where they are a number or a set by name; else None."""
    if words in names.ABBREVIATIONS:
        return Words(names.ABBREVIATIONS[words])
    if words in names.WHOLE_ANSWERS:
        return names.WHOLE_ANSWERS[words]
    if words.endswith("does not exist") and len(words.split()) < 6:
        return Words("does not exist")
    if found := _SHARE.fullmatch(words):
        part, whole = (_number(side.replace("-", " ").split()) for side in found.groups())
        return None if part is None or not whole else number(part / whole)
    if _NOTHING.fullmatch(words):
        return EMPTY
    if words.startswith(("minus ", "negative ")):
        below = meaning(words.partition(" ")[2])
        return Apply("neg", (below,)) if isinstance(below, Number) else None
    if words.endswith("%") and words[0].isalpha():
        share = _number(words[:-1].replace("-", " ").split())
        return None if share is None else Apply("percent", (number(share),))
    if words and words[0].isalpha():
        value = _number(words.replace("-", " ").split())
        value = numerals.value(words) if value is None else value
        return None if value is None else number(value)
    return None


def _number(words: list[str]) -> Fraction | None:
    """Return the value of ``twenty one``, ``three hundred and five``, ``two thirds``; None for anything else."""
    if not 1 <= len(words) <= 12 or words in (["a"], ["an"]):
        return None
    if words == ["half"]:
        return Fraction(1, 2)
    *head, last = words
    part = _PARTS.get(last) or _PARTS.get(last.removesuffix("s"))
    if part is not None and "and" in head[:-1]:  # six and a half
        at = len(words) - 1 - words[::-1].index("and")
        whole, rest = _number(words[:at]), _number(words[at + 1 :])
        return None if whole is None or rest is None or whole.denominator > 1 else whole + rest
    if part is not None and head:
        above = _number(head) if head not in (["a"], ["an"]) else Fraction(1)
        return None if above is None or last.endswith("s") == (above == 1) else above / part  # no "twenty-fifth"
    total, group = 0, 0
    fresh = True
    for word in words:
        if word == "and":
            continue
        if word in _UNITS:
            if not fresh and not (group % 100 >= 20 and group % 10 == 0 and 0 < _UNITS[word] < 10):
                return None
            group, fresh = group + _UNITS[word], False
        elif word == "hundred" and 0 < group < 100:
            group, fresh = group * 100, True
        elif word in names.MULTIPLIERS and word != "hundred" and group:
            total, group, fresh = total + group * names.MULTIPLIERS[word], 0, True
        else:
            return None
    return Fraction(total + group)


def labelled(text: str) -> tuple[str, str] | None:
    """Return the label and the value of ``Area = 25`` or ``\\angle ABC = 30``; None where the words before the sign say more."""
    term, _, value = text.rpartition("=")
    if len(term) <= 80 and _TERM.search(term) and value.strip() and term[-1] not in "<>!":
        return term.strip(), value.strip()
    found = _LABEL.fullmatch(text) or _AMOUNT.fullmatch(text)
    if found is None:
        return None
    words = found["label"].casefold().split()
    if len(words) > 5 or _NO_LABEL.intersection(words):
        return None
    return " ".join(words), found["value"].strip()


def parts(text: str) -> list[str]:
    """Return what commas part outside of brackets."""
    found, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found]


def counted(text: str) -> tuple[str, str] | None:
    """Return the number and the noun of ``17 red balls`` or ``six balls``; None where the words behind it say more than what was counted."""
    found = _COUNTED.fullmatch(text)
    if found is not None:
        count, noun = found["count"], found["noun"]
    else:
        words = text.split()
        sizes = range(min(len(words) - 1, 8), 0, -1)
        size = next((size for size in sizes if _in_words(words[:size])), 0)
        count, noun = " ".join(words[:size]), " ".join(words[size:])
        if not size or _NOUN.fullmatch(noun) is None or noun.startswith("of "):
            return None
    return None if _NO_LABEL.intersection(noun.casefold().split()) or languages.changes(noun) else (count, noun)


def _in_words(words: list[str]) -> bool:
    """Whether words are a number, perhaps below zero."""
    below = len(words) > 1 and words[0].lower() in ("minus", "negative")
    return bool(_number(fold(" ".join(words[below:])).replace("-", " ").split()))


def based(text: str) -> Based | None:
    """Return an integer whose digits include letters (``1F_{16}``), or one with Python's prefix (``0x1f``)."""
    found = _BASED.fullmatch(text)
    if (
        found is not None
        and not found[1].isdigit()
        and (any(letter.isdigit() for letter in found[1]) or (len(found[1]) > 1 and found[1].isupper()))
    ):
        base = int(found[2] or found[3])
        digits = found[1].upper().lstrip("0")
        if 11 <= base <= 36 and all(int(digit, 36) < base for digit in digits):
            return Based(digits or "0", base)
    found = _PREFIXED.fullmatch(text)
    if found is not None:
        prefix, digits = next((found[i], found[i + 1]) for i in (1, 3, 5) if found[i])
        return Based(digits.upper().lstrip("0") or "0", {"b": 2, "o": 8, "x": 16}[prefix.lower()])
    return None


def choice(text: str) -> tuple[str, str] | None:
    """Return the letter of an option and the text behind it, perhaps none; None where there is no such letter."""
    text = text.strip()
    found = _CHOICE.fullmatch(text)
    if found is not None:
        return found[1].upper(), ""
    found = _CHOSEN.fullmatch(text)
    return ((found[1] or found[2][0]).upper(), found[3]) if found is not None else None
