"""The math grader: what an action answers, compared with the reference under the guard."""

from __future__ import annotations

from collections.abc import Hashable

from pydantic import Field

from eurus_core.records import Action, Observation
from eurus_data.graders import guard
from eurus_data.graders.answers import AnswerGrader
from eurus_data.graders.comparison import Comparison
from eurus_data.graders.math import compare, judging, keys
from eurus_data.graders.math.extraction import extract


class MathGrader(AnswerGrader):
    """Judges a mathematical answer.

    Where code ran, its last line of output is the answer (a sentence printed there is searched for one); otherwise the solution stated in
    words, then what the text says by priority: boxed, "answer is", the last number. Code that failed is ``incorrect`` (rule ``error``,
    ``memory`` or ``killed``), code that ran out of time ``timeout``, code that printed nothing ``unparsed`` (rule ``no output``): it may
    have computed the answer, but has not given it.
    """

    timeout_seconds: float = Field(default=2.0, gt=0)
    """CPU time that comparing two answers may take; past it the verdict is ``timeout``."""

    def compare(self, prediction: str, reference: str, instruction: str = "") -> Comparison:
        found = compare.at_sight(prediction, reference)
        if found is not None:
            return found
        try:
            return guard.shared().call(self.timeout_seconds, judging.judge, prediction, reference)
        except guard.Exceeded as exceeded:
            return Comparison(exceeded.outcome, exceeded.rule, exceeded.why)

    def key(self, answer: str) -> Hashable:
        if compare.is_plain(answer):
            return keys.key(answer)
        try:
            return guard.shared().call(self.timeout_seconds, judging.answer_key, answer)
        except guard.Exceeded:
            return ("text", answer.strip())

    def answer(self, action: Action, observation: Observation | None) -> str | None:
        last = super().answer(action, observation)
        if last is not None and action.code and observation is not None:
            return _with_array(last, observation.text)
        return last

    def search(self, text: str) -> str | None:
        found = extract(text)
        return found.answer if found is not None else None


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
