"""The text grader: short answers in words, by the conventions of SQuAD, HotpotQA, StrategyQA and WikiTableQuestions."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from fractions import Fraction
from typing import Literal

from eurus_core.records import Verdict
from eurus_graders import dress, pointed, reply
from eurus_graders.answers import AnswerGrader, Said
from eurus_graders.values import Value, clock, denotation, f1, normal, spoken_truth, truth, unaccented, value
from eurus_graders.verdicts import short, verdict

MAX_WORDS = 16
"""Words of a line that may be an answer as it stands."""

_SENTENCE_END = re.compile(r"(?<=[a-z\d)\"'][.!?])(?<!\b(?:St|Mr|Ms|Dr|Jr|Sr|Mt|Ft|No|vs)\.)(?<!\bMrs\.)\s+(?=[A-Z])")
_PREDICATE = re.compile(
    r"(?:\b(?:is|was|are|were)|\b(?:it|that|he|she)['’]s|\b(?:that|it|this)\s+(?:would|must)\s+be)\s+(?P<said>(?:[^.?!\n]|(?<=\b[A-Z][a-z])\.(?=\s[A-Z])){1,200}?)(?:,\s*(?:and\s+)?not\b[^\n]*)?[.!]?\s*\Z",
    re.IGNORECASE,
)
_TRUTHS = re.compile(r"\b(?:yes|no|true|false)\b", re.IGNORECASE)
_ASKED = re.compile(r"\?[\s*_]+(yes|no|true|false)[\s!.*_]*\Z", re.IGNORECASE)
"""A question that is said again, and its answer behind it."""
_AT = re.compile(
    r"(?![^\n]*\b(?:not|no|if|or|nicht|oder|pas|ou|o)\b)[^\n:\d]{1,100}\b(?:at|um|à|a\s+las|alle|às)\s+\**(\d{1,2}:\d\d(?:\s*(?:[ap]\.?\s?m\.?|Uhr|h))?)\**(?:\s+(?:an|ab|auf))?[.!]?",
    re.IGNORECASE,
)
"""A line that says at what time."""
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_CLAUSE = re.compile(r".*(?:→|⇒|;\s|,\s+(?:so|hence|therefore|thus)\s)\s*", re.IGNORECASE)
"""All before the last clause of a sentence: what follows from the rest."""
_OPENING = re.compile(r"(yes|no|true|false)\b(?=\s*(?:$|[.,;:!]|because\b|since\b))", re.IGNORECASE)


_BEHIND = re.compile(
    r"\s*\((?=[^()]*[\d\w])[^()]*\)\s*(?:,.*)?\Z|,\s+(?:followed\s+by|which|who|whose|where|with|located|known|also|as|an?|the)\s.*\Z",
    re.DOTALL,
)
_TAKES_BACK = re.compile(
    r"\b(?:not|no|never|neither|wrong|incorrect|false|mistaken|if|or|maybe|perhaps|might|may|could|would|rather|instead|however|but)\b|n['’]t\b|\?",
    re.IGNORECASE,
)
_GLOSS = re.compile(
    r"\(\s*(?:[^():]{2,20}:\s*)?\**(?P<said>[A-Za-z][^()]{1,80}?)\**\s*\)\s*(?:です|である|だ|입니다|이다|예요|이에요|है)?\s*[.。।]?\Z"
)
_COUNTED = re.compile(
    r"(?P<count>\d[\d,]*)\s+(?!(?:million|billion|trillion|thousand|hundred|dozen|percent|per|am|pm|bc|bce|ad|ce|times|half|and|or|to|of|th|st|nd|rd|degrees)\b)[a-z]{3,20}",
    re.IGNORECASE,
)
_SHORT = {"mt": "mount", "st": "saint", "ft": "fort"}


class TextGrader(AnswerGrader):
    """Judges an answer in words.

    ``exact``: equal once case, punctuation, articles and spaces are dropped (SQuAD, arXiv 1606.05250; HotpotQA, arXiv 1809.09600), but
    numbers by value, where the published scripts take 3.5 for 35. The verdict's score is the F1 of the words. A reference of yes, no,
    true or false (StrategyQA, HotpotQA) wants a reply that opens with, or states, one of them.
    ``denotation``: the values on both sides, separated by ``|``, are the same in any order; numbers and dates count by value, text once
    normalised (WikiTableQuestions' official evaluator, arXiv 1508.00305).
    """

    match: Literal["exact", "denotation"] = "exact"
    """How answers are compared."""

    def compare(self, said: Said, reference: str) -> Verdict:
        text = said.text.strip()
        whole = self._compare(text, reference)
        if whole.correct and not said.cut:
            return whole
        found = self.search(text, cut=said.cut)
        if found is None:
            return verdict("unparsed", "no answer", "no answer is stated", "", reference, 0.0)
        judged = self._compare(found, reference)
        if judged.outcome != "incorrect":
            return judged
        for part in _parts(found):
            again = self._compare(part, reference)
            if again.correct:
                return again
        if _is_among(found, reference) and reply.announced(text) is None:
            why = f"{short(found)!r} says more than the answer, and not which part is"
            return verdict(
                "unparsed", "no answer", why, judged.parsed_prediction, judged.parsed_reference, judged.score
            )
        return judged

    def key(self, answer: str) -> Hashable:
        found = self.search(answer) or _trimmed(answer)
        if self.match == "denotation":
            return frozenset(denotation(found))
        return truth(found) if truth(found) is not None else value(found) or normal(found)

    def search(self, text: str, *, cut: bool = False) -> str | None:
        """Return the answer that a text announces, the only yes or no, which it opens with, or the text, where it is short and no sentence."""
        text = text[-reply.MAX_TEXT :].strip()
        found = reply.announced(text, cut=cut)
        if found is not None:
            answer = _WRAPPED.sub(r"\1", found.answer)
            return None if reply.withdrawn(found) else _trimmed(_SENTENCE_END.split(answer, maxsplit=1)[0])
        labelled = pointed.labelled(text) if not cut else None
        if labelled is not None:
            return labelled
        opening = _OPENING.match(text)
        if opening is not None and len({word.lower() for word in _TRUTHS.findall(text)}) == 1:
            return opening[1]
        if cut:
            return None
        asked = _ASKED.search(text)
        if asked is not None:
            return asked[1]
        fenced = pointed.fenced(text)
        if fenced is not None:
            return _trimmed(fenced)
        sentence = _SENTENCE_END.split(text.rpartition("\n")[2])[-1]
        clause = sentence[led.end() if (led := _CLAUSE.match(sentence)) is not None else 0 :]
        said = _PREDICATE.search(clause if _PREDICATE.search(clause) is not None else sentence)
        if said is not None and len(said["said"].split()) <= MAX_WORDS:
            return _trimmed(said["said"])
        last = reply.without_code(text).strip().rpartition("\n")[2].strip()
        if last.startswith(("```", "~~~")):
            return None  # of a fence that no sentence leads to, or of several lines
        at = _AT.fullmatch(last) or _AT.fullmatch(clause)
        if at is not None:
            return at[1]
        pointed_out = pointed.emphasised(sentence) or pointed.dated(sentence)
        if pointed_out is not None and len(pointed_out.split()) <= MAX_WORDS:
            return _trimmed(pointed_out)
        return _trimmed(last) or last if 0 < len(last.split()) <= MAX_WORDS and not reply.is_prose(last) else None

    def _compare(self, prediction: str, reference: str) -> Verdict:
        if not prediction:
            return verdict("unparsed", "no answer", "the answer is empty", "", reference)
        if self.match == "denotation":
            return _denotations(prediction, reference)
        expected = truth(reference)
        if expected is not None:
            return _truths(prediction, expected)
        shown = normal(prediction), normal(reference)
        score = f1(prediction, reference)
        one, other = value(prediction), value(reference)
        if one is not None and other is not None:
            right, rule = one == other, "number"
        else:
            right, rule = shown[0] == shown[1] != "" or prediction == reference, "normalised text"
            if not right and _same_count(prediction, reference):
                right, rule = True, "number"
            if not right and _abbreviated(shown[0]) == _abbreviated(shown[1]) != "":
                right, rule = True, "abbreviation"
            if not right and clock(prediction) is not None and clock(prediction) == clock(reference):
                right, rule = True, "time"
            if not right and not shown[0] and "".join(prediction.split()) == "".join(reference.split()):
                right, rule = True, "signs"
            if not right and shown[0] and unaccented(shown[0]) == unaccented(shown[1]):
                right, rule = True, "accents"
        if right:
            return verdict("correct", rule, "", *shown, 1.0)
        return verdict("incorrect", rule, f"{short(prediction)!r} is not the answer", *shown, score)


def _parts(answer: str) -> Iterator[str]:
    """Yield what an answer says without the remark behind it, and the name in brackets behind words of another language: ``東京 (Tokyo) です``."""
    remark = _BEHIND.search(answer)
    if remark is not None and remark.start() and _TAKES_BACK.search(remark.group()) is None:
        yield _trimmed(answer[: remark.start()])
    gloss = _GLOSS.search(answer)
    if gloss is not None and not answer[: gloss.start()].isascii():
        yield _trimmed(gloss["said"])


def _is_among(answer: str, reference: str) -> bool:
    """Whether an answer of four words or more holds the reference among them."""
    found, expected = normal(answer), normal(reference)
    return expected != "" and len(found.split()) > 3 and set(expected.split()) <= set(found.split())


def _same_count(one: str, other: str) -> bool:
    """Compare a number with one in words, and with one of things: ``seven`` with 7, ``4 Gospels`` with four."""
    from eurus_graders.math.algebra.terms import Number
    from eurus_graders.math.read import worded  # the parser is loaded where a number is spelt out

    numbers, nouns = list[Fraction](), 0
    for side in (one, other):
        text = " ".join(side.strip().rstrip(".").split())
        written = value(text)
        if written is None:
            counted = _COUNTED.fullmatch(text)
            meant = worded.meaning(text.casefold()) if counted is None else None
            nouns += counted is not None
            written = (
                value(counted["count"]) if counted is not None else meant.value if isinstance(meant, Number) else None
            )
        if not isinstance(written, Fraction):
            return False
        numbers.append(written)
    return nouns < 2 and numbers[0] == numbers[1]


def _abbreviated(words: str) -> str:
    return " ".join(_SHORT.get(word, word) for word in words.replace("&", " and ").split())


def _truths(prediction: str, expected: bool) -> Verdict:
    """Compare a yes or no, which the whole answer must be."""
    found = truth(prediction)
    if found is None:
        found = spoken_truth(prediction)
    words = {True: "yes", False: "no"}
    if found is None:
        return verdict(
            "unparsed", "yes or no", f"{short(prediction)!r} is neither yes nor no", "", words[expected], 0.0
        )
    right = found == expected
    why = "" if right else f"{words[found]!r} is not the answer"
    return verdict("correct" if right else "incorrect", "yes or no", why, words[found], words[expected], float(right))


def _denotations(prediction: str, reference: str) -> Verdict:
    found, expected = denotation(prediction), denotation(reference)
    shown = _listed(found), _listed(expected)
    if len(found) == len(expected) and set(found) == set(expected):
        return verdict("correct", "denotation", "", *shown, 1.0)
    return verdict("incorrect", "denotation", f"{short(shown[0])} is not the answer", *shown, f1(prediction, reference))


def _listed(values: tuple[Value, ...]) -> str:
    return " | ".join(sorted(map(str, values)))


def _trimmed(text: str) -> str:
    """Return an answer without Markdown and a final full stop; one that ends an abbreviation is dropped by normalising anyway."""
    return dress.undressed(text).strip(" \t*_`\"'").rstrip(".").strip(" *_`\"'")
