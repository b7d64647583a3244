"""The step of a trajectory: a reply is parsed, its code run, the outcome graded."""

from __future__ import annotations

import re
from dataclasses import replace

from eurus_core.parts.contracts import OpenGrader, Session
from eurus_core.records import Action, Observation, Problem, Reply, Request, Verdict
from eurus_core.records.turns import NO_OUTPUT, parse, program
from eurus_core.replies.code_blocks import ends_open
from eurus_core.replies.spoken import spoken


async def judge(
    reply: Reply, request: Request, session: Session | None, grader: OpenGrader, *, name: str, assisted: bool = False
) -> tuple[Action, Observation | None, Verdict]:
    """Parse a reply, run its cells in ``session`` (None: tool-free) and grade the outcome against ``request.problem``.

    A closing fence that a stop string took is put back: sampled actions would otherwise end unlike written ones, and a pair
    could be told apart by that alone. A reply that our own cap on tokens cut off before it answered, or within its code, is ``limit``.
    """
    problem = request.problem
    if problem is None:
        raise ValueError("judge() needs request.problem, which the grader judges against")
    took_fence = reply.finish == "stop" and any(stop.startswith("```") for stop in request.sampling.stop)
    text = reply.text.rstrip("\n") + "\n```" if took_fence and _open_fence(reply.text) else reply.text
    action = replace(
        parse(text),
        actor=name,
        schema=request.schema,
        sampling=request.sampling,
        tokens=reply.tokens,
        logprob=reply.logprob,
        cost=reply.cost,
        assisted=assisted,
        cut=reply.finish == "length",
    )
    observation = await _observe(problem, action, session) if action.code and session is not None else None
    verdict = await grader.grade(problem, action, observation)
    if action.cut and not verdict.correct and (verdict.outcome == "unparsed" or _open_fence(text)):
        why = f"cut off at {reply.tokens} tokens; it was {verdict.outcome} so far"
        verdict = replace(verdict, outcome="limit", rule="length", why=why)
    return action, observation, verdict


def _open_fence(text: str) -> bool:
    return ends_open(spoken(text))


async def _observe(problem: Problem, action: Action, session: Session) -> Observation:
    """Run the code as it will be judged: as one program where the problem gives it something to read, else cell by cell."""
    if problem.reference.stdio:
        return await _run_program(problem, action, session)
    return await _run_cells(action, session)


async def _run_program(problem: Problem, action: Action, session: Session) -> Observation:
    """Run the program on the first input that the instruction shows, else on that of the first test, which is not shown then."""
    given = example(problem)
    source = program(action) or "\n\n".join(action.code)
    seen = await session.run_program(source, problem.reference.stdio[0][0] if given is None else given)
    if given is None:
        head = "Output for a hidden test:\n"
    else:
        head = f"Input:\n{given.strip()}\n\nOutput:\n" if given.strip() else ""
    return replace(seen, text=head + seen.text)


def example(problem: Problem) -> str | None:
    """Return the input of the first test that is no secret: it is empty, or stands in the instruction; None where all are hidden."""
    shown = " ".join(problem.instruction.split())
    for given, _ in problem.reference.stdio:
        words = " ".join(given.split())
        if not words or re.search(rf"(?<!\S){re.escape(words)}(?!\S)", shown):
            return given
    return None


async def _run_cells(action: Action, session: Session) -> Observation:
    """Run the cells in order and join what they print; the first that fails ends the turn."""
    seen: list[Observation] = []
    for cell in action.code:
        seen.append(await session.run(cell))
        if seen[-1].status != "ok":
            break
    texts = [one.text.rstrip("\n") for one in seen if one.text != NO_OUTPUT]
    return Observation(
        text="\n".join(texts) or NO_OUTPUT,
        status=seen[-1].status,
        tier=seen[-1].tier,
        seconds=sum(one.seconds for one in seen),
    )
