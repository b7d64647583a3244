"""The math grader: what an action answers, compared with the reference under the guard."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial

from pydantic import Field

from eurus_core.records import Verdict
from eurus_graders import guard, reply
from eurus_graders.answers import AnswerGrader, Said
from eurus_graders.math import judge
from eurus_graders.math.equal import compare, keys
from eurus_graders.math.read import languages
from eurus_graders.reply import Found
from eurus_graders.verdicts import short, verdict

_AFTER = 2_500
"""Characters behind an announcement that are read where it turns out to be the beginning of a sentence."""


class MathGrader(AnswerGrader):
    """Judges a mathematical answer.

    Where code ran, its last line of output is the answer (a sentence printed there is searched for one); otherwise the text is searched
    by priority: boxed, "answer is", the last statement. Code that failed is ``incorrect`` (rule ``error``, ``memory`` or ``killed``), code
    that ran out of time ``timeout``, code that printed nothing ``unparsed`` (rule ``no output``): it may have computed the answer, but
    has not given it.
    """

    timeout_seconds: float = Field(default=2.0, gt=0)
    """CPU time that comparing two answers may take; past it the verdict is ``timeout``."""

    def compare(self, said: Said, reference: str) -> Verdict | Callable[[], Verdict]:
        text = _with_array(said.text, said.printed) if said.printed else said.text
        text = languages.ungrouped(text[-reply.MAX_TEXT :])
        seen = judge.at_sight(text, reference, cut=said.cut)
        return seen if isinstance(seen, Verdict) else partial(self._guarded, text, seen, reference, said.cut)

    def _guarded(self, text: str, announced: Found | None, reference: str, cut: bool) -> Verdict:
        if announced is not None and not reply.withdrawn(announced):
            text = ""  # what was announced is all that is compared
            announced = replace(announced, after=announced.after[:_AFTER])
        call = partial(judge.judge, cut=cut)
        try:
            return guard.shared().call(self.timeout_seconds, call, text, announced, reference)
        except guard.Exceeded as exceeded:
            given = text if announced is None else announced.answer
            return verdict(exceeded.outcome, exceeded.rule, exceeded.why, short(given), short(reference))

    def key(self, answer: str) -> Hashable:
        if compare.is_plain(answer):
            return keys.key(answer)
        try:
            return guard.shared().call(self.timeout_seconds, keys.key, answer)
        except guard.Exceeded:
            return ("text", answer.strip())


def _with_array(last: str, printed: str) -> str:
    """Return the last line of output; lines of a printed array are joined back up to the bracket that opens it."""
    if last.count("]") <= last.count("["):
        return last
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    for start in range(len(lines) - 1, max(len(lines) - 65, -1), -1):
        joined = " ".join(lines[start:])
        if joined.count("[") >= joined.count("]"):
            return joined.removeprefix("Out:").strip()
    return last
