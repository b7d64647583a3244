"""Asking once: an actor, an interpreter session and a critic that look into the journal before they do anything.

Each wraps one opened part for one place in one tree. What the journal holds is returned as it was; what it lacks is asked for,
committed, and only then handed on. A stage that was killed therefore repeats nothing that was answered, and observations
that would differ from run to run (a clock, a random draw, a timeout on a busy machine) stay what the actor saw.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel

from eurus_core.episode.journal import Journal, Kind, Record
from eurus_core.parts.contracts import OpenBackend, OpenCritic, OpenTool, Session
from eurus_core.records import Action, Critique, Message, Observation, Problem, Reply, Request, Verdict
from eurus_core.records.codec import from_json, to_json
from eurus_core.records.request_keys import request_key

R = TypeVar("R")

REPLAYED = ("ok", "error", "memory")
"""Statuses of cells that run again to rebuild a history's state. A killed one left no state; one that timed out would take its
whole time again for every action of every later turn, so what it set is lost."""


@dataclass
class Tally:
    """What a stage asked for, and what it found in the journal."""

    asked: int = 0
    found: int = 0
    tokens: int = 0  # generated now, only of replies that were asked for
    cost: float = 0.0  # US dollars, of replies that were asked for


def identity(part: BaseModel) -> str:
    """Return the class of a part and what was set: two parts of one identity answer alike.

    Defaults stay out, for some are the machine's (its cores, say), and a run may go on elsewhere.
    """
    cls = type(part)
    return f"{cls.__module__}:{cls.__qualname__} {part.model_dump_json(serialize_as_any=True, exclude_unset=True)}"


def key(kind: Kind, *parts: Any) -> str:
    """Return the journal's key for what ``parts`` (plain JSON values) determine."""
    text = json.dumps([kind, *parts], ensure_ascii=True, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


@dataclass(frozen=True)
class RememberedActor:
    """An :class:`~eurus_core.parts.contracts.OpenBackend` for one sample at one place."""

    actor: OpenBackend
    backend: str  # its identity
    place: str
    journal: Journal
    tally: Tally

    async def generate(self, request: Request) -> Reply:
        """Return the reply: the stored one to the same request at this place, else a new one, committed first."""
        name = f"{request_key(request)} {key('reply', self.backend, self.place)}"
        known = _known(self.journal, Reply, name)
        if known is not None:
            self.tally.found += 1
            return known
        pending = asyncio.ensure_future(self.actor.generate(request))
        try:
            reply = await asyncio.shield(pending)
        except asyncio.CancelledError:
            pending.cancel()
            await asyncio.wait([pending])
            if not pending.cancelled() and pending.exception() is None:
                # Cancelled in the very step in which the answer came: it is paid for, so it is kept.
                self.journal.put(_record("reply", name, self.place, pending.result()))
            raise
        await self.journal.keep(_record("reply", name, self.place, reply))
        self.tally.asked += 1
        self.tally.tokens += reply.tokens
        self.tally.cost += reply.cost
        return reply


@dataclass
class RememberedSession:
    """A :class:`~eurus_core.parts.contracts.Session` at one place, after the cells of its history.

    The interpreter starts, and runs the history's cells again, when a cell comes whose observation is not in the journal.
    It is closed with the session: no tree holds an interpreter while it waits for another one, so that any number of trees
    may share a pool of any size.
    """

    bench: OpenTool
    tool: str  # its identity
    place: str
    journal: Journal
    cells: list[str] = field(default_factory=list)
    functions: tuple[str, ...] = ()  # that the problem may call
    _live: Session | None = None
    _ran: int = 0  # how many of the cells the live session has seen

    async def run(self, code: str) -> Observation:
        """Return what the cell printed, from the journal or by running it."""
        name = key("observation", self.tool, self.place, self.cells, code)
        known = _known(self.journal, Observation, name)
        observation = known or await (await self._current()).run(code)
        if observation.status in REPLAYED:
            self.cells.append(code)
        if known is None:
            self._ran = len(self.cells)
            await self.journal.keep(_record("observation", name, self.place, observation))
        return observation

    async def run_program(self, program: str, given: str) -> Observation:
        """Return what the program printed, from the journal or by running it; no later cell knows of it."""
        name = key("observation", self.tool, self.place, "program", given, program)
        known = _known(self.journal, Observation, name)
        if known is not None:
            return known
        observation = await (await self._current()).run_program(program, given)
        await self.journal.keep(_record("observation", name, self.place, observation))
        return observation

    async def branch(self) -> RememberedSession:
        """Return a twin after the same cells."""
        return self.at(self.place)

    def at(self, place: str) -> RememberedSession:
        """Return a twin for another place in the same tree."""
        return replace(self, place=place, cells=list(self.cells), _live=None, _ran=0)

    async def close(self) -> None:
        """Give the interpreter back; the cells are remembered."""
        live, self._live, self._ran = self._live, None, 0
        if live is not None:
            await live.close()

    async def _current(self) -> Session:
        """Return a live session that has run every cell so far."""
        if self._live is None:
            self._live = await self.bench.session(self.functions)
        for cell in self.cells[self._ran :]:
            await self._live.run(cell)
            self._ran += 1
        return self._live


@dataclass(frozen=True)
class RememberedReview:
    """A :class:`~eurus_core.parts.contracts.OpenCritic` for one place."""

    review: OpenCritic
    critic: str  # its identity
    place: str
    journal: Journal

    async def critique(
        self,
        problem: Problem,
        history: Sequence[Message],
        action: Action,
        observation: Observation | None,
        verdict: Verdict,
    ) -> Critique:
        """Return the critique, from the journal or by asking for it."""
        seen = [to_json(tuple(history)), action.text, observation.text if observation else None, to_json(verdict)]
        name = key("critique", self.critic, self.place, *seen)
        known = _known(self.journal, Critique, name)
        if known is not None:
            return known
        critique = await self.review.critique(problem, history, action, observation, verdict)
        await self.journal.keep(_record("critique", name, self.place, critique))
        return critique


def recorded(journal: Journal) -> Iterator[dict[str, Any]]:
    """Yield the rows that the ``replay`` backend reads: every reply under its request's key."""
    for record in journal.records("reply"):
        yield {"request_key": record.key.partition(" ")[0], "reply": json.loads(record.value)}


def _known(journal: Journal, cls: type[R], name: str) -> R | None:
    value = journal.find(name)
    return None if value is None else from_json(cls, json.loads(value), where=str(journal.path))


def _record(kind: Kind, name: str, place: str, record: object) -> Record:
    return Record(name, kind, place, json.dumps(to_json(record), ensure_ascii=True))
