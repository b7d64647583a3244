"""The ``evaluate`` stage: ask a model held-out problems, run and grade what it answers, keep every sample."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from eurus_core.episode.journal import Journal
from eurus_core.episode.resume import Tally, identity
from eurus_core.episode.trajectory import Attempt, Environment, Turn, play
from eurus_core.errors import InputError
from eurus_core.parts.choice import Choice
from eurus_core.parts.contracts import Artefact, Backend, Grader, OpenBackend, Source, Split, Stage, Tool
from eurus_core.records import Problem, Request, Sample, Sampling
from eurus_core.records.seeds import derive
from eurus_core.stages import Context
from eurus_core.statistics import mean_interval
from eurus_eval.samples import by_problem, correct_share, write_samples
from eurus_eval.stages import cuts
from eurus_eval.stages.accuracy import TERMS, accuracy_table, example_table, outcome_table, percent

Wanted = tuple[Problem, int]
JOURNAL = "journal.sqlite"
"""What a stage has been told so far; it is removed once the artefact is whole."""


class Evaluate(Stage):
    """Ask each problem ``samples`` times and grade the answers.

    A killed evaluation keeps what it was answered and asks for the rest only.
    """

    produces: ClassVar[Artefact] = "samples"

    source: Annotated[Source, Choice("sources")]
    """Where problems come from."""
    backend: Annotated[Backend, Choice("backends")]
    """The backend that is asked."""
    grader: Annotated[Grader, Choice("graders")] = Field(default="eurus-graders/math", validate_default=True)
    """The grader that judges whether an answer is correct."""
    tool: Annotated[Tool, Choice("tools")] | None = None
    """The tool that runs the code in replies; by default none is run."""
    split: Split = "test"
    """Which of the source's two splits; they share no problem."""
    problems: int | None = Field(default=None, gt=0)
    """How many problems to ask; all by default."""
    problem_seed: int = 0
    """Fixes which problems are asked. It is not the run's seed, so evaluations can be compared."""
    skip_bad: bool = False
    """Count and leave out rows that cannot be used."""
    samples: int = Field(default=1, gt=0)
    """Attempts at each problem."""
    sampling: Sampling = Sampling()
    """How replies are sampled; greedy by default."""
    by: tuple[str, ...] = ("family", "level")
    """Labels of problems to report by."""
    concurrency: int = Field(default=64, gt=0)
    """Requests in flight; the backend batches them."""

    @model_validator(mode="after")
    def _samples_differ(self) -> Evaluate:
        if self.samples > 1 and self.sampling.temperature == 0:
            raise ValueError("samples > 1 at temperature 0 would all be the same; set sampling.temperature")
        return self

    def run(self, context: Context) -> None:
        problems, bad = self._problems()
        for error in bad[:3]:
            context.note(f"Left out: {error}")
        if len(bad) > 3:
            context.note(f"Left out in all: {len(bad)} rows.")
        wanted = [(problem, index) for problem in problems for index in range(self.samples)]
        samples: dict[tuple[str, int], Sample] = {}
        tally = Tally()
        with Journal(context.folder / JOURNAL) as journal:
            with context.progress(context.name, len(wanted), "samples") as progress:
                started = time.monotonic()

                def keep(sample: Sample) -> None:
                    samples[sample.problem.id, sample.index] = sample
                    rate = tally.tokens / max(time.monotonic() - started, 1e-9)
                    progress.advance(1, **{"tokens a second": rate})

                asyncio.run(_work(self, deque(wanted), keep, context.seed, journal, tally))
                seconds = time.monotonic() - started
            finished = [samples[problem.id, index] for problem, index in wanted]
            write_samples(context.path("samples"), finished)
            journal.discard()
        self._report(context, finished)
        if tally.tokens:
            context.figure("tokens", tally.tokens)
            context.figure("tokens a second", tally.tokens / seconds)

    def _problems(self) -> tuple[list[Problem], list[InputError]]:
        bad: list[InputError] = []
        if self.skip_bad:
            found = self.source.problems(self.split, seed=self.problem_seed, on_bad=bad.append)
        else:
            found = self.source.problems(self.split, seed=self.problem_seed)
        problems = list(islice(found, self.problems))
        if not problems:
            raise InputError(
                f"the source has no usable problem in its {self.split!r} split",
                needed="Check the source's path and split (eurus parts sources lists its settings).",
            )
        if len({problem.id for problem in problems}) < len(problems):
            raise InputError("the source gives two problems the same id", needed="Ids must be unique within a split.")
        return problems, bad

    def _report(self, context: Context, samples: list[Sample]) -> None:
        groups = by_problem(samples)
        accuracy = mean_interval([float(correct_share(group)) for group in groups.values()])
        context.figure("accuracy", accuracy.value)
        context.figure("accuracy low", accuracy.low)
        context.figure("accuracy high", accuracy.high)
        attempts = "" if self.samples == 1 else f", {self.samples} samples each"
        context.note(f"{self.backend.actor}: accuracy {percent(accuracy)} (n = {accuracy.n} problems{attempts}).")
        context.figure("replies cut by the limit", cuts.count(samples))
        if sentence := cuts.cut_sentence({self.backend.actor: groups}):
            context.note(sentence)
        if len(groups) < (self.problems or 0):
            context.note(f"The source has {len(groups)} problems, fewer than the {self.problems} asked for.")
        context.show(accuracy_table(groups, self.by))
        context.show(outcome_table(samples))
        context.show(example_table(samples))
        context.define(TERMS)
        context.define(self.source.terms)


@dataclass(frozen=True)
class _Asked:
    """Asks one actor once: a :class:`~eurus_core.episode.trajectory.Player` whose trajectories have one turn."""

    settings: Evaluate
    actor: OpenBackend
    environment: Environment
    seed: int

    async def act(self, turn: Turn) -> list[Attempt]:
        request = Request(turn.history, self.settings.sampling, self.seed, turn.problem)
        return [await self.environment.attempt(turn, self.settings.backend, self.actor, request)]

    def choose(self, attempts: Sequence[Attempt], turn: Turn, *, last: bool) -> tuple[Sequence[Attempt], None]:
        return attempts, None


async def _work(
    settings: Evaluate,
    todo: deque[Wanted],
    keep: Callable[[Sample], None],
    seed: int,
    journal: Journal,
    tally: Tally,
) -> None:
    """Work through the attempts, ``concurrency`` at a time.

    After a failure nothing new is asked; what was asked by then is paid for, so it is finished and kept first.
    """
    async with AsyncExitStack() as stack:
        actor = await stack.enter_async_context(settings.backend.open())
        environment = Environment(
            grader=await stack.enter_async_context(settings.grader.open()),
            journal=journal,
            tally=tally,
            workbench=await stack.enter_async_context(settings.tool.open()) if settings.tool else None,
            tool=identity(settings.tool) if settings.tool else "",
        )

        async def worker() -> None:
            while todo:
                problem, index = todo.popleft()
                player = _Asked(settings, actor, environment, derive(seed, problem.id, index))
                try:
                    tree = await play(problem, player, environment, turns=1, seed=seed, place=f" sample {index}")
                except BaseException:
                    todo.clear()
                    raise
                (node,) = tree
                keep(Sample(problem, node.action, node.verdict, node.observation, index))

        workers = min(settings.concurrency, len(todo))
        ends = await asyncio.gather(*(worker() for _ in range(workers)), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
