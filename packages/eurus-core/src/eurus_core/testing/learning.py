"""Contracts of models and what they learn by: backends, scorers, objectives."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from eurus_core.testing.part import PartContract


class BackendContract(PartContract):
    """A backend: one reply a request, reproducible by seed, in any order and company."""

    def requests(self) -> list[Any]:
        """Return a few requests that the backend can answer."""
        from eurus_core.records import Message, Problem, Reference, Request, Sampling

        problem = Problem("p", "Math_PoT", "contract", "What is 1 + 1?", Reference(answer="2"))
        sampling = Sampling(temperature=1.0, max_tokens=8)
        return [Request((Message("user", f"What is {n} + {n}?"),), sampling, seed=n, problem=problem) for n in range(4)]

    def test_each_request_has_its_reply(self) -> None:
        replies = asyncio.run(self._ask(self.requests()))
        assert len(replies) == len(self.requests())
        assert all(isinstance(reply.text, str) and reply.tokens >= 0 for reply in replies)

    def test_order_and_company_change_nothing(self) -> None:
        requests = self.requests()
        together = asyncio.run(self._ask(requests))
        backwards = asyncio.run(self._ask(requests[::-1]))[::-1]
        alone = asyncio.run(self._ask(requests[:1]))
        assert [r.text for r in together] == [r.text for r in backwards]
        assert alone[0].text == together[0].text

    def test_a_cancelled_request_leaves_the_others_alone(self) -> None:
        async def cancel_one() -> Any:
            async with self.part().open() as actor:
                first, second = (asyncio.ensure_future(actor.generate(r)) for r in self.requests()[:2])
                await asyncio.sleep(0)
                first.cancel()
                return await asyncio.wait_for(second, timeout=60)

        assert isinstance(asyncio.run(cancel_one()).text, str)

    def test_what_is_streamed_is_the_reply_in_pieces(self) -> None:
        async def streamed() -> None:
            async with self.part().open() as actor:
                if not hasattr(actor, "stream"):
                    return
                for request in self.requests():
                    *pieces, reply = [piece async for piece in actor.stream(request)]
                    assert "".join(pieces) == reply.text == (await actor.generate(request)).text

        asyncio.run(streamed())

    async def _ask(self, requests: Sequence[Any]) -> list[Any]:
        async with self.part().open() as actor:
            return list(await asyncio.gather(*(actor.generate(request) for request in requests)))


class ScorerContract(PartContract):
    """A scorer: one finite number a response, the same alone as in company."""

    responses: Sequence[str] = ("1 + 1 = 2", "1 + 1 = 3", "I do not know.")
    tolerance = 1e-3

    def test_each_response_has_a_finite_score(self) -> None:
        scores = self._score(self.responses)
        assert len(scores) == len(self.responses)
        assert all(abs(score) < float("inf") for score in scores)

    def test_order_and_company_change_nothing(self) -> None:
        together = self._score(self.responses)
        backwards = self._score(self.responses[::-1])[::-1]
        alone = [self._score([response])[0] for response in self.responses]
        assert together == pytest.approx(backwards, abs=self.tolerance)
        assert together == pytest.approx(alone, abs=self.tolerance)

    def test_no_response_has_no_score(self) -> None:
        assert self._score([]) == []

    def _score(self, responses: Sequence[str]) -> list[float]:
        from eurus_core.records import Message

        async def scored() -> list[float]:
            async with self.part().open() as scorer:
                return list(await scorer.score([Message("user", "What is 1 + 1?")], list(responses)))

        return asyncio.run(scored())


class ObjectiveContract(PartContract):
    """An objective of any kind: float32, unreduced, example by example, differentiable; and its kind, as far as this objective shows it.

    What the loss is given comes from the objective's kind, which selects examples from made-up trees. Override :meth:`trees` for a kind
    that selects nothing from those.
    """

    def trees(self) -> Iterable[Any] | None:
        """Return trees to select from; None: some of two turns with four and three scored siblings."""
        return None

    def test_there_is_one_finite_loss_an_item_in_float32(self) -> None:
        import torch

        batch = self.batch()
        losses = self.losses(batch)
        assert losses.shape == (sum(map(self.kind().items, batch.examples)),)
        assert losses.dtype == torch.float32
        assert torch.isfinite(losses).all()

    def test_an_example_s_losses_depend_on_that_example_alone(self) -> None:
        import torch

        batch = self.batch()
        numbers = range(len(batch.examples))
        alone = [self.losses(batch.take([number])) for number in numbers]
        torch.testing.assert_close(self.losses(batch), torch.cat(alone))
        torch.testing.assert_close(self.losses(batch.take(numbers[::-1])), torch.cat(alone[::-1]))

    def test_gradients_are_those_of_the_loss(self) -> None:
        import torch

        batch = self.batch()
        fixed = dataclasses.replace(batch, reference=batch.reference.double(), baseline=batch.baseline.double())
        learnt = [numbers.double().requires_grad_() for numbers in (batch.value, batch.scored)]

        def loss(value: Any, scored: Any) -> Any:
            return self.losses(dataclasses.replace(fixed, value=value, scored=scored))

        assert torch.autograd.gradcheck(loss, learnt)

    def test_equal_models_cost_what_the_objective_says(self) -> None:
        import torch

        stated = self.part().at_start
        if stated is None:
            pytest.skip("the objective states no loss at the start")
        batch = self.batch()
        losses = self.losses(dataclasses.replace(batch, value=batch.reference))
        torch.testing.assert_close(losses, torch.full_like(losses, float(stated)))

    def test_what_is_counted_is_finite_and_holds_what_a_person_follows(self) -> None:
        batch = self.batch()
        counts = self.kind().counts(self.part(), batch)
        assert all(math.isfinite(mean) for mean in counts.values())
        assert set(self.kind().quantities) <= set(counts)

    def test_there_is_a_reward_an_action_or_none_at_all(self) -> None:
        kind, batch = self.kind(), self.batch()
        rewards = kind.rewards(self.part(), *kind.given(batch))
        assert rewards is None or rewards.shape == batch.places.shape

    def test_examples_are_kept_as_branches_and_numbers(self) -> None:
        for example in self.batch().examples:
            assert isinstance(example, self.kind().example)
            again = type(example).of(list(example.branches), list(example.numbers), example.mismatch)
            told = [(one.branches, one.numbers, one.mismatch, one.source, one.weight) for one in (example, again)]
            assert told[0] == told[1]
            assert all(isinstance(example.role(place, 0), str) for place in range(len(example.branches)))

    def kind(self) -> Any:
        return self.part().kind()

    def batch(self) -> Any:
        """Return a few examples with made-up numbers: about -20 nats an action; a reference only where one is used."""
        import torch

        batch = self.kind().trial(self.trees())
        if self.part().uses_reference:
            return batch
        return dataclasses.replace(batch, reference=torch.zeros_like(batch.reference), compared=False)

    def losses(self, batch: Any) -> Any:
        return self.part().loss(*self.kind().given(batch))
