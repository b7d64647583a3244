"""Contracts of models and what they learn by: backends, scorers, objectives."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any, get_type_hints

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
    """A preference or reward objective: float32, unreduced, pair by pair, differentiable.

    The inputs are read off the signature of ``loss``: tensors of shape (pairs,), or a dataclass of them.
    """

    pairs = 6

    def test_there_is_one_loss_a_pair_in_float32(self) -> None:
        import torch

        losses = self._loss(self.inputs())
        assert losses.shape == (self.pairs,)
        assert losses.dtype == torch.float32
        assert torch.isfinite(losses).all()

    def test_a_pair_s_loss_depends_on_that_pair_alone(self) -> None:
        import torch

        inputs, order = self.inputs(), torch.arange(self.pairs).flip(0)
        turned = {name: value[order] if value.ndim else value for name, value in inputs.items()}
        torch.testing.assert_close(self._loss(turned), self._loss(inputs)[order])

    def test_gradients_are_those_of_the_loss(self) -> None:
        import torch

        inputs = {name: value.double() for name, value in self.inputs().items()}
        learnt = [name for name in ("chosen", "rejected") if name in inputs]

        def loss(*values: Any) -> Any:
            return self._loss({**inputs, **dict(zip(learnt, values, strict=True))})

        assert torch.autograd.gradcheck(loss, [inputs[name].requires_grad_() for name in learnt])

    def test_equal_models_cost_what_the_objective_says(self) -> None:
        import torch

        stated = self.part().at_start
        if stated is None:
            pytest.skip("the objective states no loss at the start")
        inputs = self.inputs()
        for side in ("chosen", "rejected"):
            inputs[side] = inputs.get(f"reference_{side}", torch.zeros(self.pairs)).clone()
        torch.testing.assert_close(self._loss(inputs), torch.full((self.pairs,), float(stated)))

    def inputs(self) -> dict[str, Any]:
        """Return plausible inputs by name: log-probabilities about -20 nats, lengths of 10 to 40 tokens, scalars 0."""
        import torch

        draw = torch.Generator().manual_seed(0)
        start = {side: -20 + 5 * torch.randn(self.pairs, generator=draw) for side in ("chosen", "rejected")}
        values: dict[str, Any] = {}
        for name in self._names():
            side = name.removeprefix("reference_").removesuffix("_tokens")
            if name.endswith("_tokens"):
                values[name] = torch.randint(10, 40, (self.pairs,), generator=draw).float()
            elif side not in start:
                values[name] = torch.zeros(())
            else:
                values[name] = start[side] + torch.randn(self.pairs, generator=draw)
        return values

    def _names(self) -> list[str]:
        record = self._record()
        if record is not None:
            return [field.name for field in dataclasses.fields(record)]
        return [name for name in get_type_hints(self.part().loss) if name != "return"]

    def _record(self) -> Any:
        hints = [hint for name, hint in get_type_hints(self.part().loss).items() if name != "return"]
        return hints[0] if len(hints) == 1 and dataclasses.is_dataclass(hints[0]) else None

    def _loss(self, values: dict[str, Any]) -> Any:
        record = self._record()
        return self.part().loss(record(**values)) if record is not None else self.part().loss(**values)
