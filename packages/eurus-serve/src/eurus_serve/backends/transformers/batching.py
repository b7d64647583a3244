"""From awaiting requests to batches: a worker thread runs the decoder, the event loop only waits."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from eurus_core.errors import ModelError
from eurus_core.models import prompt_ids
from eurus_core.records import Message, Reply, Request
from eurus_serve.backends.transformers.decoding import Decoder, Draft
from eurus_serve.backends.transformers.pieces import Pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.005
"""An idle worker waits this long after each arrival for more, so that requests made together start together."""


@dataclass(eq=False, slots=True)
class _Ticket:
    draft: Draft
    future: asyncio.Future[Reply]
    submitted: float = field(default_factory=time.monotonic)
    pieces: Pieces | None = None
    listener: asyncio.Queue[str | None] | None = None  # of who reads along; None is its end


class BatchingActor:
    """An actor over a :class:`~eurus_serve.backends.transformers.decoding.Decoder`.

    A cancelled request leaves the batch at the next step. If the decoder fails, every waiting request and every later one
    raises its exception.
    """

    def __init__(self, decoder: Decoder, *, name: str, threads: int, max_prompt_tokens: int | None = None):
        self._decoder, self._name = decoder, name
        self._max_prompt_tokens = max_prompt_tokens
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._running: dict[Draft, _Ticket] = {}
        self._closing = False
        self._failure: BaseException | None = None
        self._encode = _encoder(decoder.tokenizer)
        self.replies = self.prompt_tokens = self.tokens = 0
        self.busy_seconds = 0.0
        self._thread = threading.Thread(target=self._work, args=(threads,), name=f"generate {name}", daemon=True)
        self._thread.start()

    @property
    def tokens_per_second(self) -> float:
        """Tokens generated a second of work; time without requests does not count."""
        return self.tokens / self.busy_seconds if self.busy_seconds else 0.0

    async def generate(self, request: Request) -> Reply:
        ticket = self._ticket(request)
        self._submit(ticket)
        try:
            return await ticket.future
        finally:
            ticket.draft.abandoned = True  # of no effect on a reply that is done

    async def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """Yield the text as it is written, then the reply that ``generate`` would give."""
        ticket = self._ticket(request)
        ticket.pieces = Pieces(self._decoder.decode, request.sampling.stop)
        ticket.listener = heard = asyncio.Queue[str | None]()
        ticket.future.add_done_callback(lambda _: heard.put_nowait(None))
        self._submit(ticket)
        try:
            sent = 0
            while (piece := await heard.get()) is not None:
                sent += len(piece)
                yield piece
            reply = await ticket.future
            if reply.text[sent:]:
                yield reply.text[sent:]
            yield reply
        finally:
            ticket.draft.abandoned = True

    def _ticket(self, request: Request) -> _Ticket:
        prompt = self._encode(request.messages)
        self._check_length(len(prompt), request.sampling.max_tokens)
        return _Ticket(Draft(prompt, request.sampling, request.seed), self._loop.create_future())

    def _submit(self, ticket: _Ticket) -> None:
        with self._changed:
            if self._failure is not None:
                raise self._failure
            if self._closing or not self._thread.is_alive():  # in a process that was forked it is not
                raise RuntimeError(f"{self._name} is closed")
            self._waiting.append(ticket)
            self._changed.notify()

    async def close(self) -> None:
        """Stop after the step that is running; requests still waiting are cancelled."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)
        for ticket in (*self._waiting, *self._running.values()):
            ticket.future.cancel()
        if self.replies:
            log.info(
                "%s: %d replies, %d prompt tokens (%d computed), %d tokens generated, %.0f a second",
                *(self._name, self.replies, self.prompt_tokens, self._decoder.computed_prompt_tokens),
                *(self.tokens, self.tokens_per_second),
            )

    def _check_length(self, prompt: int, reply: int) -> None:
        if reply < 1:
            raise ModelError(f"max_tokens is {reply}; a reply needs 1 at least.")
        context = getattr(self._decoder.model.config, "max_position_embeddings", None)
        limit = self._max_prompt_tokens or (context - reply if context else None)
        if limit is not None and prompt > limit:
            raise ModelError(
                f"A prompt has {prompt} tokens; {self._name} takes {max(limit, 0)} beside a reply of up to {reply}. "
                "Shorten the history (fewer turns), or lower max_tokens."
            )

    def _work(self, threads: int) -> None:
        """Run the decoder until closed. The only code that touches it."""
        torch.set_num_threads(threads)  # here, since OpenMP keeps this number for each thread
        try:
            while self._await_work():
                started = time.perf_counter()
                done = self._admit()
                done += self._decoder.step()
                self._tell_listeners()
                self.busy_seconds += time.perf_counter() - started
                self._settle(done)
        except BaseException as error:  # whatever it is, those who wait must learn of it
            self._fail(error)

    def _await_work(self) -> bool:
        """Wait until there is something to do and return True, or return False when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._waiting or self._decoder.drafts)
            while not self._closing and not self._decoder.drafts and len(self._waiting) < self._decoder.capacity:
                if not self._changed.wait(GATHER_SECONDS):
                    break
            return not self._closing

    def _admit(self) -> list[Draft]:
        with self._changed:
            self._waiting = [ticket for ticket in self._waiting if not ticket.draft.abandoned]
            prompts = [ticket.draft.prompt for ticket in self._waiting]
            chosen = next_admission(prompts, self._decoder.free, self._decoder.capacity)
            tickets = [self._waiting[i] for i in chosen]
            self._waiting = [ticket for i, ticket in enumerate(self._waiting) if i not in set(chosen)]
        if not tickets:
            return []
        self._running |= {ticket.draft: ticket for ticket in tickets}
        return self._decoder.admit([ticket.draft for ticket in tickets])

    def _tell_listeners(self) -> None:
        """Hand out what the last step made certain; what is still held comes with the reply."""
        for ticket in self._running.values():
            if ticket.pieces is None or ticket.listener is None or ticket.draft.finish:
                continue
            if piece := ticket.pieces.take(ticket.draft.tokens):
                self._tell(functools.partial(ticket.listener.put_nowait, piece))

    def _settle(self, done: Sequence[Draft]) -> None:
        finished = []
        now = time.monotonic()
        for draft in done:
            ticket = self._running[draft]
            reply = Reply(
                text=draft.text,
                finish=draft.finish or "length",
                prompt_tokens=len(draft.prompt),
                tokens=len(draft.tokens),
                logprob=draft.logprob,
                seconds=now - ticket.submitted,
            )
            finished.append((ticket.future, reply))
            self.replies += 1
            self.prompt_tokens += reply.prompt_tokens
            self.tokens += reply.tokens
        self._running = {draft: t for draft, t in self._running.items() if not (draft.finish or draft.abandoned)}
        if finished:
            self._tell(functools.partial(_resolve, finished))

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = error
            tickets = [*self._waiting, *self._running.values()]
            self._waiting, self._running = [], {}
        self._tell(functools.partial(_reject, [ticket.future for ticket in tickets], error))

    def _tell(self, callback: functools.partial[None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(callback)


def next_admission(prompts: Sequence[tuple[int, ...]], free: int, capacity: int) -> list[int]:
    """Return which of the waiting prompts to start now, as indices: in order of arrival, equal prompts together.

    Rows are filled once an eighth of them is free, so that a prefill serves several.
    """
    if free * 8 < capacity:
        return []
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, prompt in enumerate(prompts):
        groups.setdefault(prompt, []).append(index)
    return [index for group in groups.values() for index in group][:free]


def _encoder(tokenizer: PreTrainedTokenizerBase) -> Callable[[tuple[Message, ...]], tuple[int, ...]]:
    """Return a function from messages to prompt tokens that remembers: samples of one prompt ask for the same ones."""

    @functools.lru_cache(maxsize=1024)
    def encode(messages: tuple[Message, ...]) -> tuple[int, ...]:
        return tuple(prompt_ids(tokenizer, messages))

    return encode


def _resolve(finished: Sequence[tuple[asyncio.Future[Reply], Reply]]) -> None:
    for future, reply in finished:
        if not future.done():
            future.set_result(reply)


def _reject(futures: Sequence[asyncio.Future[Reply]], error: BaseException) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
