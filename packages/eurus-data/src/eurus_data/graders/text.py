"""The text grader: short answers in words, by the conventions of SQuAD, HotpotQA, StrategyQA and WikiTableQuestions."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Literal

from eurus_core.records import Verdict
from eurus_data.graders import reply
from eurus_data.graders.answers import AnswerGrader, Said
from eurus_data.graders.values import Value, denotation, f1, normal, truth, value
from eurus_data.graders.verdicts import short, verdict

MAX_WORDS = 16
"""Words of a line that may be an answer as it stands."""

_SENTENCE_END = re.compile(r"(?<=[a-z\d)\"'][.!?])(?<!\b(?:St|Mr|Ms|Dr|Jr|Sr|Mt|Ft|No|vs)\.)(?<!\bMrs\.)\s+(?=[A-Z])")
_PREDICATE = re.compile(
    r"\b(?:is|was|are|were)\s+(?P<said>[^.?!\n]{1,200}?)(?:,\s*(?:and\s+)?not\b[^\n]*)?[.!]?\s*\Z", re.IGNORECASE
)
_TRUTHS = re.compile(r"\b(?:yes|no|true|false)\b", re.IGNORECASE)
_OPENING = re.compile(r"(yes|no|true|false)\b(?=\s*(?:$|[.,;:!]|because\b|since\b))", re.IGNORECASE)


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
        return self._compare(found, reference)

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
            return None if reply.withdrawn(found) else _trimmed(_SENTENCE_END.split(found.answer, maxsplit=1)[0])
        opening = _OPENING.match(text)
        if opening is not None and len({word.lower() for word in _TRUTHS.findall(text)}) == 1:
            return opening[1]
        if cut:
            return None
        said = _PREDICATE.search(_SENTENCE_END.split(text.rpartition("\n")[2])[-1])
        if said is not None and len(said["said"].split()) <= MAX_WORDS:
            return _trimmed(said["said"])
        last = reply.without_code(text).strip().rpartition("\n")[2].strip()
        return last if 0 < len(last.split()) <= MAX_WORDS and not reply.is_prose(last) else None

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
        if right:
            return verdict("correct", rule, "", *shown, 1.0)
        return verdict("incorrect", rule, f"{short(prediction)!r} is not the answer", *shown, score)


def _truths(prediction: str, expected: bool) -> Verdict:
    """Compare a yes or no, which the whole answer must be."""
    found = truth(prediction)
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
    return text.strip(" \t*_`\"'").rstrip(".").strip(" *_`\"'")
