"""One part of each kind that needs no torch, each the shortest that keeps its contract."""

import contextlib
import copy
import io
import sys
import traceback
from collections import Counter
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar, Literal

from eurus_core import (
    Backend,
    Choice,
    Critic,
    Critique,
    Format,
    FragmentTurn,
    Function,
    Grader,
    Observation,
    Problem,
    Reference,
    Reply,
    RowKeys,
    Scorer,
    Source,
    Stage,
    Tool,
    TreeFragment,
    Verdict,
)


class Halves(Source):
    """Even numbers and their halves."""

    def problems(self, split, *, seed=0, on_bad=None):
        for k in range(split == "test", 200, 2):
            number = 2 * (k + 1000 * seed)
            yield Problem(
                f"{split}-{number}", "Math_CoT", "halves", f"What is the half of {number}?", Reference(str(number // 2))
            )


class Plain(Tool):
    """Runs cells in this process."""

    @asynccontextmanager
    async def open(self):
        yield _Bench()


class _Bench:
    async def session(self, functions=()):
        return _Session({})


class _Session:
    def __init__(self, names):
        self._names = names

    async def run(self, code):
        return self._observe(code, self._names)

    async def run_program(self, program, given):
        before, sys.stdin = sys.stdin, io.StringIO(given)
        try:
            return self._observe(program, {})
        finally:
            sys.stdin = before

    async def branch(self):
        return _Session({name: copy.deepcopy(value) for name, value in self._names.items() if name != "__builtins__"})

    async def close(self):
        self._names.clear()

    @staticmethod
    def _observe(code, names):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            try:
                try:
                    value = eval(code, names)
                except SyntaxError:
                    exec(code, names)
                    value = None
            except Exception:
                return Observation(traceback.format_exc(), "error")
        return Observation(said.getvalue().strip() + (f"Out: {value}" if value is not None else ""))


class Double(Function):
    """Doubles."""

    @asynccontextmanager
    async def open(self):
        def double(number: int) -> int:
            """Return twice the number."""
            return 2 * number

        yield double


class SameText(Grader):
    """Compares letter by letter."""

    @asynccontextmanager
    async def open(self):
        yield self

    async def grade(self, problem, action, observation):
        said = action.text.strip()
        if not said:
            return Verdict("unparsed", rule="literal")
        return Verdict("correct" if said == problem.reference.answer else "incorrect", rule="literal")

    def key(self, answer):
        return answer.strip()


class Teacher(Critic):
    """Always says the same."""

    @asynccontextmanager
    async def open(self):
        yield self

    async def critique(self, problem, history, action, observation, verdict):
        return Critique("Look again.", critic="teacher")


class Echo(Backend):
    """Answers with the last message."""

    @property
    def actor(self):
        return "echo"

    @asynccontextmanager
    async def open(self):
        yield self

    async def generate(self, request):
        return Reply(request.messages[-1].content, tokens=1)


class Brevity(Scorer):
    """Scores by length."""

    @asynccontextmanager
    async def open(self):
        yield self

    async def score(self, prompt, responses):
        return [-float(len(response)) for response in responses]


class GoodAndBad(Format):
    """A question, a good reply and a bad one."""

    keys: ClassVar = (frozenset({"ask", "good", "bad"}),)
    row_keys: ClassVar = (
        RowKeys({"ask": "text", "good": "text", "bad": "text"}, {}, {"ask": "1 + 1?", "good": "2", "bad": "3"}),
    )

    def fragments(self, row, source):
        ask, good, bad = (row.text(key, "Needed are the texts ask, good and bad.") for key in ("ask", "good", "bad"))
        sides = (
            FragmentTurn(good, Verdict("correct", rule="published")),
            FragmentTurn(bad, Verdict("incorrect", rule="published")),
        )
        yield TreeFragment(Problem(ask, "Chat", source, ask), (), sides, ((0, 1, 1.0),))


class Tally(Stage):
    """Counts problems."""

    produces: ClassVar = "scores"

    source: Annotated[Source, Choice("sources")]
    """Whose problems."""
    by: Literal["task", "dataset"] = "task"
    """What they are counted by."""

    def check(self, seed):
        yield f"counting by {self.by}"

    def run(self, context):
        counts = Counter(getattr(problem, self.by) for problem in self.source.problems("train", seed=context.seed))
        context.path("scores").write_text(str(dict(counts)))
        context.figure("problems", counts.total())
        context.event("counted", problems=counts.total())
