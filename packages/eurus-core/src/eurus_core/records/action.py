"""An actor's turn, what the environment answered, how it was judged, and what a critic said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from eurus_core.records.request import Sampling, Schema

Tier = Literal["T0", "T1", "T2", "T3"]
Outcome = Literal["correct", "incorrect", "unparsed", "timeout", "limit", "continued"]
ObservationStatus = Literal["ok", "error", "timeout", "memory", "killed"]

REJECTABLE: frozenset[Outcome] = frozenset({"incorrect", "unparsed", "timeout"})
"""Outcomes that may stand on the rejected side of a pair. ``limit`` is our own cap, hence no fault of the actor."""


@dataclass(frozen=True, slots=True)
class Action:
    """An actor's turn, parsed: ``code`` holds the cells in order, ``solution`` what stands in ``<solution>``, if anything does.

    Where else an answer stands, such as in a box, is for graders to read.
    """

    text: str
    thought: str = ""
    code: tuple[str, ...] = ()
    solution: str | None = None
    actor: str = ""
    schema: Schema = "none"
    sampling: Sampling | None = None
    tokens: int = 0
    logprob: float | None = None
    cost: float = 0.0
    assisted: bool = False
    cut: bool = field(
        default=False, compare=False
    )  # our cap on tokens ended it; in no file, as verdicts say what became of it


@dataclass(frozen=True, slots=True)
class Observation:
    """What the environment answered. ``tier`` says how well the interpreter was confined."""

    text: str
    status: ObservationStatus = "ok"
    tier: Tier | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an action was judged, by which rule, and why.

    ``trusted`` is False where the action's own code could have shaped it: a program that is judged in its own process can say what it likes.
    ``judged_by`` names the model whose opinion it is; empty where ground truth decided.

    ``parsed_prediction`` is the answer that was read out of the action, ``parsed_reference`` the one that it was compared with; both
    are empty where nothing was read, as of a program.
    """

    outcome: Outcome
    rule: str = ""
    why: str = ""
    score: float | None = None
    trusted: bool = True
    judged_by: str = ""
    parsed_prediction: str = ""
    parsed_reference: str = ""

    @property
    def correct(self) -> bool:
        return self.outcome == "correct"

    @property
    def proven(self) -> bool:
        """Whether the action is correct, and its own code had no part in the judgement."""
        return self.correct and self.trusted

    @property
    def opinion(self) -> bool:
        """Whether a model judged, not ground truth."""
        return bool(self.judged_by)


@dataclass(frozen=True, slots=True)
class Critique:
    """A critic's words on an incorrect action. ``leaks`` marks one that gives the reference answer away."""

    text: str
    critic: str = ""
    leaks: bool = False
