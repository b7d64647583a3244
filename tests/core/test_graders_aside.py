"""A grader that needs nothing opened judges beside the event loop, not in it."""

from __future__ import annotations

import asyncio
import threading

from eurus_core.contracts import Grader
from eurus_core.records import Action, Observation, Problem, Verdict

LOOP_WENT_ON = threading.Event()


class Waiting(Grader):
    """Ends its work when the event loop has gone on; gives up after a minute, as where the loop is held by this very call."""

    def grade(self, problem: Problem, action: Action, observation: Observation | None) -> Verdict:
        return Verdict("correct" if LOOP_WENT_ON.wait(timeout=60) else "timeout", action.text)

    def key(self, answer: str) -> str:
        return answer


def test_the_loop_goes_on_while_a_grader_works() -> None:
    async def main() -> Verdict:
        async with Waiting().open() as grading:
            verdict = asyncio.create_task(grading.grade(Problem("p", "Logic", "d", "?"), Action("this one"), None))
            await asyncio.sleep(0)  # the grader begins
            LOOP_WENT_ON.set()
            return await verdict

    LOOP_WENT_ON.clear()
    assert asyncio.run(main()) == Verdict("correct", "this one")
