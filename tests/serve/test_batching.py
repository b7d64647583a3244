"""Awaiting replies of the transformers backend: batches, cancellation, failure, closing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from eurus_core.errors import ModelError
from eurus_core.parts import installed
from eurus_core.records import Message, Reply, Request, Sampling
from eurus_serve.backends.transformers.backend import TransformersBackend
from eurus_serve.backends.transformers.batching import BatchingActor, next_admission
from eurus_serve.backends.transformers.cores import compute_threads


def ask(text: str, seed: int = 0, *, max_tokens: int = 12, **sampling: Any) -> Request:
    settings = {"temperature": 1.0, **sampling}
    return Request((Message("user", text),), Sampling(max_tokens=max_tokens, **settings), seed)


def with_tiny(use: Callable[[BatchingActor], Awaitable[Any]], **settings: Any) -> Any:
    async def main() -> Any:
        backend = TransformersBackend.model_validate(
            {"model": "tiny", "precision": "float32", "threads": 1, "batch_size": 8, **settings}
        )
        async with backend.open() as actor:
            return await use(actor)

    return asyncio.run(main())


def test_the_registry_offers_the_backend_by_name() -> None:
    backend = installed().find("backends", "transformers").load().model_validate({"model": "tiny"})
    assert backend.actor == "tiny"


def test_more_requests_than_the_batch_holds_all_get_their_own_reply() -> None:
    requests = [ask(f"What is {i} + 2?", seed=i, max_tokens=4 + i % 9) for i in range(40)]

    async def use(actor: BatchingActor) -> tuple[list[Reply], Reply]:
        return await asyncio.gather(*map(actor.generate, requests)), await actor.generate(requests[17])

    replies, again = with_tiny(use)
    assert [reply.tokens for reply in replies] == [4 + i % 9 for i in range(40)]
    assert again.text == replies[17].text  # alone or in company
    assert all(reply.finish == "length" and reply.logprob < 0 and reply.prompt_tokens > 10 for reply in replies)
    assert len({reply.text for reply in replies}) == 40


async def begun(actor: BatchingActor) -> None:
    """Wait until replies are being written, or none will be."""
    while not actor._decoder.drafts:
        if actor._failure is not None:
            raise actor._failure
        await asyncio.sleep(0.001)


def test_speed_is_counted() -> None:
    async def use(actor: BatchingActor) -> tuple[int, float]:
        await actor.generate(ask("Hi", max_tokens=30))
        return actor.tokens, actor.tokens_per_second

    tokens, speed = with_tiny(use)
    assert tokens == 30
    assert speed > 0


def test_a_cancelled_request_leaves_the_others_in_peace() -> None:
    async def use(actor: BatchingActor) -> tuple[Reply, int]:
        endless = [asyncio.create_task(actor.generate(ask("Count", seed, max_tokens=3000))) for seed in range(8)]
        await begun(actor)
        for task in endless:
            task.cancel()
        reply = await asyncio.wait_for(actor.generate(ask("Hi")), timeout=120)
        await asyncio.wait(endless)
        assert sum(task.cancelled() for task in endless) > 4  # a few may have met their end token before
        return reply, actor._decoder.free

    reply, free = with_tiny(use)
    assert reply.tokens == 12
    assert free == 8


def test_a_failing_model_fails_every_request_and_every_later_one() -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    async def use(actor: BatchingActor) -> list[object]:
        actor._decoder.model.register_forward_pre_hook(fail)
        first = await asyncio.gather(*(actor.generate(ask("Hi", seed)) for seed in range(20)), return_exceptions=True)
        later = await asyncio.gather(actor.generate(ask("Hi")), return_exceptions=True)
        return [*first, *later]

    assert [str(failure) for failure in with_tiny(use)] == ["out of memory"] * 21


def test_closing_cancels_what_waits_and_does_not_wait_for_it() -> None:
    async def main() -> int:
        backend = TransformersBackend(model="tiny", precision="float32", threads=1)
        async with backend.open() as actor:
            task = asyncio.create_task(actor.generate(ask("Count", max_tokens=3500)))
            await begun(actor)
        await asyncio.wait([task])
        assert task.cancelled()
        with pytest.raises(RuntimeError, match="closed"):
            await actor.generate(ask("Hi"))
        return max(len(draft.tokens) for draft in actor._decoder.drafts)

    assert 0 < asyncio.run(main()) < 3500


def test_a_prompt_that_is_too_long_is_refused_alone() -> None:
    async def use(actor: BatchingActor) -> Reply:
        with pytest.raises(ModelError, match=r"A prompt has \d+ tokens; tiny takes 20 beside a reply of up to 12"):
            await actor.generate(ask("word " * 50))
        with pytest.raises(ModelError, match="needs 1 at least"):
            await actor.generate(ask("a", max_tokens=0))
        return await actor.generate(ask("a"))

    assert with_tiny(use, max_prompt_tokens=20).tokens == 12


def test_a_prompt_and_its_reply_must_fit_the_models_context() -> None:
    async def use(actor: BatchingActor) -> None:
        with pytest.raises(ModelError, match="tiny takes 96 beside a reply of up to 4000"):
            await actor.generate(ask("word " * 50, max_tokens=4000))

    with_tiny(use)


def test_rows_are_filled_in_order_of_arrival_equal_prompts_together() -> None:
    a, b, c = (1,), (2,), (3,)
    assert next_admission([a, b, a, c], free=3, capacity=8) == [0, 2, 1]
    assert next_admission([a], free=0, capacity=8) == []
    assert next_admission([a], free=7, capacity=64) == []  # an eighth of 64 is 8
    assert next_admission([a], free=1, capacity=1) == [0]


def test_threads_are_what_was_asked_for_or_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert compute_threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= compute_threads() <= len(os.sched_getaffinity(0))


def test_control_c_ends_a_long_generation_before_its_end() -> None:
    program = """
import asyncio
from eurus_core.records import Message, Request, Sampling
from eurus_serve.backends.transformers.backend import TransformersBackend

async def main():
    global decoder
    async with TransformersBackend(model="tiny", precision="float32", threads=1).open() as actor:
        decoder = actor._decoder
        asyncio.get_running_loop().call_later(0.3, print, "running")
        request = Request((Message("user", "Count"),), Sampling(temperature=1.0, max_tokens=4000))
        await asyncio.gather(*(actor.generate(request) for _ in range(64)))

print = __import__("functools").partial(print, flush=True)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", all(len(draft.tokens) < 4000 for draft in decoder.drafts))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted True\n"
        assert process.wait(timeout=120) == 0


@pytest.mark.slow
def test_smollm2_answers_in_english() -> None:
    async def use(actor: BatchingActor) -> Reply:
        return await actor.generate(ask("What is the capital of France?", temperature=0.0, max_tokens=30))

    reply = with_tiny(use, model="smollm2", precision="auto", threads=None)
    assert "Paris" in reply.text
    assert reply.finish == "stop"
