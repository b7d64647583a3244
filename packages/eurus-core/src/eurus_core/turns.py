"""The text of a turn: reading an action, what it answers, and wording the environment's answer.

Raw tags of the paper's collection (``<thought> <execute> <solution>``) and the fences of the released data are both read.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from eurus_core import programs
from eurus_core.code_blocks import cells
from eurus_core.records import Action, Message, Node, Observation
from eurus_core.spoken import spoken

NO_OUTPUT = "[Executed Successfully with No Output]"
WRONG = "Your answer is wrong."
RIGHT = "Your answer is correct."

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
    stated = _SOLUTION.findall(text)
    solution = stated[-1].strip() if stated else _boxed(text) or _last(_ANSWER_LINE.findall(text))
    thought = _THOUGHT.findall(text)
    if thought:
        words = "\n".join(part.strip() for part in thought)
    else:
        words = re.split(r"```|~~~|<execute>|<solution>", text, maxsplit=1)[0].strip()
    return Action(text=text, thought=words, code=cells(spoken(text)), solution=solution)


def program(action: Action, names: Collection[str] | None = None) -> str | None:
    """Return the program of an action that tests judge, None where it holds none; see :mod:`eurus_core.programs`.

    ``names`` are those that the tests call; None is for a program that is judged by what it prints.
    """
    if not action.text:  # of an action that was not read out of a reply
        return "\n\n".join(action.code) or None
    return programs.program(spoken(action.text), names)


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
