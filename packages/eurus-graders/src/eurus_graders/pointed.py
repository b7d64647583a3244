"""What a reply in words points out where it announces nothing: a label, a fence, the one bold phrase, the date of its last sentence."""

from __future__ import annotations

import re

from eurus_graders import reply
from eurus_graders.denials import denies
from eurus_graders.reply import Found

_MAX_WORDS = 16
_TAIL = 1_000
"""Characters looked at for a fence, from the end."""
_MAX_SENTENCE = 2_000
_LABEL = re.compile(
    r"^[ \t>*_#-]*(?:(?:final|predicted|overall)\s+)?(?:label|sentiment|class|category|classification|prediction|relation(?:ship)?|polarity|stance|emotion|verdict)"
    r"[*_ ]*[:：][*_` \t]*(?P<said>[^\n:：?]{1,60}?)[*_`.! \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that names a class. What other words label, such as ``Runner-up: Rome``, need not be the answer."""
_OPEN = re.compile(r"[,/|;()\[\]{}<>]|\b(?:and|vs)\b", re.IGNORECASE)
"""In a label that lists classes and picks none."""
_TURNS = re.compile(
    r"\b(?:but|however|although|though|actually|overall|on\s+balance|in\s+fact|reconsider\w*|chang\w+|instead|rather|also|alternatively|or|maybe|perhaps|possibly|might|may|could|would)\b|\?",
    re.IGNORECASE,
)
"""In remarks behind a label that turn to another."""
_SAYS = re.compile(
    r"\b(?:is|are|was|were)\s+(?!(?:\w+ed|said|given|shown|made|found)\b)(?P<said>[^.!?\n]{1,80})[.!]?\s*\Z",
    re.IGNORECASE,
)
_FENCED = re.compile(
    r"(?P<lead>[^\n]*):[*_ \t]*\n\s*```[ \t]*(?:text|txt|plaintext|output)?[ \t]*\n(?P<said>[^\n`]+)\n[ \t]*```\s*\Z",
    re.IGNORECASE,
)
_GIVEN = re.compile(r"\b(?:input|given|example|examples|instance|original|question|unlike|instead)\b", re.IGNORECASE)
_BOLD = re.compile(r"(?<!\*)\*\*(?=[^\s*])(?P<said>[^*\n]{1,200}?)(?<=\S)\*\*(?!\*)")
_ENDS = re.compile(
    r"(?:\s*(?:です|でした|である|だ|になります|となります|입니다|이다|이에요|예요|है|हैं|था|थी|होगा))?[\s.!。।]*\Z"
)
_LEADS_AWAY = re.compile(
    r"(?:[,:：、(]|\b(?:o|and|und|et|y|e|и|prefer\w*\b.{1,80}\bto|than|before|after|from|like|unlike|over|against|als|que|vor|nach|avant|après))\s*\Z",
    re.IGNORECASE,
)
"""Stands before a bold phrase that is part of another, or what something is compared with."""
_MONTH = r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = rf"(?:{_DAY}\s+(?:of\s+)?{_MONTH},?\s+\d{{4}}|{_MONTH}\s+{_DAY},?\s+\d{{4}})"
_ON = re.compile(
    rf"(?P<before>.*\b)on\s+(?:the\s+)?(?:[A-Z][a-z]+day,?\s+)?\**(?P<said>{_DATE})\**[.!]?\s*\Z", re.DOTALL
)
_ANY_DATE = re.compile(rf"\b{_MONTH}\s+\d|\d\s+{_MONTH}\s")


def labelled(text: str) -> str | None:
    """Return the class that a label gives, as the last line or as the first with remarks behind it: ``Label: `neutral```."""
    found = list(_LABEL.finditer(text))
    if not found or len({one["said"].casefold() for one in found}) > 1:
        return None
    last, said = found[-1], found[-1]["said"].strip()
    after = text[last.end() :].strip()
    if after and text[: last.start()].strip():
        return None
    if len(said.split()) > 4 or _OPEN.search(said) or denies(f"{said} "):
        return None
    if after:
        says = _SAYS.search(after)
        other = says is not None and len(says["said"].split()) < 4 and said.casefold() not in says["said"].casefold()
        if other or _TURNS.search(after) or reply.withdrawn(Found("", "stated", after)):
            return None
    return said


def fenced(text: str) -> str | None:
    """Return the one line in a fence that ends a reply and that a sentence leads to."""
    found = _FENCED.search(text[-_TAIL:]) if text.endswith("```") else None
    if (
        found is None
        or denies(found["lead"])
        or _GIVEN.search(found["lead"])
        or len(found["said"].split()) > _MAX_WORDS
    ):
        return None
    return found["said"].strip()


def emphasised(sentence: str) -> str | None:
    """Return the one bold phrase of a sentence, in any language, that it ends in and that nothing in it denies: ``日本的首都是**东京**。``"""
    found = list(_BOLD.finditer(sentence)) if len(sentence) <= _MAX_SENTENCE else []
    if len(found) != 1 or _ENDS.match(sentence, found[0].end()) is None:
        return None
    before = sentence[: found[0].start()]
    if not any(map(str.isalpha, before)) or _LEADS_AWAY.search(before) or denies(before + sentence[found[0].end() :]):
        return None
    return found[0]["said"].strip()


def dated(sentence: str) -> str | None:
    """Return the only full date of a sentence, where it ends in it: ``Eagle landed on 20 July 1969.``"""
    found = _ON.fullmatch(sentence.strip()) if len(sentence) <= _MAX_SENTENCE else None
    if found is None or _ANY_DATE.search(found["before"]) or denies(found["before"]):
        return None
    return found["said"]
