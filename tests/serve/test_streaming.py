"""A reply handed out while it is written: the same reply, in pieces."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eurus_core.models import load_tokenizer
from eurus_core.parts.contracts import Streaming
from eurus_core.records import Message, Reply, Request, Sampling
from eurus_serve import TransformersBackend
from eurus_serve.backends.transformers.pieces import Pieces


def asked(temperature: float = 1.0, stop: tuple[str, ...] = (), seed: int = 0, max_tokens: int = 40) -> Request:
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens, stop=stop)
    return Request((Message("user", "What is 2 + 2?"),), sampling, seed=seed)


def streamed(*requests: Request) -> list[list[str | Reply]]:
    async def one(actor: Streaming, request: Request) -> list[str | Reply]:
        return [piece async for piece in actor.stream(request)]

    async def main() -> list[list[str | Reply]]:
        async with TransformersBackend(model="tiny", threads=1).open() as actor:
            return list(await asyncio.gather(*(one(actor, request) for request in requests)))

    return asyncio.run(main())


def generated(*requests: Request) -> list[Reply]:
    async def main() -> list[Reply]:
        async with TransformersBackend(model="tiny", threads=1).open() as actor:
            return list(await asyncio.gather(*map(actor.generate, requests)))

    return asyncio.run(main())


def test_pieces_joined_are_the_reply_that_generating_gives() -> None:
    requests = [asked(seed=seed) for seed in range(4)]
    for (*pieces, reply), whole in zip(streamed(*requests), generated(*requests), strict=True):
        assert isinstance(reply, Reply)
        assert "".join(map(str, pieces)) == reply.text == whole.text
        assert len(pieces) > 1


def test_no_piece_holds_what_a_stop_string_takes_back() -> None:
    (whole,) = generated(asked(seed=3))
    stop = whole.text[8:12]
    assert stop
    ((*pieces, reply),) = streamed(asked(seed=3, stop=(stop,)))
    assert isinstance(reply, Reply)
    assert "".join(map(str, pieces)) == reply.text == whole.text[: whole.text.index(stop)]


def test_who_stops_reading_frees_the_row() -> None:
    async def main() -> int:
        async with TransformersBackend(model="tiny", threads=1, batch_size=1).open() as actor:
            async for _ in actor.stream(asked(max_tokens=4000)):
                break
            return (await asyncio.wait_for(actor.generate(asked(seed=1)), timeout=60)).tokens

    assert asyncio.run(main()) > 0


@pytest.fixture(scope="module")
def decode():
    tokenizer = load_tokenizer("tiny")
    return lambda tokens: tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)


@settings(deadline=None)
@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40),
    stop=st.sampled_from(["", "ab", "```\n"]),
)
def test_whatever_the_text_pieces_are_a_beginning_of_it_and_never_half_a_character(decode, text, stop) -> None:
    tokens = load_tokenizer("tiny")(text, add_special_tokens=False)["input_ids"]
    pieces = Pieces(decode, (stop,) if stop else ())
    for count in range(1, len(tokens) + 1):
        pieces.take(tokens[:count])
        assert "\ufffd" not in pieces.sent or "\ufffd" in text
        assert decode(tokens).startswith(pieces.sent)
