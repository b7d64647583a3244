"""How one tree grows: the ladder is climbed at every turn, and one incorrect action is expanded."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eurus_core.episode.trajectory import Attempt, Environment, Turn
from eurus_core.parts.contracts import OpenBackend
from eurus_core.records import REJECTABLE
from eurus_core.records.seeds import derive
from eurus_data.assist import NoReference
from eurus_data.grow.ladder import Rung, request


@dataclass(frozen=True)
class Climber:
    """Climbs a ladder of opened actors: a :class:`~eurus_core.episode.trajectory.Player`.

    Correct actions are leaves; one incorrect action is expanded into the next turn. ``keep_correct`` and ``keep_incorrect``
    bound the siblings at a turn; None keeps all.
    """

    ladder: tuple[tuple[Rung, OpenBackend], ...]
    environment: Environment
    keep_correct: int | None = None
    keep_incorrect: int | None = None

    async def act(self, turn: Turn) -> list[Attempt]:
        """Return what the ladder tries at a turn, by rung and sample, equal texts once."""
        attempts: list[Attempt] = []
        for number, (rung, actor) in enumerate(self.ladder):
            if rung.when == "needed" and any(attempt.verdict.proven for attempt in attempts):
                continue
            starts = [
                replace(
                    turn, seed=derive(turn.seed, number, sample), place=f"{turn.place} rung {number} sample {sample}"
                )
                for sample in range(rung.samples)
            ]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._attempt(start, rung, actor)) for start in starts]
            attempts += [attempt for task in tasks if (attempt := task.result()) is not None]
        return distinct(attempts)

    def choose(self, attempts: Sequence[Attempt], turn: Turn, *, last: bool) -> tuple[list[Attempt], Attempt | None]:
        grown = None if last else expanded(attempts, turn.seed)
        return self._kept(attempts, grown, turn.seed), grown

    async def _attempt(self, turn: Turn, rung: Rung, actor: OpenBackend) -> Attempt | None:
        """Try one action; None where the actor answers from a reference that the problem does not have."""
        try:
            asked = request(rung, turn.problem, turn.history, turn.seed)
            return await self.environment.attempt(turn, rung.backend, actor, asked)
        except NoReference:
            return None

    def _kept(self, attempts: Sequence[Attempt], grown: Attempt | None, seed: int) -> list[Attempt]:
        """Return the attempts that become nodes, in their order: at most so many of each kind, ``grown`` among them."""
        rng = random.Random(derive(seed, "keep"))  # noqa: S311
        right = [i for i, attempt in enumerate(attempts) if attempt.verdict.correct]
        wrong = [i for i, attempt in enumerate(attempts) if not attempt.verdict.correct and attempt is not grown]
        if self.keep_correct is not None:
            right = rng.sample(right, min(len(right), self.keep_correct))
        if self.keep_incorrect is not None:
            wrong = rng.sample(wrong, min(len(wrong), max(0, self.keep_incorrect - (grown is not None))))
        chosen = {*right, *wrong}
        return [attempt for i, attempt in enumerate(attempts) if i in chosen or attempt is grown]


def distinct(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the attempts without those that repeat an earlier one's text."""
    first: dict[str, Attempt] = {}
    for attempt in attempts:
        first.setdefault(attempt.action.text, attempt)
    return list(first.values())


def expanded(attempts: Sequence[Attempt], seed: int) -> Attempt | None:
    """Return the incorrect attempt to go on from, drawn by seed, or None.

    One whose actor has no correct action here goes first, for the two sides of a pair should come from different actors
    (paper, section 2.3). Where nothing is correct or incorrect, one that only called its tool, or that our cap cut off, is
    carried on.
    """
    right = {attempt.action.actor for attempt in attempts if attempt.verdict.correct}
    wrong = [attempt for attempt in attempts if attempt.verdict.outcome in REJECTABLE]
    others = [attempt for attempt in wrong if attempt.action.actor not in right]
    unfinished = [] if right else list(attempts)
    candidates = others or wrong or unfinished
    return random.Random(derive(seed, "expand")).choice(candidates) if candidates else None  # noqa: S311
