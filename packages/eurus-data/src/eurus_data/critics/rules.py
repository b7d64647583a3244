"""The rule critic: reads the observation and the action, and says in plain sentences what is wrong.

It needs no model, costs nothing, and says only what it can see: it never looks at the reference answer but to keep it to itself.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

from pydantic import Field

from eurus_core.parts.contracts import Critic, OpenCritic
from eurus_core.records import Action, Critique, Message, Observation, Problem, Verdict, turns
from eurus_data.critics.leakage import leaks

NAME = "rules"
WITHHELD = "Check each step of your solution against the problem, one quantity at a time."
"""Said instead where the sentences found would give the reference answer away."""

_ERROR = re.compile(r"^(\w*(?:Error|Exception|Interrupt|Iteration|Warning)|SyntaxError): ?(.*)$", re.MULTILINE)
_LINE = re.compile(r"Cell In\[\d+\], line (\d+)|^-+> *(\d+) ", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w])")
_STEP = re.compile(r"\bstep \d+", re.IGNORECASE)
_TEST = re.compile(r"test \d+ of \d+")
_NUMERIC = re.compile(r"[-+]?[\d.,]+(?:e[-+]?\d+)?%?", re.IGNORECASE)

_SPELT = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "twice": 2, "double": 2, "doubles": 2, "half": 2, "halves": 2, "triple": 3, "triples": 3, "thrice": 3, "dozen": 12,
    "quarter": 4, "third": 3,
}  # fmt: skip

_ADVICE = {
    "NameError": "Define every name before you use it.",
    "SyntaxError": "Send only Python in the code block, and close every bracket and quote.",
    "IndentationError": "Keep the indentation of each block even.",
    "TypeError": "Check the types of the values that meet there.",
    "ZeroDivisionError": "Check which quantity is zero there, and whether it should be.",
    "ModuleNotFoundError": "Use what is installed, or plain Python.",
    "KeyError": "Check that the key is there before you read it.",
    "IndexError": "Check the length before you index.",
    "ValueError": "Check what value the function was given.",
    "AttributeError": "Check what kind of object that is.",
    "RecursionError": "Give the recursion an end, or use a loop.",
}


class RuleCritic(Critic):
    """Says what can be seen to be wrong without a model, never the answer."""

    unused_quantities: bool = True
    """Name numbers of the problem that the code never uses. It is put as a question, because leaving out a distractor is no error."""
    sentences: int = Field(default=3, ge=1)
    """The most sentences in a critique, the most telling first."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenCritic]:
        yield _Rules(self)


class _Rules:
    def __init__(self, settings: RuleCritic):
        self.settings = settings

    async def critique(
        self,
        problem: Problem,
        history: Sequence[Message],
        action: Action,
        observation: Observation | None,
        verdict: Verdict,
    ) -> Critique:
        """Return the sentences; ``leaks`` marks a critique of which some was withheld because it would have held the answer."""
        program = bool(problem.reference.stdio and action.code)
        if program and observation is not None and observation.status == "ok":
            findings = _judged(verdict)
        else:
            unused = self.settings.unused_quantities and not program  # which reads its quantities
            findings = _findings(problem, action, observation, verdict, unused=unused)
        sentences = list(itertools.islice(findings, self.settings.sentences))
        answers = problem.reference.answers
        seen = [problem.instruction, action.text, *(message.content for message in history)]
        if observation is not None:
            seen.append(observation.text)
        kept = [one for one in sentences if not any(leaks(one, answer, seen) for answer in answers)]
        return Critique(" ".join(kept) or WITHHELD, critic=NAME, leaks=len(kept) < len(sentences))


def _findings(
    problem: Problem, action: Action, observation: Observation | None, verdict: Verdict, *, unused: bool
) -> Iterator[str]:
    """Yield what is wrong, the most telling first; always at least one sentence."""
    if not action.code:
        yield from _without_code(problem, action, verdict)
    elif observation is None:
        yield "Your code was not run."
    elif observation.status == "error":
        yield from _error(action, observation)
    elif observation.status == "timeout":
        yield "Your code did not end in time. Look for a loop that never ends, or for a shorter way to the result."
    elif observation.status != "ok":
        yield "Your code was stopped because it used too much memory. Keep only what you need."
    else:
        yield from _output(observation)
    if unused and action.code:
        missing = _unused(problem.instruction, "\n".join(action.code))
        if missing:
            yield f"Your code never uses {_listed(missing)} from the problem. Does the result depend on {'it' if len(missing) == 1 else 'them'}?"
    if action.code and observation is not None and observation.status == "ok":
        yield "Read the problem again and check each step: what it asks for, and the order in which quantities change."


def _judged(verdict: Verdict) -> Iterator[str]:
    """Yield what is wrong with a program that ran on its example: which test it fails, not what that wants."""
    test = verdict.why.partition(":")[0]
    where = f" {test}" if _TEST.fullmatch(test) else " its tests"
    if verdict.outcome == "timeout":
        yield f"Your program does not end in time on{where}. Look for a loop that never ends, or for a faster method."
    elif verdict.rule == "stdout":
        yield f"Your program prints a wrong answer on{where}. Compare with the examples, to the letter, what it prints and how."
    else:
        yield f"Your program fails with an error on{where}."
    yield "Think of the smallest and the largest input that the problem allows."


def _without_code(problem: Problem, action: Action, verdict: Verdict) -> Iterator[str]:
    if problem.task == "Math_PoT" or "python" in problem.tools:
        yield "There is no Python code in your answer. Write it in a ```python block and print the result."
    if not verdict.parsed_prediction:
        yield "You do not state a final answer."
    elif not _STEP.search(action.text):
        yield "You state an answer without showing your steps. Work through the problem step by step."
    yield "Check each step against the problem, and the arithmetic of each."


def _error(action: Action, observation: Observation) -> Iterator[str]:
    errors = _ERROR.findall(observation.text)
    lines = [int(a or b) for a, b in _LINE.findall(observation.text)]
    source = _source_line(action, lines[-1]) if lines else ""
    where = f" in line {lines[-1]}" + (f", `{source}`" if source else "") if lines else ""
    if not errors:
        yield f"Your code failed{where}."
        return
    name, message = errors[-1]
    words = f": {message.strip()}" if message.strip() else ""
    yield f"Your code failed{where} with {name}{words}{'' if words.endswith('.') else '.'}"
    advice = _ADVICE.get(name)
    if advice:
        yield advice


def _source_line(action: Action, line: int) -> str:
    """Return a line of the cell that failed: the only one, or the last that is long enough."""
    for cell in reversed(action.code):
        lines = cell.splitlines()
        if 0 < line <= len(lines) and lines[line - 1].strip():
            return lines[line - 1].strip()[:120]
    return ""


def _output(observation: Observation) -> Iterator[str]:
    answer = turns.printed(observation)
    if answer is None:
        yield "Your code ran but printed nothing. Print the final result in the last line."
    elif answer == "None":
        yield "Your code printed None: a function returns nothing, or a value was never set."
    elif answer.startswith("<") and answer.endswith(">"):
        yield "Your code printed an object instead of its value. Call it, or print what it holds."
    elif not _NUMERIC.fullmatch(answer) and not any(character.isdigit() for character in answer):
        yield f"Your code's last line of output, {answer[:60]!r}, is not a number. Print only the final result."
    elif _NUMERIC.fullmatch(answer) and answer.startswith("-"):
        yield "The result is negative. Check whether a quantity was subtracted the wrong way round."


def _unused(instruction: str, code: str) -> list[str]:
    """Return the numbers of the instruction, digits or words, that the code never uses."""
    used = {_value(number) for number in _NUMBER.findall(code)}
    asked = dict.fromkeys(_NUMBER.findall(instruction))
    missing = [number for number in asked if _value(number) not in used and _value(number) / 100 not in used]
    words = dict.fromkeys(re.findall(r"[a-z]+", instruction.lower()))
    # "one" is an article more often than a quantity.
    missing += [word for word in words if word in _SPELT and _SPELT[word] > 1 and not _uses(_SPELT[word], used)]
    return missing[:3]


def _uses(value: int, used: set[float]) -> bool:
    return float(value) in used or 1 / value in used


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
