"""The stage that grows: problems in, a tree set out."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from eurus_core.episode.journal import Journal
from eurus_core.episode.resume import Tally, identity
from eurus_core.episode.trajectory import Environment, play
from eurus_core.errors import EurusError, InputError
from eurus_core.files.spool import Spool
from eurus_core.parts.choice import Choice
from eurus_core.parts.contracts import (
    Artefact,
    Backend,
    Critic,
    Grader,
    OpenBackend,
    Source,
    Split,
    Stage,
    Tool,
    refuse,
)
from eurus_core.records import PreferenceTree, Problem, Tier
from eurus_core.records.codec import from_json, to_json
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_data.audits.counts import Counts, show
from eurus_data.grow.ladder import Rung
from eurus_data.grow.tree import Climber

log = logging.getLogger(__name__)

JOURNAL = "replies.sqlite"

NONE_CORRECT = "no action is correct, so that there is nothing to imitate in these trees, and no pair to learn from"

SAMPLE = (
    "Of problems with answers alone actions can be sampled and judged, not written: give rows that hold more, or leave the stage out "
    "and sample more, as the recipe answers-only of eurus-eval does: eurus run answers-only --set grow.source.path=FILE"
)
"""What is left without ground truth to write from: steps 1 and 2 of section 2.3."""


def _none(value: Any) -> Any:
    return None if value == "none" else value  # TOML has no null


class Grow(Stage):
    """Grow one preference tree per problem, many at once."""

    produces: ClassVar[Artefact] = "trees"

    source: Annotated[Source, Choice("sources")]
    """Where problems come from."""
    split: Split = "train"
    """Which of the source's two splits; they share no problem."""
    problems: int = Field(64, ge=1)
    """How many problems to take from the source."""
    offset: int = Field(0, ge=0)
    """How many problems of the source to skip first."""
    skip_bad: bool = False
    """Skip and count rows that cannot be used, instead of stopping at the first."""
    actors: tuple[Rung, ...] = Field(min_length=1)
    """The ladder: which actors are asked at each turn, in this order."""
    tool: Annotated[Tool | None, Choice("tools"), BeforeValidator(_none)] = Field(
        "eurus-sandbox/python", validate_default=True
    )
    """The tool that runs code, for problems that name one; "none": no code is run."""
    grader: Annotated[Grader, Choice("graders")] = Field("eurus-graders/math", validate_default=True)
    """The grader that judges whether an action is correct."""
    critic: Annotated[Critic | None, Choice("critics"), BeforeValidator(_none)] = Field(
        "eurus-data/rules", validate_default=True
    )
    """The critic that explains an incorrect action before it is expanded; "none": no critique."""
    turns: int = Field(5, ge=1)
    """The most turns in a tree; the paper's is 5."""
    keep_correct: int | None = Field(None, ge=0)
    """The most correct actions to keep per turn, drawn by seed; all by default."""
    keep_incorrect: int | None = Field(None, ge=1)
    """The most incorrect actions to keep per turn; the one that is expanded is always kept."""
    concurrency: int = Field(256, ge=1)
    """Trees that grow at the same time."""

    def check(self, seed: int) -> Iterator[str]:
        """Read the problems, and tell which of them an actor that writes from ground truth has nothing to write from.

        Sampling (the paper's steps 1 and 2) wants answers alone, the third step a program or a rationale, too.
        """
        problems = list(self._chosen(seed, []))
        lacks = [lack for rung in self.actors if (lack := _Lack.of(rung.backend, problems))]
        if len(lacks) == len(self.actors) and all(lack.everywhere for lack in lacks):
            raise InputError(f"{lacks[0]}, and nobody else is asked: no action would come of this stage", needed=SAMPLE)
        yield from (f"{lack}. Sampling goes on without it." for lack in lacks)

    def run(self, context: Context) -> None:
        """Grow, write the tree set, report. Stopped at any time, it goes on where it was: replies are kept in the folder.

        The source is read twice: once to the end, so that a bad row stops before anything is spent, and once to grow from. A tree
        that is finished waits on disk, so that memory holds those that grow.
        """
        bad: list[InputError] = []
        problems = sum(1 for _ in self._chosen(context.seed, bad))
        for error in bad:
            log.warning("skipped: %s", error)
        if problems < self.problems:
            context.note(f"{self.problems} problems were asked for; the source gave {problems} different ones.")
        if bad:
            context.note(f"{len(bad)} bad rows were skipped; the first: {bad[0]}")
        tally = Tally()
        started = time.monotonic()
        with Spool(context.folder) as spool:
            asyncio.run(self._grow(problems, context, tally, spool))
            seconds = time.monotonic() - started
            counts, tiers = Counts(), set[Tier]()
            finished = self._counted(spool, counts, tiers)
            trees = write_trees(context.path("trees"), finished, lambda: self._provenance(context, tiers))
        show(context, counts, trees)
        context.define(self.source.terms)
        if not counts.correct:
            context.note(NONE_CORRECT)
            log.warning("%s: %s", context.name, NONE_CORRECT)
        context.figure("replies asked", tally.asked)
        context.figure("replies from the journal", tally.found)
        context.figure("tokens generated", tally.tokens)
        if tally.asked:
            context.figure("tokens a second", tally.tokens / seconds)
        if tally.cost:
            context.figure("cost in US dollars", tally.cost)

    def _chosen(self, seed: int, bad: list[InputError]) -> Iterator[Problem]:
        """Yield the problems to grow, each once; bad rows stop here or are put down in ``bad``, as ``skip_bad`` says."""

        def on_bad(error: InputError) -> None:
            if not self.skip_bad:
                refuse(error)
            bad.append(error)

        seen: set[str] = set()
        found = self._judged(self.source.problems(self.split, seed=seed, on_bad=on_bad), on_bad)
        for problem in itertools.islice(found, self.offset, self.offset + self.problems):
            if problem.id not in seen:
                seen.add(problem.id)
                yield problem
        if not seen:
            raise InputError(f"the source has no problem after the first {self.offset} of its {self.split} split")

    def _judged(self, problems: Iterator[Problem], on_bad: Callable[[InputError], None]) -> Iterator[Problem]:
        """Yield the problems that the grader can judge by their reference."""
        for problem in problems:
            try:
                self.grader.check(problem)
            except InputError as error:
                on_bad(
                    InputError(
                        f"problem {problem.id}: {error.found}", needed=error.needed, file=error.file, line=error.line
                    )
                )
            else:
                yield problem

    async def _grow(self, problems: int, context: Context, tally: Tally, spool: Spool) -> None:
        """Put the trees into the spool as they finish, under the numbers of their problems."""
        waiting = enumerate(self._chosen(context.seed, []))
        started = time.monotonic()
        async with AsyncExitStack() as stack:
            climber = await self._open(stack, stack.enter_context(Journal(context.folder / JOURNAL)), tally)
            progress = stack.enter_context(context.progress("grow", problems, "trees"))

            async def work() -> None:
                for number, problem in waiting:
                    tree = await play(problem, climber, climber.environment, turns=self.turns, seed=context.seed)
                    spool.add(number, to_json(tree))
                    rate = tally.tokens / (time.monotonic() - started)
                    progress.advance(1, **{"tokens a second": rate, "from the journal": tally.found})

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self.concurrency, problems)):
                        group.create_task(work())
            except BaseExceptionGroup as failures:
                raise _first(failures) from failures

    async def _open(self, stack: AsyncExitStack, journal: Journal, tally: Tally) -> Climber:
        """Open every part once; rungs with equal backends share one actor."""
        actors: list[tuple[Backend, OpenBackend]] = []
        ladder = []
        for rung in self.actors:
            actor = next((actor for backend, actor in actors if backend == rung.backend), None)
            if actor is None:
                actor = await stack.enter_async_context(rung.backend.open())
                actors.append((rung.backend, actor))
            ladder.append((rung, actor))
        environment = Environment(
            grader=await stack.enter_async_context(self.grader.open()),
            journal=journal,
            tally=tally,
            workbench=await stack.enter_async_context(self.tool.open()) if self.tool else None,
            tool=identity(self.tool) if self.tool else "",
            review=await stack.enter_async_context(self.critic.open()) if self.critic else None,
            critic=identity(self.critic) if self.critic else "",
        )
        return Climber(tuple(ladder), environment, self.keep_correct, self.keep_incorrect)

    def _counted(self, spool: Spool, counts: Counts, tiers: set[Tier]) -> Iterator[PreferenceTree]:
        """Yield the finished trees in the order of their problems, and count what they hold."""
        for number, data in enumerate(spool):
            tree = from_json(PreferenceTree, data, where=f"tree {number}")
            counts.add(tree)
            tiers.update(node.observation.tier for node in tree if node.observation and node.observation.tier)
            yield tree

    def _provenance(self, context: Context, tiers: Collection[Tier]) -> dict[str, Any]:
        """Return what the manifest says of the growth: no paths and no times, so that its bytes can be compared."""
        return {
            "stage": context.name,
            "seed": context.seed,
            "source": type(self.source).__name__,
            "split": self.split,
            "turns": self.turns,
            "actors": [
                {"actor": rung.backend.actor, "assisted": rung.backend.assisted}
                | rung.model_dump(mode="json", exclude={"backend"}, by_alias=True)
                for rung in self.actors
            ],
            "grader": type(self.grader).__name__,
            "critic": type(self.critic).__name__ if self.critic else None,
            "tool": type(self.tool).__name__ if self.tool else None,
            "sandbox_tiers": sorted(tiers),
        }


@dataclass(frozen=True)
class _Lack:
    """Problems that an actor cannot answer for want of ground truth to write from; in words, how many and what they lack."""

    actor: str
    needed: str
    count: int
    of_all: int
    first: str

    @classmethod
    def of(cls, backend: Backend, problems: Sequence[Problem]) -> _Lack | None:
        lacking = [(needed, problem.id) for problem in problems if (needed := backend.lacking(problem))]
        if not lacking:
            return None
        return cls(backend.actor, lacking[0][0], len(lacking), len(problems), lacking[0][1])

    @property
    def everywhere(self) -> bool:
        return self.count == self.of_all

    def __str__(self) -> str:
        if self.everywhere:
            return f"none of the {self.of_all} problems holds {self.needed}, from which the actor {self.actor!r} writes"
        return (
            f"{self.count} of the {self.of_all} problems hold no more than an answer (the first: {self.first}), and the actor "
            f"{self.actor!r} writes from {self.needed}"
        )


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the failure to tell about: an error of ours before a stranger's."""
    ours, _ = failures.split(EurusError)
    failure: BaseException = ours or failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
