"""The ladder: which actors are asked at a turn, how often, and with which words.

A rung asks one backend for several actions under the same history. Rungs are climbed in order; one with ``when = "needed"``
is skipped where an earlier rung has already found a correct action (paper, section 2.3: sample, then stronger actors, then
ground truth).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from eurus_core.parts.choice import Choice
from eurus_core.parts.contracts import Backend, Part
from eurus_core.records import Message, Problem, Request, Sampling, Schema
from eurus_core.records.seeds import derive

DECOMPOSE = (
    "You solve problems by breaking them into small steps. Number the steps: write `Step 1: ...` in words and go on counting "
    "in comments such as `# Step 3: ...` inside the code. Do one small thing a step, and give every intermediate result a name."
)
TOOL = (
    "You have a stateful Python interpreter: code between ```python and ``` is run, and you will see what it prints and the "
    "value of its last line. End the code with the answer."
)
SCHEMAS: dict[Schema, str] = {
    "cot": "Reason in a chain: write each step down and carry it out before you write the next.",
    "modular": "Work in modules: first write a small function for what the problem needs, then call it with the problem's numbers.",
    "none": "",
}
"""The two reasoning schemas of the paper (section 2.2): chain of thought and modularization, in our words."""


class Rung(Part):
    """One rung of the ladder."""

    backend: Annotated[Backend, Choice("backends")]
    """The backend that is asked."""
    samples: int = Field(4, ge=1)
    """How many actions to ask for at each turn."""
    when: Literal["always", "needed"] = "always"
    """needed: only if no earlier rung has a correct action at this turn."""
    temperature: float = Field(0.8, ge=0)
    """Sampling temperature; 0 is greedy."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Draw only from the likeliest tokens that together reach this probability."""
    max_tokens: int = Field(256, ge=1)
    """The most tokens in a reply; an action cut off there before it answers has the outcome "limit"."""
    stop: tuple[str, ...] = ()
    """Texts at which a reply ends."""
    reasoning: Literal["random", "cot", "modular", "none"] = Field("none", alias="schema")  # BaseModel has a `schema`
    """The reasoning schema to ask for; random draws cot or modular for each action."""
    instruct: bool = False
    """Put the decomposition instructions in front: a system message that is not part of the recorded trajectory."""

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.max_tokens, self.stop)


def request(rung: Rung, problem: Problem, history: tuple[Message, ...], seed: int) -> Request:
    """Return what the rung asks under ``history``; ``seed`` fixes the schema and the draw."""
    schema = _schema(rung, seed)
    opening = (instructions(problem, schema),) if rung.instruct else ()
    return Request((*opening, *history), rung.sampling, derive(seed, "draw"), problem, schema)


def instructions(problem: Problem, schema: Schema) -> Message:
    """Return the system message that asks for decomposition, in the drawn schema, with the tool where there is one."""
    parts = [DECOMPOSE, SCHEMAS[schema], TOOL if problem.tools else ""]
    return Message("system", "\n".join(part for part in parts if part))


def _schema(rung: Rung, seed: int) -> Schema:
    if rung.reasoning != "random":
        return rung.reasoning
    drawn: Schema = ("cot", "modular")[derive(seed, "schema") % 2]
    return drawn
