"""Reading a pick from a reply's last sentence: the option that it is about, or the option's words that it ends in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eurus_graders.denials import denies
from eurus_graders.options import normal
from eurus_graders.picks import Pick, undressed

_PREDICATE = re.compile(
    r"(?:\b(?:is|are|was|were|be|called)|[:=])\s+(?:the\s+|an?\s+)?(?P<words>[^\n.!?]{1,200})[.!]?\s*\Z", re.IGNORECASE
)
_EMPHASISED = re.compile(
    r"\b(?:in|as|by|called|to|at|for|means|becomes|remains|the|an?)\s+\*\*(?P<words>[^*\n]{2,200})(?:\*\*)?[.!]?(?:\*\*)?\s*\Z"
)
DENIES = re.compile(
    r"\b(?:not|never|unlike|rather|except|instead|neither|no|or|wrong|incorrect|maybe|perhaps|without|would|could|if)\b|\bthan\s+(?:the\s+|an?\s+)?\*\*|n['’]t\b",
    re.IGNORECASE,
)
_CONCESSION = re.compile(
    r"\A(?:but\s+)?(?:although|(?:even\s+)?though|while|whereas|unlike)\s[^,;.!?]{1,160},\s+", re.IGNORECASE
)
"""Opens a sentence with what is true too, and may name another option: ``Although Sydney is larger, the capital is Canberra.``"""
_MAX_SENTENCE = 2_000
_DESCRIBES = re.compile(
    r"\A\W*(?:(?:so|thus|and|but|while)\s+)?(?:the\s+)?(?:option|choice|alternative)\s+[*(\[]*[A-Z][*)\]]*\s+(?:is|are|was|were)\b"
    r"|\b(?:not|n['’]t)\s+(?:true|correct|right|the\s+case|say|think|believe|mean)\b|\b(?:nobody|no\s+one)\b|\b(?:false|incorrect|wrong|untrue|mistake)\s+(?:that|to)\b",
    re.IGNORECASE,
)
"""A sentence that says of an option what it is, or that something is not so."""
_SENTENCE_END = re.compile(r"(?<=\w[.!?])\s+|(?<=[\w)]\*\*[.!?])\s+|(?<=\)[.!?])\s+")
_SUBJECT = re.compile(
    r"(?:\A|(?P<lead>.*?)(?:,\s+|\b(?:so|thus|hence|therefore|then|that|makes|means)\s+))(?:so\s+|thus\s+|hence\s+|therefore\s+|that\s+)?(?:the\s+)?"
    r"(?:option|choice|alternative)\s+[*(\[]*(?P<mark>[A-Z]|\d{1,2})[*)\]]*(?:\s+\([^()]{1,200}\))?\s+is\s+(?:clearly\s+|thus\s+|therefore\s+)?(?P<said>[^.!?]{2,120}?)[.!*]*\s*\Z",
    re.IGNORECASE,
)
_JUDGED = re.compile(
    r"(?:much\s+|far\s+|by\s+far\s+)?(?:the\s+)?(?:(?:more|most)\s+(?:plausible|likely|probable|accurate|appropriate|suitable|fitting|natural|reasonable|sensible|logical|coherent|convincing)"
    r"|better|best|odd\s+one\s+out|outlier|exception)(?:\s+(?:one|answer|choice|option|fit|match|explanation|continuation|ending|cause|effect|result|outcome))?",
    re.IGNORECASE,
)
"""Said of the option that a reply picks."""
_SMALL = frozenset(("the", "a", "an", "of", "in", "to", "by", "one", "option", "clearly"))
_REVERSED = re.compile(
    r"\b(?:not|except|never|cannot|no|false|incorrect|wrong|least|less|worst|untrue|implausible|unlikely|unsuitable|inappropriate|distractors?)\b|n['’]t\b",
    re.IGNORECASE,
)
"""In a question for the option of which something does not hold; what it asks then is not what is said of the pick."""
_FIRST_OPTION = re.compile(r"(?:^|\s)[(\[]?\s?(?:[Aa]|1)\s?[).:\]](?=\s)", re.MULTILINE)
_MARKS = re.compile(
    r"(?i:options?|choices?|alternatives?|and)\s+[*(\[]*([A-Za-z]|\d{1,2})(?![\w'’])|(?<![\w'’])([B-HJ-Z])(?![\w'’])|\(([A-Za-z])\)"
)
_OTHERS = re.compile(
    r"\b(?:than|but|however|though|although|while|whereas|also|both|too|second|another|same)\b", re.IGNORECASE
)


def predicate(line: str, listed: Mapping[str, str]) -> Pick | None:
    """Return the option whose words a last sentence ends in: ``The capital is Paris.``, where it has no other option's."""
    sentence = re.split(r"(?<=\w[.!?])\s+", line.strip())[-1]
    if _DESCRIBES.search(sentence[-_MAX_SENTENCE:]) is not None:
        return None
    conceded = _CONCESSION.match(sentence)
    if conceded is not None:
        sentence = sentence[conceded.end() :]
        if denies(sentence):
            return None
    letters: list[str] = []
    for pattern in (_PREDICATE, _EMPHASISED):
        found = pattern.search(sentence)
        if found is not None and not letters and (pattern is _PREDICATE or DENIES.search(sentence) is None):
            words = undressed(found["words"])
            letters = letters_of(words, listed) or letters_of(f"the {words}", listed)
    others = [option for letter, option in listed.items() if letter not in letters and option]
    named = any(re.search(rf"(?<!\w){re.escape(normal(option))}(?!\w)", normal(sentence)) for option in others)
    return Pick(letters[0], listed[letters[0]]) if len(letters) == 1 and not named else None


def subject(line: str, question: str) -> str:
    """Return the letter or number of the option that a last sentence is about and judges, or nothing: ``Option C is the odd one out.``

    What is said of it is a judgement that picks, or the question's own words (``is larger`` where it asks which is larger). Where the
    sentence denies or names another option, or the question asks what does not hold, there is no pick.
    """
    sentence = _SENTENCE_END.split(line.strip())[-1]
    found = _SUBJECT.match(sentence) if len(sentence) <= _MAX_SENTENCE else None
    asked = _FIRST_OPTION.split(question, maxsplit=1)[0]
    if found is None or denies(sentence) or _OTHERS.search(sentence) or _REVERSED.search(asked):
        return ""
    mark = found["mark"].upper()
    if any(one and one.upper() != mark for marks in _MARKS.findall(sentence) for one in marks):
        return ""
    said = undressed(found["said"])
    if _JUDGED.fullmatch(said) is not None:
        return mark
    words = {word for word in re.findall(r"[^\W\d_]+", said.casefold()) if word not in _SMALL}
    return mark if words and words <= set(re.findall(r"[^\W\d_]+", asked.casefold())) else ""


def letters_of(words: str, listed: Mapping[str, str]) -> list[str]:
    """Return the letters of the options with these words."""
    return [letter for letter, option in listed.items() if normal(option) == normal(words) != ""]
