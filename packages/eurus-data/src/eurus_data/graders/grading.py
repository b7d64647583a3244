"""Grading rows one after the other: which grader judges a row, and the findings in the rows' order."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from eurus_core import turns
from eurus_core.choice import Choice
from eurus_core.contracts import Grader, Grading
from eurus_core.errors import InputError, UserError
from eurus_core.records import Verdict
from eurus_data.graders.answers import AnswerGrader
from eurus_data.graders.comparison import Comparison
from eurus_data.graders.rows import Row

_KIND: TypeAdapter[Grader] = TypeAdapter(Annotated[Grader, Choice("graders")])


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a row. ``trusted`` is false where model code could have shaped it, ``judged_by`` the model whose opinion it is."""

    row: Row
    comparison: Comparison
    seconds: float
    trusted: bool = True
    judged_by: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the output line: score and trust only where they say something."""
        found = self.comparison
        line: dict[str, Any] = {
            "outcome": found.outcome,
            "rule": found.rule,
            "why": found.why,
            "parsed_prediction": found.parsed_prediction,
            "parsed_reference": found.parsed_reference,
            "seconds": round(self.seconds, 6),
        }
        if found.score is not None:
            line["score"] = round(found.score, 4)
        if self.judged_by:
            line["judged_by"] = self.judged_by
        return line if self.trusted else {**line, "trusted": False}


class Graders:
    """Graders by kind, opened when a row first needs them and closed at the end."""

    def __init__(self, kind: Mapping[str, Any], timeout: float | None):
        self._default, self._timeout = dict(kind), timeout
        self._graders: dict[str, Grader] = {}
        self._opened: dict[str, Grading] = {}
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()

    def __enter__(self) -> Graders:
        self.grader(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._runner:
            if self._opened:
                self._runner.run(self._stack.aclose())

    def grader(self, kind: Any) -> Grader:
        """Return the grader of a row's kind: a name, or a table with a name and settings; None is the default."""
        settings = {"name": kind} if isinstance(kind, str) else kind
        if settings is None or settings == {"name": self._default["name"]}:
            settings = self._default
        known = self._graders.get(repr(settings))
        if known is not None:
            return known
        grader = _grader(settings)
        if self._timeout is not None and "timeout_seconds" in type(grader).model_fields:
            grader = _grader({**settings, "timeout_seconds": self._timeout})
        self._graders[repr(settings)] = grader
        return grader

    def check(self, row: Row) -> None:
        """UserError where there is no grader of the row's kind, InputError where its reference is none that this grader judges by."""
        grader = self.grader(row.kind)
        if not isinstance(grader, AnswerGrader):  # sessions of code are imported where code is judged
            from eurus_data.graders.code import CodeGrader

            tests = row.problem().reference
            if isinstance(grader, CodeGrader) and not tests.asserts and not tests.stdio:
                raise InputError(
                    '"reference" holds no tests', needed="For code it is a list of assertions, or of [input, output]."
                )
            grader.check(row.problem())

    def findings(self, rows: Iterable[Row]) -> Iterator[Finding]:
        """Yield the findings in the order of the rows; rows whose grader awaits something (a model) are judged together."""
        paired = [(row, self.grader(row.kind)) for row in rows]
        for at_once, group in itertools.groupby(paired, key=lambda pair: isinstance(pair[1], AnswerGrader)):
            if at_once:
                for row, grader in group:
                    yield _compared(row, grader)
            else:
                yield from self._runner.run(self._judged(list(group)))

    async def _judged(self, pairs: list[tuple[Row, Grader]]) -> list[Finding]:
        for _, grader in pairs:
            if repr(grader) not in self._opened:
                self._opened[repr(grader)] = await self._stack.enter_async_context(grader.open())
        return list(await asyncio.gather(*(_judge(row, self._opened[repr(grader)]) for row, grader in pairs)))


def _grader(settings: Any) -> Grader:
    try:
        chosen: Grader = _KIND.validate_python(settings)
    except ValidationError as error:
        told = error.errors()[0]
        at = ".".join(str(part) for part in told["loc"])
        name = settings.get("name") if isinstance(settings, dict) else settings
        says = f"is needed; see eurus parts graders {name}" if told["type"] == "missing" else told["msg"]
        raise UserError(f"kind {settings!r}: " + (f"{at}: " if at else "") + says) from None
    return chosen


def _compared(row: Row, grader: Grader) -> Finding:
    if not isinstance(grader, AnswerGrader):
        raise TypeError("only graders of answers compare at once")
    started = time.perf_counter()
    found: list[Comparison] = []
    for reference in grader.references(row.answers):
        found.append(grader.compare(row.prediction, reference, row.instruction))
        if found[-1].correct:
            break
    best = found[-1] if found[-1].correct else max(found, key=lambda one: one.score or 0.0)
    return Finding(row, best, time.perf_counter() - started)


async def _judge(row: Row, grading: Grading) -> Finding:
    problem, action = row.problem(), turns.parse(row.prediction)
    stated = action.solution or ""
    if not action.code and (problem.reference.asserts or problem.reference.stdio):
        action = replace(action, code=(row.prediction,))  # a program without a fence around it
    elif not action.code and action.solution is None:
        action = replace(action, solution=row.prediction)  # an answer without words that say so
    started = time.perf_counter()
    verdict = await grading.grade(problem, action, None)
    return Finding(
        row, _as_comparison(verdict, stated), time.perf_counter() - started, verdict.trusted, verdict.judged_by
    )


def _as_comparison(verdict: Verdict, stated: str) -> Comparison:
    return Comparison(verdict.outcome, verdict.rule, verdict.why, stated, "", verdict.score)
