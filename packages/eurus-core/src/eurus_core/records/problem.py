"""A problem and its ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Task = Literal["Coding", "Math_CoT", "Math_PoT", "Logic", "Chat"]
"""The paper's four, each with its prompt; ``Chat`` is anything else and has none."""
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True, slots=True)
class Reference:
    """Ground truth of a problem; only graders, critics and assisted actors may read it, and of ``stdio`` a turn's run the inputs."""

    answer: str | None = None
    rationale: str | None = None
    solutions: tuple[str, ...] = ()  # Python programs, each printing or returning the answer
    stdio: tuple[tuple[str, str], ...] = ()  # tests of a whole program: what it reads and what it must print
    asserts: tuple[str, ...] = ()  # tests of what a program defines: Python statements, each passes or raises
    alternatives: tuple[str, ...] = ()  # answers that are as right as ``answer``

    @property
    def answers(self) -> tuple[str, ...]:
        """Every answer that is right; none where the problem has no answer."""
        return () if self.answer is None else (self.answer, *self.alternatives)


@dataclass(frozen=True, slots=True)
class Problem:
    """One instruction with a known answer. ``labels`` are groups to report by, such as level or family."""

    id: str
    task: Task
    dataset: str
    instruction: str  # without the task prompt, which eurus_core.records.prompts applies once, unless ``prompted``
    reference: Reference = field(default_factory=Reference)
    tools: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    prompted: bool = False  # True where the instruction is the whole first message, as in published rows
    system: str = ""  # a system message before it


def task_named(name: str) -> Task | None:
    """Return the task of that name in any case, or None: the released data's README spells Math_Cot, its rows Math_CoT."""
    return next((task for task in TASKS if task.lower() == name.lower()), None)
