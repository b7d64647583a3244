"""A grader that needs nothing opened judges beside the event loop, not in it."""

from __future__ import annotations

import asyncio
import time

from eurus_core.contracts import Grader
from eurus_core.records import Action, Observation, Problem, Verdict


class Slow(Grader):
    def grade(self, problem: Problem, action: Action, observation: Observation | None) -> Verdict:
        time.sleep(0.5)
        return Verdict("correct", action.text)

    def key(self, answer: str) -> str:
        return answer


def test_the_loop_goes_on_while_a_grader_works() -> None:
    async def main() -> tuple[str, int]:
        ticks = 0
        async with Slow().open() as grading:
            verdict = asyncio.create_task(grading.grade(Problem("p", "Logic", "d", "?"), Action("this one"), None))
            while not verdict.done():
                await asyncio.sleep(0.01)
                ticks += 1
            return (await verdict).rule, ticks

    rule, ticks = asyncio.run(main())
    assert rule == "this one"
    assert ticks > 3  # one, were the loop held for as long
