"""What graders of answers share: which text of an action is judged, against which references, and what failed code means."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from eurus_core.errors import InputError
from eurus_core.parts.contracts import Grader, OpenGrader
from eurus_core.records import Action, Observation, Problem, Verdict, turns
from eurus_core.replies.spoken import spoken


@dataclass(frozen=True, slots=True)
class Said:
    """The text that is judged, and the problem's, which may list options. ``cut``: our cap ended it, so that its end is unfinished.

    ``printed``: code printed it; then ``text`` is the last line, and ``printed`` all of them.
    """

    text: str
    instruction: str = ""
    cut: bool = False
    printed: str = ""


class AnswerGrader(Grader):
    """A grader that compares an answer's text with the reference's.

    Where code ran, its last line of output is judged, otherwise what stands in ``<solution>``, otherwise the text without its
    thinking. Code that failed is ``incorrect`` (rule ``error``, ``memory`` or ``killed``), code that ran out of time ``timeout``, code that
    printed nothing ``unparsed`` (rule ``no output``): it may have computed the answer, but has not given it.
    """

    @abstractmethod
    def compare(self, said: Said, reference: str) -> Verdict | Callable[[], Verdict]:
        """Return the verdict, or the work that finds it, where that takes long and is to be done beside the event loop. Never raises."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenGrader]:
        yield _Answers(self)


@dataclass(frozen=True, slots=True)
class _Answers:
    grader: AnswerGrader

    async def grade(self, problem: Problem, action: Action, observation: Observation | None) -> Verdict:
        references = [one for one in problem.reference.answers if one.strip()]
        if not references:
            raise InputError(
                f"problem {problem.id} has no reference answer", needed="A grader of answers compares with one."
            )
        said = _said(problem, action, observation)
        if isinstance(said, Verdict):
            return said
        best: Verdict | None = None
        for reference in references:
            found = self.grader.compare(said, reference)
            if callable(found):
                found = await asyncio.to_thread(found)
            if found.correct:
                return found
            if best is None or (found.score or 0.0) > (best.score or 0.0):
                best = found
        assert best is not None  # noqa: S101 - there is a reference, for the type checker
        return best


def _said(problem: Problem, action: Action, observation: Observation | None) -> Said | Verdict:
    """Return what is judged, or the verdict on an action that says nothing."""
    if action.code and observation is not None:
        if observation.status == "timeout":
            return Verdict("timeout", "timeout", "the code did not end in time")
        if observation.status != "ok":
            return Verdict("incorrect", observation.status, _last_line(observation.text))
        last = turns.printed(observation)
        if last is None:
            return Verdict("unparsed", "no output", "the code ran and printed nothing")
        return Said(last, problem.instruction, printed=observation.text)
    text = spoken(action.text) if action.solution is None else action.solution
    if not text.strip():
        thought = action.solution is None and action.text.strip()
        why = "the text is all thought" if thought else "the text is empty"
        return Verdict("unparsed", "no answer", why)
    return Said(text, problem.instruction, action.cut)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "the code failed"
