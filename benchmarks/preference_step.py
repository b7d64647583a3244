"""Optimizer steps on preference pairs: TRL and eurus-train on the same trees, weights and reference, in one run.

    pip install -r benchmarks/requirements.txt
    python benchmarks/preference_step.py [--quick] [--json] [--objectives dpo kto nca rm] [--shapes "five turns" ...]
        [--trees 2] [--steps 3] [--threads N] [--forest-tokens 1024] [--search]

A step is whole: data, forward, backward, clipping at 1.0, AdamW, logging. Products are bfloat16 under autocast and weights float32 on
both sides, TRL's default and ours. The reference's log-probabilities are computed outside every timing. TRL runs at its defaults
(8 pairs at once, gradient checkpointing) and at the best of ``step_sides.CANDIDATES``; ``--search`` tries all of them, otherwise the
one found so is taken. Contenders live in processes of their own and take their steps in turns. A first step is untimed on every side (AdamW's
state comes with it, and the first pages of memory); figures are medians of the others, and peaks of memory those after as many steps on every
side, in which ``peak_after_steps`` counts the untimed one. Ratios are of CPU seconds, which neighbours on the machine disturb less, wall seconds beside them; where there is a GPU, of wall seconds
alone. Losses and gradient norms are compared in float32 on the first pairs of the same trees; the policy is the reference with noise on its
weights, so that no loss is trivial.

``--quick``: one five-turn tree a step, five timed steps of ours, and of TRL's its first alone, for the sake of the time: eight minutes on two
quiet cores. TRL's process is warm from the comparison by then; against its second step, taken in another run, our ratios were up to a sixth
smaller. A JSON line a case::

    {"objective", "shape", "dedup", "ratio_trl_default", "ratio_trl_best", "loss_difference", ...}
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import shapes
import step_sides
import torch
from step_sides import CANDIDATES, DEFAULT, OBJECTIVES, Way

CONTENDERS = ("eurus", "TRL default", "TRL best")
BEST = Way(1, False)
"""What ``--search`` found for TRL, whatever the objective."""
QUICK_LIMIT = 700
"""Unique tokens of a tree under ``--quick``."""
CLOCK = "wall" if torch.cuda.is_available() else "cpu"
WARM_UP = {"precision": "float32", "steps": 1, "pairs": 2, "trees": 1}
"""The comparison in float32, which also warms a contender up: caches, threads, the first pages."""


class Contender:
    """A process that takes optimizer steps when told to, of one training after the other."""

    def __init__(self, name: str, threads: int, way: Way | None = None):
        self.name, self.way = name, way
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "step_worker.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if not os.environ.get("SHOW_STDERR") else None,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"},
        )

    def prepare(self, job: dict[str, Any]) -> None:
        """Let it make a training up to its first step, beside others who do."""
        self._tell(json.dumps({**job, "way": astuple(self.way) if self.way else None}))

    def wait(self) -> None:
        """Go on when it is ready for its first step."""
        self._hear()

    def step(self) -> dict[str, float]:
        self._tell("go")
        return self._hear()

    def finish(self) -> None:
        """End the training."""
        self._tell("go")
        self._hear()

    def close(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()

    def _tell(self, line: str) -> None:
        print(line, file=self._process.stdin, flush=True)

    def _hear(self) -> dict[str, Any]:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise SystemExit(f"{self.name} ended early (exit {self._process.wait()}); SHOW_STDERR=1 shows why")
        return json.loads(line)  # type: ignore[no-any-return]


@dataclass(slots=True)
class Course:
    """What a contender's timed steps cost: medians in seconds, the peak of memory, and the comparison in float32."""

    seconds: float
    wall: float
    peak_mb: int
    loss: float
    grad_norm: float


@dataclass(frozen=True, slots=True)
class Turns:
    """How many steps a contender takes."""

    untimed: int
    timed: int

    @property
    def all(self) -> int:
        return self.untimed + self.timed


@contextmanager
def contenders(named: dict[str, Way | None], threads: int) -> Iterator[list[Contender]]:
    found = [Contender(name, threads, way) for name, way in named.items()]
    try:
        yield found
    finally:
        for one in found:
            one.close()


def prepare(running: Sequence[Contender], jobs: Sequence[dict[str, Any]]) -> None:
    for one, job in zip(running, jobs, strict=True):
        one.prepare(job)
    for one in running:
        one.wait()


def race(running: Sequence[Contender], job: dict[str, Any], turns: dict[str, Turns]) -> dict[str, Course]:
    """Let contenders take their steps in turns; each has compared its loss in float32 before."""
    exact: dict[str, dict[str, float]] = {}
    prepare(running, [{**job, **WARM_UP} for _ in running])
    for one in running:
        exact[one.name] = one.step()
        one.finish()
    rows: dict[str, list[dict[str, float]]] = {one.name: [] for one in running}
    prepare(running, [{**job, "steps": turns[one.name].all} for one in running])
    for turn in range(max(each.all for each in turns.values())):
        for one in running:
            if turn < turns[one.name].all:
                rows[one.name].append(one.step())
    for one in running:
        one.finish()
    return {
        name: Course(
            median(row[CLOCK] for row in taken[turns[name].untimed :]),
            median(row["wall"] for row in taken[turns[name].untimed :]),
            int(taken[fewest(turns) - 1]["peak_mb"]),  # peaks compare after as many steps
            exact[name]["loss"],
            exact[name]["grad_norm"],
        )
        for name, taken in rows.items()
    }


def fewest(turns: dict[str, Turns]) -> int:
    return min(each.all for each in turns.values())


def searched(job: dict[str, Any], threads: int) -> tuple[Way, dict[str, float]]:
    """Return the fastest of TRL's candidates on one step, and the seconds of each; one at a time, for memory's sake."""
    seconds = {}
    for way in (way for way in CANDIDATES if way.fits(job["objective"])):
        with contenders({str(way): way}, threads) as running:
            prepare(running, [{**job, "steps": 2}])
            running[0].step()
            seconds[way] = running[0].step()[CLOCK]
            running[0].finish()
    return min(seconds, key=lambda way: seconds[way]), {str(way): round(took, 2) for way, took in seconds.items()}


@functools.cache
def reference(shape: str, count: int, model: str, limit: int) -> list[float]:
    return step_sides.reference(step_sides.problems(shape, count, model, limit), model)


def case(objective: str, shape: str, running: Sequence[Contender], options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one objective on one shape."""
    made, source = shapes.trees(shape, options.trees, options.model, options.tree_tokens)
    pairs = [pair for tree in made for pair in tree]
    unique, logical = sum(map(shapes.unique_tokens, made)), shapes.logical_tokens(pairs)
    job = {
        "objective": objective,
        "shape": shape,
        "trees": options.trees,
        "tree_tokens": options.tree_tokens,
        "pairs": None,
        "precision": "bfloat16",
        "model": options.model,
        "forest_tokens": options.forest_tokens,
        "reference": [] if objective == "rm" else reference(shape, options.trees, options.model, options.tree_tokens),
    }
    way, tried = searched(job, options.threads) if options.search else (BEST, {})
    for one in running:
        one.way = {"TRL default": DEFAULT, "TRL best": way}.get(one.name)
    turns = dict.fromkeys(CONTENDERS, Turns(0 if options.quick else 1, options.trl_steps))
    turns["eurus"] = Turns(1, options.steps)
    found = race(running, job, turns)
    ours, default, best = (found[name] for name in CONTENDERS)
    return {
        "objective": objective,
        "shape": shape,
        "dedup": round(logical / unique, 2),
        "ratio_trl_default": round(default.seconds / ours.seconds, 2),
        "ratio_trl_best": round(best.seconds / ours.seconds, 2),
        "loss_difference": max(abs(ours.loss - one.loss) for one in (default, best)),
        "grad_norm_difference": max(abs(ours.grad_norm / one.grad_norm - 1) for one in (default, best)),
        "ratio_trl_default_wall": round(default.wall / ours.wall, 2),
        "ratio_trl_best_wall": round(best.wall / ours.wall, 2),
        "best": str(way),
        "searched": tried,
        "pairs": len(pairs),
        "pairs_a_second": round(len(pairs) / ours.seconds, 3),
        "unique_tokens_a_second": round(unique / ours.seconds),
        "logical_tokens_a_second": round(logical / ours.seconds),
        CLOCK + "_seconds": {name: round(one.seconds, 2) for name, one in found.items()},
        "peak_mb": {name: one.peak_mb for name, one in found.items()},
        "peak_after_steps": fewest(turns),
        "source": source,
    }


def line(row: dict[str, Any]) -> str:
    peaks = " / ".join(str(row["peak_mb"][name]) for name in CONTENDERS)
    return (
        f"{row['objective']:>9}  {row['shape']:<12}  {row['dedup']:>5.2f}  {row['ratio_trl_default']:>7.2f}  "
        f"{row['ratio_trl_best']:>8.2f}  {row['loss_difference']:>9.1e}  {row['grad_norm_difference']:>9.1e}  "
        f"{row['unique_tokens_a_second']:>6}  {row['logical_tokens_a_second']:>7}  {peaks}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--objectives", nargs="+", default=list(OBJECTIVES), choices=OBJECTIVES)
    parser.add_argument("--shapes", nargs="+", default=None, choices=shapes.SHAPES)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--trees", type=int, default=2, help="of one optimizer step")
    parser.add_argument(
        "--steps", type=int, default=3, help="timed ones of eurus, after a first; and of TRL unless --trl-steps"
    )
    parser.add_argument("--trl-steps", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--forest-tokens", type=int, default=1024, help="unique tokens of one forward pass")
    parser.add_argument("--search", action="store_true", help="try every candidate for TRL's best settings")
    parser.add_argument(
        "--tree-tokens", type=int, help=f"a tree has fewer unique ones [{shapes.LIMIT}; quick: {QUICK_LIMIT}]"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.trees, options.steps, options.trl_steps = 1, 5, 1
    options.trl_steps = options.trl_steps or options.steps
    options.tree_tokens = options.tree_tokens or (QUICK_LIMIT if options.quick else shapes.LIMIT)
    chosen = options.shapes or (shapes.SHAPES[:1] if options.quick else shapes.SHAPES)
    if not options.json:
        print(
            "objective  shape         dedup  default  TRL best  loss diff  norm diff  unique  logical  peak MiB: ours / TRL's / its best"
        )
    with contenders(dict.fromkeys(CONTENDERS), options.threads) as running:
        for shape in chosen:
            for objective in options.objectives:
                row = case(objective, shape, running, options)
                print(json.dumps(row) if options.json else line(row), flush=True)


if __name__ == "__main__":
    main()
