"""The text of a turn: reading an action, what its code printed, and wording the environment's answer.

Raw tags of the paper's collection (``<thought> <execute> <solution>``) and the fences of the released data are both read.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from eurus_core.records.action import Action, Observation
from eurus_core.records.request import Message
from eurus_core.records.tree import Node
from eurus_core.replies import programs
from eurus_core.replies.code_blocks import cells
from eurus_core.replies.spoken import spoken

NO_OUTPUT = "[Executed Successfully with No Output]"
WRONG = "Your answer is wrong."
RIGHT = "Your answer is correct."

_SOLUTION = re.compile(r"<solution>(.*?)(?:</solution>|\Z)", re.DOTALL)
_THOUGHT = re.compile(r"<thought>(.*?)(?:</thought>|\Z)", re.DOTALL)


def parse(text: str) -> Action:
    """Return the action that a reply's text holds: thought, cells of code in order, and what stands in ``<solution>``.

    An unclosed fence or tag at the end counts as closed: replies are cut at stop strings and token limits. What a reasoning model
    thinks before it speaks holds neither code nor a solution. The answer is not looked for: that is the grader's business.
    """
    said = spoken(text)
    stated = _SOLUTION.findall(said)
    thought = _THOUGHT.findall(text)
    if thought:
        words = "\n".join(part.strip() for part in thought)
    else:
        words = re.split(r"```|~~~|<execute>|<solution>", said, maxsplit=1)[0].strip()
    solution = stated[-1].strip() if stated else None
    return Action(text=text, thought=words, code=cells(said), solution=solution)


def program(action: Action, names: Collection[str] | None = None) -> str | None:
    """Return the program of an action that tests judge, None where it holds none; see :mod:`eurus_core.replies.programs`.

    ``names`` are those that the tests call; None is for a program that is judged by what it prints.
    """
    if not action.text:  # of an action that was not read out of a reply
        return "\n\n".join(action.code) or None
    return programs.program(spoken(action.text), names)


def printed(observation: Observation) -> str | None:
    """Return the last line that code printed, which is what it answers; None where it failed or printed nothing."""
    lines = [line.strip() for line in observation.text.splitlines() if line.strip()]
    if observation.status != "ok" or not lines or lines[-1] == NO_OUTPUT:
        return None
    return lines[-1].removeprefix("Out:").strip() or None


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
