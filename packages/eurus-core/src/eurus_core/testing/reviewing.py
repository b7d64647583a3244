"""Contracts of what answers while a tree grows: critics, and functions that an actor's code may call."""

from __future__ import annotations

import ast
import asyncio
import inspect
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eurus_core.testing.growing import HOSTILE_ANSWERS
from eurus_core.testing.part import PartContract

if TYPE_CHECKING:
    from eurus_core.records import Critique

SECRET = "48161"
"""The answer of the problem that critics are asked about; it follows from nothing that they are shown."""


class CriticContract(PartContract):
    """A critic: says something of every wrong action, the same each time, and marks what gives the answer away."""

    def test_a_wrong_action_is_criticised_by_name(self) -> None:
        for code, output in (("print(2 * 5)", "10"), ("", None)):
            (critique,) = self._ask((code or "It is 10.", code, output))
            assert critique.text.strip()
            assert critique.critic

    def test_a_critique_that_holds_the_answer_is_marked(self) -> None:
        for critique in self._ask(
            ("It is 10.", "", None), ("print(10)", "print(10)", "10"), ("I cannot say.", "", None)
        ):
            assert critique.leaks or SECRET not in critique.text

    def test_hostile_actions_are_criticised(self) -> None:
        for text in HOSTILE_ANSWERS:
            for one in self._ask((text, "", None), (text, text, text)):
                assert one.text.strip()

    def test_the_same_action_has_the_same_critique_alone_and_in_company(self) -> None:
        actions = [(f"print({n})", f"print({n})", str(n)) for n in range(4)]
        together = self._ask(*actions)
        assert together == [self._ask(action)[0] for action in actions]
        assert together == self._ask(*actions[::-1])[::-1]

    def _ask(self, *actions: tuple[str, str, str | None]) -> list[Critique]:
        """Return what is said of actions, given as text, code and output, that are asked about at once."""
        from eurus_core.records import Action, Message, Observation, Problem, Reference, Verdict

        question = "Ada has 16 boxes of the same number of pens, and sells 3 pens. How many has she?"
        problem = Problem("p", "Math_PoT", "contract", question, Reference(answer=SECRET), tools=("python",))

        async def ask() -> list[Critique]:
            async with self.part().open() as review:
                asked = (
                    review.critique(
                        problem,
                        [Message("user", question)],
                        Action(text, code=(code,) if code else ()),
                        None if output is None else Observation(output),
                        Verdict("incorrect", rule="contract"),
                    )
                    for text, code, output in actions
                )
                return list(await asyncio.gather(*asked))

        return asyncio.run(ask())


class FunctionContract(PartContract):
    """A function for an actor's code: described to it, called with literals, answering with literals, equal calls alike."""

    @abstractmethod
    def calls(self) -> Sequence[tuple[Any, ...]]:
        """Return the arguments of a few calls that it can answer."""

    def test_an_actor_can_be_told_how_to_call_it(self) -> None:
        async def look() -> tuple[str, str, inspect.Signature]:
            async with self.part().open() as function:
                return function.__name__, inspect.getdoc(function) or "", inspect.signature(function)

        name, words, signature = asyncio.run(look())
        assert name.isidentifier()
        assert words.strip()
        for call in self.calls():
            signature.bind(*call)

    def test_only_literals_cross(self) -> None:
        for call, answer in zip(self.calls(), self._answers(self.calls()), strict=True):
            assert ast.literal_eval(repr(call)) == call
            assert ast.literal_eval(repr(answer)) == answer

    def test_equal_calls_have_equal_answers_alone_and_in_company(self) -> None:
        calls = self.calls()
        together = self._answers(calls)
        assert together == self._answers(calls[::-1])[::-1]
        assert together == [self._answers([call])[0] for call in calls]

    def test_it_is_open_more_than_once_at_a_time(self) -> None:
        async def twice() -> tuple[Any, Any]:
            async with self.part().open() as one, self.part().open() as other:
                call = self.calls()[0]
                return await _answer(one, call), await _answer(other, call)

        first, second = asyncio.run(twice())
        assert first == second

    def _answers(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        async def ask() -> list[Any]:
            async with self.part().open() as function:
                return list(await asyncio.gather(*(_answer(function, call) for call in calls)))

        return asyncio.run(ask())


async def _answer(function: Any, call: tuple[Any, ...]) -> Any:
    found = function(*call)
    return await found if inspect.isawaitable(found) else found
