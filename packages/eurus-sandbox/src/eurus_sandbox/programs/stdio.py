"""Programs judged by what they print: a fresh process a test, its standard output compared out here.

Two outputs agree where their lines do, spaces at the ends of lines and empty lines at the end apart. Given a ``tolerance`` they agree
where their words do, numbers that are no two integers up to that (absolute or relative, whichever is wider): line breaks then
count as spaces.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from eurus_core.records import Observation, ObservationStatus, Tier, Verdict
from eurus_sandbox.output import Capture, clean, observed, worded
from eurus_sandbox.programs.dialogue import Dialogue, Ended
from eurus_sandbox.wire import MOST_BYTES_OF_CODE

End = Literal["ok", "error", "memory", "timeout", "flood", "died"]
Start = Callable[[bytes], Awaitable[Dialogue]]
"""Starts a process with that standard input and waits until it is confined."""

_SHOWN_CHARS = 80
_MOST_CHARS_OF_WHY = 300
_STATUS: dict[End, ObservationStatus] = {"ok": "ok", "error": "error", "memory": "memory", "timeout": "timeout"}
_INTEGER = re.compile(r"[+-]?\d+")


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """How a program ended, what it had printed until then, and why it ended so, where that needs words."""

    end: End
    printed: bytes
    why: str = ""

    def shown(self, output_chars: int, tier: Tier, seconds: float) -> Observation:
        """Return what somebody sees who ran the program: its output, then the error, or a note that it was ended."""
        capture = Capture(output_chars)
        capture.add(self.printed)
        note = self.why if self.end in ("ok", "error", "memory") else f"[Killed: {self.why}.]"
        return Observation(observed(capture.text(), note), _STATUS.get(self.end, "killed"), tier, seconds)


async def check(
    start: Start,
    turns: asyncio.Semaphore,
    program: str,
    tests: Sequence[tuple[str, str]],
    *,
    timeout_seconds: float,
    tolerance: float | None,
    together: bool,
) -> Verdict:
    """Return the verdict on a program: that of the first test it fails. ``together`` runs all at once, as far as ``turns`` allows."""
    if len(program) > MOST_BYTES_OF_CODE:
        return Verdict("limit", "size", f"a program of {len(program)} characters")

    async def judged(given: str, expected: str) -> Verdict:
        async with turns:
            return await _try(start, program, given, expected, timeout_seconds, tolerance)

    if together:
        verdicts = await asyncio.gather(*(judged(*test) for test in tests))
    else:
        verdicts = []
        for test in tests:
            verdicts.append(await judged(*test))
            if not verdicts[-1].correct:
                break
    for number, verdict in enumerate(verdicts, 1):
        if not verdict.correct:
            return Verdict(verdict.outcome, verdict.rule, f"test {number} of {len(tests)}: {verdict.why}")
    return Verdict("correct", "stdout", f"{len(tests)} of {len(tests)} tests")


async def run(start: Start, program: str, given: str, timeout_seconds: float) -> ProgramRun:
    """Run a program once, in a fresh process that reads ``given``."""
    if len(program) > MOST_BYTES_OF_CODE:
        return ProgramRun(
            "error", b"", f"Not run: a program of {len(program)} characters; the most is {MOST_BYTES_OF_CODE}."
        )
    process = await start(given.encode("utf-8", "surrogatepass"))
    try:
        async with asyncio.timeout(timeout_seconds):
            said = await process.ask({"program": program, "role": "main"})
    except TimeoutError:
        return ProgramRun("timeout", process.output(), f"ran past {timeout_seconds:g} s")
    except Ended as ended:
        flooded = ended.args[0] == "flood"
        return ProgramRun(
            ended.args[0], process.output(), "the program printed too much" if flooded else "the process died"
        )
    else:
        if said.get("end") == "ok":
            return ProgramRun("ok", process.output())
        why = worded(str(said.get("why", "")), _MOST_CHARS_OF_WHY) or "the process did not say how it ended"
        return ProgramRun("memory" if said.get("end") == "memory" else "error", process.output(), why)
    finally:
        process.close()


async def _try(
    start: Start, program: str, given: str, expected: str, timeout_seconds: float, tolerance: float | None
) -> Verdict:
    ran = await run(start, program, given, timeout_seconds)
    if ran.end != "ok":
        return Verdict("timeout" if ran.end == "timeout" else "incorrect", ran.end, ran.why)
    place = difference(ran.printed.decode("utf-8", "surrogateescape"), expected, tolerance)
    return Verdict("incorrect", "stdout", place) if place else Verdict("correct", "stdout")


def difference(printed: str, expected: str, tolerance: float | None = None) -> str:
    """Return where the two first differ, in words; the empty string where they agree."""
    if tolerance is None:
        found, wanted, unit = _lines(printed), _lines(expected), "line"
        if found == wanted:
            return ""
    else:
        found, wanted, unit = printed.split(), expected.split(), "word"
    for number, (one, other) in enumerate(zip(found, wanted, strict=False), 1):
        if one != other and (tolerance is None or not _near(one, other, tolerance)):
            return f"{unit} {number} is {_short(one)}, expected {_short(other)}"
    if len(found) == len(wanted):
        return ""
    return f"{len(found)} {unit}s printed, expected {len(wanted)}"


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _near(one: str, other: str, tolerance: float) -> bool:
    if _INTEGER.fullmatch(one) and _INTEGER.fullmatch(other):
        return one.lstrip("+") == other.lstrip("+")  # a count or a residue, not a measurement
    try:
        numbers = float(one), float(other)
    except ValueError:
        return False
    return all(map(math.isfinite, numbers)) and math.isclose(*numbers, rel_tol=tolerance, abs_tol=tolerance)


def _short(text: str) -> str:
    text = clean(text.encode("utf-8", "replace"))
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "...")
