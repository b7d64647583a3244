"""Grading rows one after the other: which grader judges a row, and the verdicts in the rows' order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from eurus_core.errors import PluginError, UserError
from eurus_core.parts.choice import Choice
from eurus_core.parts.contracts import Grader, OpenGrader
from eurus_core.records import Verdict, turns
from eurus_graders.rows import Row, given

_KIND: TypeAdapter[Grader] = TypeAdapter(Annotated[Grader, Choice("graders")])
_AT_ONCE = 64
"""Rows that are judged at the same time."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with its verdict, or with what kept it from having one."""

    row: Row
    verdict: Verdict | UserError
    seconds: float


class Graders:
    """Graders by kind, opened when a row first needs them and closed at the end."""

    def __init__(self, kind: Mapping[str, Any], timeout: float | None):
        self._default, self._timeout = dict(kind), timeout
        self._graders: dict[str, Grader] = {}
        self._opened: dict[str, OpenGrader | UserError] = {}
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

    def name(self, kind: Any) -> str:
        """Return the name by which a row's grader was chosen."""
        return str(kind.get("name") if isinstance(kind, dict) else kind or self._default["name"])

    def check(self, row: Row) -> None:
        """UserError where there is no grader of the row's kind, InputError where its reference is none that this grader judges by."""
        grader = self.grader(row.kind)
        grader.check(row.problem(grader.judges_by))

    def judged(self, rows: Iterable[Row]) -> Iterator[Judged]:
        """Yield the rows with their verdicts, in their order; some are judged at the same time. What befalls one befalls no other."""
        left = iter(rows)
        while some := list(islice(left, _AT_ONCE)):
            yield from self._runner.run(self._judged(some))

    async def _judged(self, rows: Sequence[Row]) -> list[Judged]:
        for row in rows:
            await self._open(self.grader(row.kind))
        return list(await asyncio.gather(*map(self._judge, rows)))

    async def _judge(self, row: Row) -> Judged:
        """Judge a row as a reply in a growth is judged: the same problem, the same action, the same function."""
        grader = self.grader(row.kind)
        grading = self._opened[repr(grader)]
        if isinstance(grading, UserError):
            return Judged(row, grading, 0.0)
        started = time.perf_counter()
        verdict: Verdict | UserError
        try:
            verdict = await grading.grade(row.problem(grader.judges_by), turns.parse(row.prediction), None)
        except UserError as error:
            verdict = error
        except Exception as error:  # of a part of somebody else's: its row is lost, the others are not
            verdict = _broken(grader, f"on line {row.line}", error)
        return Judged(row, verdict, time.perf_counter() - started)

    async def _open(self, grader: Grader) -> None:
        """Open a grader once; what keeps it from opening is told of each of its rows."""
        if repr(grader) in self._opened:
            return
        try:
            self._opened[repr(grader)] = await self._stack.enter_async_context(grader.open())
        except UserError as error:
            self._opened[repr(grader)] = error
        except Exception as error:
            self._opened[repr(grader)] = _broken(grader, "while it was opened", error)


def grade(
    prediction: str | float,
    reference: str | float | Sequence[Any],
    grader: Grader | str = "math",
    instruction: str = "",
) -> Verdict:
    """Return the verdict on one prediction, an answer or a whole reply; of ``reference`` a list holds alternatives, or tests.

    Numbers are judged as their text; InputError where one of them is anything else, such as None. Opens the grader for this one verdict, and an event loop: where many are judged, open it once and await.
    """
    chosen = grader if isinstance(grader, Grader) else _grader({"name": grader})
    row = given(prediction, reference, instruction)

    async def once() -> Verdict:
        async with chosen.open() as grading:
            return await grading.grade(row.problem(chosen.judges_by), turns.parse(row.prediction), None)

    return asyncio.run(once())


def _broken(grader: Grader, where: str, error: Exception) -> PluginError:
    return PluginError(f"{type(grader).__name__} failed {where}: {type(error).__name__}: {error}")


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
