"""Problems, samples and a run folder made by hand, as stages would leave them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eurus_core.parts.contracts import Grader, OpenGrader
from eurus_core.records import (
    Action,
    Critique,
    Node,
    Observation,
    PreferenceTree,
    Problem,
    Reference,
    Sample,
    Verdict,
)
from eurus_core.records.turns import printed
from eurus_core.stages import Context
from eurus_core.stages.report import Line, Plot, StageReport, Table, TreeDrawing, write_report
from eurus_eval.samples import write_samples
from eurus_eval.stages.best_of_n import BestOfN
from eurus_eval.stages.compare import Compare


class ExactGrader(Grader):
    """Answers are right when their text is the reference's, as a plugin author's first grader might say."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenGrader]:
        yield self

    async def grade(self, problem: Problem, action: Action, observation: Observation | None) -> Verdict:
        given = printed(observation) if action.code and observation is not None else boxed(action.text)
        if given is None:
            return Verdict("unparsed", "exact")
        right = given == problem.reference.answer
        return Verdict("correct" if right else "incorrect", "exact", parsed_prediction=given)

    def key(self, answer: str) -> Hashable:
        return answer


def boxed(text: str) -> str | None:
    """Return what a reply boxes."""
    found = re.search(r"\\boxed\{([^{}]*)\}", text)
    return found[1] if found is not None else None


@pytest.fixture
def exact_grader() -> Grader:
    return ExactGrader()


def problem(number: int) -> Problem:
    return Problem(
        id=f"p{number}",
        task="Math_PoT",
        dataset="arithmetic",
        instruction=f"Mia has {number} shells and finds {number + 3} more. How many shells has she now?",
        reference=Reference(answer=str(2 * number + 3)),
        labels={"level": str(1 + number % 3), "family": "held-out" if number % 4 == 0 else "seen"},
    )


def sample(number: int, index: int, correct: bool, logprob: float | None = None) -> Sample:
    value = 2 * number + 3 if correct else number + index
    return Sample(
        problem=problem(number),
        action=Action(text=f"Add them: \\boxed{{{value}}}", solution=str(value), logprob=logprob, tokens=9),
        verdict=Verdict("correct" if correct else "incorrect", rule="number", parsed_prediction=str(value)),
        index=index,
    )


@pytest.fixture
def make_samples(tmp_path: Path) -> Callable[..., Path]:
    """Write samples: for each problem, numbered from ``first``, the outcomes of its attempts."""

    def make(name: str, outcomes: list[list[bool]], first: int = 0) -> Path:
        path = tmp_path / f"{name}.jsonl"
        write_samples(
            path, [sample(n, i, right) for n, row in enumerate(outcomes, first) for i, right in enumerate(row)]
        )
        return path

    return make


def caterpillar(hostile: str = "") -> PreferenceTree:
    """A tree of three turns as growing leaves it: wrong, wrong, then right."""

    def node(
        node_id: str, parent: str | None, turn: int, value: int | None, correct: bool, assisted: bool = False
    ) -> Node:
        code = "shells = 4\nfound = 7  # Step 2: read how many she finds\n" + (
            "total = shells +  # Step 3: add" if value is None else f"total = shells + found - {11 - value}\ntotal"
        )
        text = f"Step 1: count what she has.{hostile}\n```python\n{code}\n```"
        observed = (
            Observation(
                "Cell In[1], line 3\n    total = shells +\n                    ^\nSyntaxError: invalid syntax", "error"
            )
            if value is None
            else Observation(f"Out: {value}{hostile}")
        )
        return Node(
            id=node_id,
            parent=parent,
            turn=turn,
            action=Action(
                text=text,
                code=(code,),
                actor="reference" if assisted else "smollm2",
                schema="cot",
                tokens=58,
                assisted=assisted,
            ),
            verdict=Verdict(
                "correct" if correct else "incorrect",
                "number",
                f"{value} is not 11" if not correct else "",
                parsed_prediction="" if value is None else f"{value}{hostile}",
            ),
            observation=observed,
            critique=None
            if correct
            else Critique("Line 3 stops after the plus sign: say what is to be added.", "rules"),
        )

    nodes = (
        node("0", None, 1, None, False),
        node("1", None, 1, 7, False),
        node("2", None, 1, 28, False),
        node("3", None, 1, 11, True, assisted=True),
        node("1.0", "1", 2, 3, False),
        node("1.1", "1", 2, 11, True, assisted=True),
        node("1.2", "1", 2, -4, False),
        node("1.0.0", "1.0", 3, 11, True),
        node("1.0.1", "1.0", 3, 28, False),
    )
    return PreferenceTree(problem(4), nodes)


def rewards(objective: str, to: tuple[float, float]) -> Plot:
    steps = tuple(float(s) for s in range(0, 31, 2))
    draw = random.Random(objective)

    def climb(end: float) -> tuple[float, ...]:
        return tuple(end * (1 - 2.718 ** (-s / 11)) + draw.gauss(0, 0.02) * (s > 0) for s in steps)

    chosen, rejected = climb(to[0]), climb(to[1])
    margin = tuple(c - r for c, r in zip(chosen, rejected, strict=True))
    lines = (
        Line("rewards chosen", steps, chosen),
        Line("rewards rejected", steps, rejected),
        Line("margin", steps, margin),
    )
    return Plot(
        "rewards",
        "step",
        "nats",
        lines,
        group="rewards while learning (figure 5)",
        marks={"ln 2": 0.693} if objective == "nca" else {},
        noisy=True,
    )


def outcomes(shares: list[float], samples: int, seed: int) -> list[list[bool]]:
    draw = random.Random(seed)
    return [[draw.random() < share for _ in range(samples)] for share in shares]


@pytest.fixture
def three_turns() -> PreferenceTree:
    return caterpillar()


@pytest.fixture
def make_demo_run(tmp_path: Path) -> Callable[..., Path]:
    """Write a finished run's folder: growths, trainings, evaluations, a comparison, best of 8; ``hostile`` goes into its words."""

    def make(hostile: str = "") -> Path:
        return write_demo_run(tmp_path / "run", hostile)

    return make


@pytest.fixture
def demo_run(make_demo_run: Callable[..., Path]) -> Path:
    return make_demo_run()


def write_demo_run(run: Path, hostile: str = "") -> Path:
    run.mkdir()
    draw = random.Random(1)
    hard = [draw.random() for _ in range(120)]
    seconds = {
        "evaluate-base": 31.0,
        "grow-first": 64.2,
        "sft": 195.0,
        "grow": 152.4,
        "dpo": 93.1,
        "nca": 90.6,
        "reward": 88.0,
        "evaluate": 60.0,
        "best-of-n": 142.0,
        "compare": 0.3,
    }
    kinds = {
        "evaluate-base": "evaluate",
        "grow-first": "grow",
        "sft": "train",
        "dpo": "train",
        "nca": "train",
        "reward": "train-reward",
    }

    def place(name: str) -> Path:
        (run / name).mkdir(exist_ok=True)
        return run / name

    for label, base in (("base", 0.02), ("sft", 0.5), ("nca", 0.55)):
        shares = [min(max(base + 0.5 * (h - 0.5) * (base > 0.1), 0), 1) for h in hard]
        rows = outcomes(shares, 1, seed=len(label))
        write_samples(
            run / f"{label}.jsonl", [sample(n, i, r) for n, row in enumerate(rows) for i, r in enumerate(row)]
        )
    context = Context(place("compare"), name="compare")
    Compare(samples={label: str(run / f"{label}.jsonl") for label in ("base", "sft", "nca")}).run(context)
    write_report(run / "compare" / "report.json", context.report)

    rows = outcomes([0.1 + 0.7 * h for h in hard], 8, seed=9)
    draw = random.Random(3)
    write_samples(
        run / "eight.jsonl",
        [sample(n, i, r, draw.uniform(-30, -8)) for n, row in enumerate(rows) for i, r in enumerate(row)],
    )
    context = Context(place("best-of-n"), name="best-of-n")
    BestOfN(samples=str(run / "eight.jsonl"), grader=ExactGrader()).run(context)
    write_report(run / "best-of-n" / "report.json", context.report)

    columns = ("turn", "nodes", "correct", "incorrect", "unparsed", "timeout", "limit", "continued")
    more = ("assisted, % of correct", "pairs", "assisted chosen, % of pairs", "chain of thought", "modular", "tokens")
    turns = Table(
        "turns",
        (*columns, *more),
        (
            (1, 512, 231, 180, 40, 1, 60, 0, 41.6, 402, 30.1, 300, 212, 40960),
            (2, 148, 40, 80, 20, 0, 8, 0, 95.0, 77, 92.2, 90, 58, 11840),
            ("all", 660, 271, 260, 60, 1, 68, 0, 49.4, 479, 40.1, 390, 270, 52800),
        ),
        "Pairs with a side that Python cannot parse are left out.",
    )
    trees = tuple(
        TreeDrawing(f"a tree of three turns, {number}", caterpillar(hostile), f"Grown from the SFT policy.{hostile}")
        for number in range(3)
    )
    for name in seconds:
        if name in ("compare", "best-of-n"):
            continue
        report = StageReport(name, kinds.get(name, name), {"seconds": seconds[name], "tokens a second": 186.4})
        if name.startswith("grow"):
            report = StageReport(
                name,
                "grow",
                {"trees": 128, "pairs": 479, "tokens a second": 201.3},
                (f"The policy was right in 99 of 256 first attempts.{hostile}",),
                (turns,),
                (),
                trees if name == "grow" else (),
                (f"All 231 correct actions were assisted.{hostile}",) if name == "grow-first" else (),
                terms={"assisted": f"written from ground truth{hostile}", "family": "what a story is about"},
            )
        if name == "reward":
            once = Plot("loss", "step", "loss", (Line("loss", (1.0,), (2.079,)),), group="loss")
            report = StageReport(name, "train-reward", {"loss": 2.079}, (), (), (once,))
        if name in ("dpo", "nca"):
            plot = rewards(name, (-0.5, -1.4) if name == "dpo" else (0.16, -0.9))
            report = StageReport(name, "train", {"loss": 1.204, "unique tokens a second": 263.0}, (), (), (plot,))
        write_report(place(name) / "report.json", report)
    (run / "sft" / "model").mkdir()
    manifest = {
        "command": f"eurus run demo --set grow.problems=128 --seed 0{hostile}",
        "cores": 2,
        "seed": 0,
        "python": "3.11.7",
        "versions": {"eurus-core": "0.1.0", "torch": "2.13.0"},
        "stages": [
            {
                "name": name,
                "kind": kinds.get(name, name),
                "status": "done",
                "seconds": seconds[name],
                "load": [1.2, 3.1 if name == "sft" else 1.9],
                "resumed": name == "nca",
            }
            for name in seconds
        ],
    }
    recipe = {
        "name": "demo",
        "title": f"From problems to a better policy{hostile}",
        "summary": "SmolLM2-135M learns arithmetic word problems from its own preference trees.",
        "seed": 0,
        "stages": {
            "sft": {"stage": "train", "objective": {"name": "sft"}, "learning_rate": 5e-4, "trees": ["@grow-first"]}
        },
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    (run / "recipe.json").write_text(json.dumps(recipe))
    return run
