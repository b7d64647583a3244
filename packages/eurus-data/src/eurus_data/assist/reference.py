"""The ``reference`` actor: writes the source's own rationale and program as an action, in either schema."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import ClassVar

from eurus_core.parts.contracts import Backend, OpenBackend
from eurus_core.records import Problem, Reply, Request, Schema
from eurus_core.records.seeds import derive
from eurus_data.assist import programs, wording
from eurus_data.assist.errors import NoReference


class ReferenceBackend(Backend):
    """Answers from ground truth, as the last rung of a ladder of actors does (paper, section 2.3).

    ``plan`` lets the text name the steps before the code takes them; without it the text is one short sentence.
    """

    assisted: ClassVar[bool] = True

    plan: bool = True
    """Name the steps before the code takes them; false: one short sentence."""

    @property
    def actor(self) -> str:
        return "reference"

    def lacking(self, problem: Problem) -> str:
        return _lacking(problem)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenBackend]:
        yield _Reference(plan=self.plan)


class _Reference:
    def __init__(self, *, plan: bool):
        self.plan = plan

    async def generate(self, request: Request) -> Reply:
        """Return the action; NoReference where the problem holds neither program nor rationale."""
        if request.problem is None:
            raise ValueError("the reference actor needs request.problem")
        return Reply(text=action_text(request, plan=self.plan))


def action_text(request: Request, *, plan: bool = True) -> str:
    """Return the words and code that answer ``request.problem`` from its reference; ``request.seed`` draws the phrasing."""
    problem = request.problem
    if problem is None:
        raise ValueError("action_text() needs request.problem")
    if needed := _lacking(problem):
        raise NoReference(f"problem {problem.id} has no reference to write from", needed=f"Needed is {needed}.")
    rng = Random(derive(request.seed, "reference", problem.id))  # noqa: S311 - no secret
    if problem.reference.solutions and problem.task != "Math_CoT":
        body = _with_code(rng.choice(problem.reference.solutions), request.schema, rng, plan=plan)
    else:
        body = _in_words(problem, rng)
    repairing = any(message.role == "assistant" for message in request.messages)
    if not repairing:
        return body
    return f"{wording.acknowledgement(request.messages[-1].content, rng)}\n{body}"


def _lacking(problem: Problem) -> str:
    """Return what the problem's reference lacks to be written as an action; "" for nothing."""
    if problem.reference.rationale or (problem.reference.solutions and problem.task != "Math_CoT"):
        return ""
    return "a rationale" if problem.task == "Math_CoT" else "a program or a rationale"


def _with_code(program: str, schema: Schema, rng: Random, *, plan: bool) -> str:
    """Return a step in words, then the code with the step numbers going on; a program that is no plain sequence stays as it is."""
    program = program.strip("\n")
    if schema == "none":
        return _fenced(program)
    planned = wording.plan(programs.notes(program)) if plan else None
    planning, plain = wording.PLANS, wording.PLAIN
    if schema == "modular":
        function = programs.modular(program, rng.choice(wording.FUNCTION_NAMES))
        if function is not None:
            program, planning, plain = function, wording.FUNCTION_PLANS, wording.FUNCTIONS
    step = rng.choice(planning).format(plan=planned) if planned else rng.choice(plain)
    return f"Step 1: {step}\n{_fenced(programs.renumbered(program, 2))}"


def _in_words(problem: Problem, rng: Random) -> str:
    worked = wording.marked(problem.reference.rationale or "")
    if "\\boxed" in worked or problem.reference.answer is None:
        return worked
    return f"{worked}\n{rng.choice(wording.CONCLUSIONS).format(answer=problem.reference.answer)}"


def _fenced(code: str) -> str:
    return f"```python\n{code}\n```"
