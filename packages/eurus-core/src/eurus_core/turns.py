"""One turn of a trajectory: reading an action, wording the environment's answer, and the step that joins them.

Raw tags of the paper's collection (``<thought> <execute> <solution>``) and the fences of the released data are both read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from eurus_core.records import Action, Message, Node, Observation, Problem, Reply, Request, Verdict

if TYPE_CHECKING:
    from eurus_core.contracts import Grading, Session

NO_OUTPUT = "[Executed Successfully with No Output]"
WRONG = "Your answer is wrong."
RIGHT = "Your answer is correct."

_FENCE = re.compile(r"```[ \t]*(?:python|py|Python)[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_EXECUTE = re.compile(r"<execute>(.*?)(?:</execute>|\Z)", re.DOTALL)
_SOLUTION = re.compile(r"<solution>(.*?)(?:</solution>|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"<thought>(.*?)(?:</thought>|\Z)", re.DOTALL)
# The indent stays within its line: were it any white space, 20,000 empty lines would take minutes.
_ANSWER_LINE = re.compile(
    r"^[^\S\n]*(?:#+[^\S\n]*)?(?:final\s+)?answer\s*[:=]\s*(\S[^\n]*)", re.IGNORECASE | re.MULTILINE
)


def parse(text: str) -> Action:
    """Return the action that a reply's text holds: thought, cells of code in order, and the solution stated in words.

    An unclosed fence or tag at the end counts as closed: replies are cut at stop strings and token limits.
    """
    cells = tuple(cell.strip("\n") for cell in _EXECUTE.findall(text) or _FENCE.findall(text))
    stated = _SOLUTION.findall(text)
    solution = stated[-1].strip() if stated else _boxed(text) or _last(_ANSWER_LINE.findall(text))
    thought = _THOUGHT.findall(text)
    if thought:
        words = "\n".join(part.strip() for part in thought)
    else:
        words = re.split(r"```|<execute>|<solution>", text, maxsplit=1)[0].strip()
    return Action(text=text, thought=words, code=tuple(cell for cell in cells if cell.strip()), solution=solution)


def answer(action: Action, observation: Observation | None) -> str | None:
    """Return what the action answers: its code's last line of output where code ran, else the solution in words.

    Code that was run is the answer's source even if the text also guesses one: the guess was made before the result was seen.
    """
    if action.code and observation is not None:
        if observation.status != "ok":
            return None
        lines = [line.strip() for line in observation.text.splitlines() if line.strip()]
        if not lines or lines[-1] == NO_OUTPUT:
            return None
        return lines[-1].removeprefix("Out:").strip() or None
    return action.solution


def feedback(node: Node) -> Message:
    """Return the user turn after a node, in the released wording: observation, verdict line, critique."""
    lines = []
    if node.observation is not None and node.observation.text:
        lines.append(node.observation.text.rstrip("\n"))
    if node.verdict.outcome != "continued":
        lines.append(RIGHT if node.verdict.correct else WRONG)
    if node.critique is not None and node.critique.text:
        lines.append(node.critique.text)
    return Message("user", "\n".join(lines))


async def judge(
    reply: Reply, request: Request, session: Session | None, grader: Grading, *, name: str, assisted: bool = False
) -> tuple[Action, Observation | None, Verdict]:
    """Parse a reply, run its cells in ``session`` (None: tool-free) and grade the outcome against ``request.problem``.

    A closing fence that a stop string took is put back: sampled actions would otherwise end unlike written ones, and a pair
    could be told apart by that alone. A reply that our own cap on tokens cut off before it answered is ``limit``.
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
    )
    observation = await _observe(problem, action, session) if action.code and session is not None else None
    verdict = await grader.grade(problem, action, observation)
    if reply.finish == "length" and not verdict.correct and (_open_fence(text) or not (action.code or action.solution)):
        why = f"cut off at {reply.tokens} tokens; it was {verdict.outcome} so far"
        verdict = Verdict("limit", rule="length", why=why)
    return action, observation, verdict


def _open_fence(text: str) -> bool:
    return text.count("```") % 2 == 1


async def _observe(problem: Problem, action: Action, session: Session) -> Observation:
    """Run the code as it will be judged: as one program where the problem gives it something to read, else cell by cell."""
    if problem.reference.stdio:
        return await _run_program(problem, action, session)
    return await _run_cells(action, session)


async def _run_program(problem: Problem, action: Action, session: Session) -> Observation:
    """Run the program on the first input that the instruction shows, else on that of the first test, which is not shown then."""
    given = example(problem)
    seen = await session.run_program(
        "\n\n".join(action.code), problem.reference.stdio[0][0] if given is None else given
    )
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


def _boxed(text: str) -> str | None:
    """Return the content of the last ``\\boxed{...}``, braces balanced."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 0, start + len("\\boxed{")
    for i in range(begin - 1, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[begin:i].strip()
    return None


def _last(found: list[str]) -> str | None:
    return found[-1].rstrip() if found else None
