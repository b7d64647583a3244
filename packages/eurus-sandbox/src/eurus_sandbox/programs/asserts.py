"""Programs judged by Python statements: only calls run in the program's process, and only literals come back.

A test that expects a literal of a call is decided out here. Any other runs in a second session, the tests' own, against stubs of what
the program defines. Where neither can be (a test hands over a function, derives from a class of the program's), the test runs in the
program's process, and the verdict says ``trusted = False``; so it does where an operator of the program's own class decided.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from eurus_core.records import Verdict
from eurus_sandbox.literals import NotLiteral, Reference, decode, encode
from eurus_sandbox.output import worded
from eurus_sandbox.programs import uncalled
from eurus_sandbox.programs.assertions import Expectation, Test, Tests, read
from eurus_sandbox.programs.dialogue import Dialogue, Ended
from eurus_sandbox.wire import MOST_BYTES_OF_CODE

Start = Callable[[], Awaitable[Dialogue]]
"""Starts a process that reads nothing, and waits until it is confined."""

_MOST_CHARS_DECIDED_HERE = 1 << 16
_SHOWN_CHARS = 160
_MOST_CHARS_OF_WHY = 300
_MAYBE_OF_NUMPY = re.compile(r'\{\s*"(?:array"|scalar"|[^"]*\\)')
"""Values whose comparison is numpy's affair; the last, a tag with an escape in it, no honest process writes."""


_IDLE = Verdict("limit", "tests", "no assertion of the tests ran")


class _Failed(Exception):
    """A test has failed: ``args[0]`` is the verdict."""


class _Inside(Exception):
    """A test can be decided in the program's process only: ``args[0]`` says why."""


class _Unseen(Exception):
    """What a test asks about cannot be seen out here."""


class _Object:
    """An object of the program's, out here: equal to nothing else, and whether it is true only its own process knows."""

    def __bool__(self) -> bool:
        raise _Unseen


async def check(
    start: Start, program: str, tests: Sequence[str], *, timeout_seconds: float, entry_point: str = ""
) -> Verdict:
    """Return the verdict on a program: that of the first test it fails. The program's loading and each test have a deadline each.

    ``entry_point`` names the program's function that a test takes as its argument; unset, those that no other calls are tried. A suite in
    which no assertion ran is no fault of the program's, and no proof of it: ``limit``.
    """
    plan = read(tests, entry_point)
    if len(program) > MOST_BYTES_OF_CODE:
        return Verdict("limit", "size", f"a program of {len(program)} characters")
    if not plan.takes_entry:
        return await _check(start, program, plan, timeout_seconds)
    first: Verdict | None = None
    for entry in uncalled.entries(program):
        verdict = await _check(start, program, read(tests, entry), timeout_seconds)
        if verdict.correct:
            return verdict
        first = first or verdict
    return first or _wrong("error", "the program defines no function for the tests to call")


async def _check(start: Start, program: str, plan: Tests, timeout_seconds: float) -> Verdict:
    if plan.inside:
        return await _judge_inside(start, program, plan, plan.inside, timeout_seconds)
    async with AsyncExitStack() as stack:
        judge = _Judge(start, stack, plan, timeout_seconds)
        try:
            await judge.load(program)
            for number, test in enumerate(plan.tests, 1):
                with _about(f"test {number} of {len(plan.tests)}"):
                    await judge.test(test)
        except _Failed as failed:
            verdict: Verdict = failed.args[0]
            return verdict
        except _Inside as inside:
            reason = inside.args[0]
        else:
            if not judge.ran:
                return _IDLE
            return Verdict("correct", "asserts", f"{len(plan.tests)} of {len(plan.tests)} tests", trusted=judge.trusted)
    return await _judge_inside(start, program, plan, reason, timeout_seconds)


class _Judge:
    """The processes of one program's trial. ``trusted`` turns False when the program's own code had to decide something.

    ``ran`` says whether an assertion has passed.
    """

    def __init__(self, start: Start, stack: AsyncExitStack, plan: Tests, timeout_seconds: float):
        self._start, self._stack, self._plan, self._timeout_seconds = start, stack, plan, timeout_seconds
        self._tests: Dialogue | None = None
        self.trusted = True
        self.ran = False

    async def load(self, program: str) -> None:
        self._program = await _opened(self._start, self._stack)
        try:
            end = await self._in_time(self._program.ask({"program": program, "role": "values"}))
        except Ended as ended:
            raise _Failed(_dead(ended)) from None
        if end.get("end") != "ok":
            raise _Failed(_wrong("memory" if end.get("end") == "memory" else "error", f"the program: {_said(end)}"))

    async def test(self, test: Test) -> None:
        """Judge one test; _Failed where the program does not meet it."""
        if test.expectation is not None and self._tests is None and await self._decided_here(test.expectation):
            self.ran = True
            return
        if self._tests is None:
            self._tests = await _opened(self._start, self._stack)
            await self._in_time(self._relay(self._tests, {"names": self._plan.names}))
            if self._plan.given:
                await self._in_time(self._relay(self._tests, {"code": self._plan.given}))
        end = await self._in_time(self._relay(self._tests, {"code": test.code}))
        if end.get("end") == "no literal":
            raise _Inside(_said(end))
        self.trusted = self.trusted and not end.get("inside")
        self.ran = self.ran or bool(end.get("ran"))
        if end.get("end") != "ok":
            raise _Failed(_wrong("assert" if end.get("end") == "assertion" else "error", _said(end)))

    async def _decided_here(self, expectation: Expectation) -> bool:
        """Judge one call; False where the value has to be seen by the tests' session."""
        answer = await self._in_time(self._answer(_request(expectation)))
        if "raised" in answer:
            raise _Failed(
                _wrong(
                    "memory" if answer["raised"] == "MemoryError" else "error", f"{expectation.name}: {_said(answer)}"
                )
            )
        text = str(answer.get("value"))
        if len(text) > _MOST_CHARS_DECIDED_HERE or _MAYBE_OF_NUMPY.search(text):
            return False
        try:
            value = decode(text, _stand_in)
            met = bool(expectation.met_by(value))
        except _Unseen:
            return False
        except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise _Failed(_wrong("error", f"{_shown(expectation, text)}: {worded(str(error), _SHOWN_CHARS)}")) from None
        if not met:
            raise _Failed(_wrong("assert", _shown(expectation, text)))
        return True

    async def _answer(self, request: Mapping[str, object]) -> dict[str, Any]:
        try:
            answer = await self._program.ask(request)
        except Ended as ended:
            raise _Failed(_dead(ended)) from None
        if "large" in answer:
            raise _Failed(Verdict("limit", "size", "a value of more than 8 MB"))
        return answer

    async def _relay(self, tests: Dialogue, message: Mapping[str, object]) -> dict[str, Any]:
        """Hand a frame to the tests' session, and their questions to the program, until that session is done with the frame."""
        try:
            said = await tests.ask(message)
            while "ask" in said:
                said = await tests.ask(await self._answer(said["ask"]))
        except Ended:
            raise _Failed(Verdict("limit", "tests", "the tests' own process died")) from None
        return said

    async def _in_time(self, work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await work
        except TimeoutError:
            raise _Failed(Verdict("timeout", "timeout", f"ran past {self._timeout_seconds:g} s")) from None


async def _judge_inside(start: Start, program: str, plan: Tests, reason: str, timeout_seconds: float) -> Verdict:
    """Run the tests in the program's own process, from the beginning."""
    async with AsyncExitStack() as stack:
        process = await _opened(start, stack)
        frames = [
            {"program": program, "role": "inside"},
            *({"code": f"{plan.given}\n{test.code}"} for test in plan.tests),
        ]
        ran = 0
        for number, frame in enumerate(frames):
            place = f"test {number} of {len(plan.tests)}: " if number else "the program: "
            try:
                async with asyncio.timeout(timeout_seconds):
                    end = await process.ask(frame)
            except TimeoutError:
                return Verdict("timeout", "timeout", f"{place}ran past {timeout_seconds:g} s", trusted=False)
            except Ended as ended:
                return Verdict("incorrect", ended.args[0], f"{place}the process died", trusted=False)
            if end.get("end") != "ok":
                return Verdict("incorrect", "error", place + _said(end), trusted=False)
            ran = end.get("ran", 0)
    if not ran:
        return replace(_IDLE, trusted=False)
    return Verdict("correct", "asserts (inside)", f"judged in the program's process: {reason}", trusted=False)


async def _opened(start: Start, stack: AsyncExitStack) -> Dialogue:
    process = await start()
    stack.callback(process.close)
    return process


@contextlib.contextmanager
def _about(place: str) -> Iterator[None]:
    """Say in a verdict which test it is about."""
    try:
        yield
    except _Failed as failed:
        verdict: Verdict = failed.args[0]
        raise _Failed(replace(verdict, why=f"{place}: {verdict.why}")) from None


def _request(expectation: Expectation) -> dict[str, object]:
    return {
        "do": "call",
        "name": expectation.name,
        "arguments": [encode(argument, _refuse) for argument in expectation.arguments],
        "keywords": {key: encode(value, _refuse) for key, value in expectation.keywords.items()},
    }


def _refuse(value: object) -> None:
    raise NotLiteral(f"a {type(value).__name__} is no literal")


def _stand_in(reference: Reference) -> object:
    """Return what an object of the program's is out here: its builtin content, where it has one."""
    return reference.content[0] if reference.content else _Object()


def _shown(expectation: Expectation, text: str) -> str:
    """Return the call and what it returned."""
    keywords = (f"{key}={_spelled(value)}" for key, value in expectation.keywords.items())
    given = ", ".join([*map(_spelled, expectation.arguments), *keywords])
    return f"{expectation.name}({given[:_SHOWN_CHARS]}) returned {worded(text, _SHOWN_CHARS)}"


def _spelled(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # an integer of more digits than Python writes out
        return "..."


def _said(message: Mapping[str, Any]) -> str:
    return worded(str(message.get("why", "")), _MOST_CHARS_OF_WHY)


def _wrong(rule: str, why: str) -> Verdict:
    return Verdict("incorrect", rule, why)


def _dead(ended: Ended) -> Verdict:
    return _wrong(ended.args[0], "the process died")
