"""The rows of UltraInteract: ``openbmb/UltraInteract_pair`` and ``openbmb/UltraInteract_sft``.

Rows of one ``parent_id`` make one tree, gaps and all. Instructions and first user turns hold the task prompt already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from eurus_core.files.rows import Row
from eurus_core.formats.messages import chat, messages
from eurus_core.formats.pairs import refuse_equal
from eurus_core.parts.contracts import Format, RowKeys
from eurus_core.records import TASKS, FragmentTurn, Problem, Task, TreeFragment, Verdict, task_named

RIGHT, WRONG = Verdict("correct", rule="published"), Verdict("incorrect", rule="published")

_COMMON = 'UltraInteract rows hold "id", "parent_id", "task", "dataset"'
_TOOLS = {"[1] Python interpreter": "python", "wikipedia_search(query: str)": "wikipedia_search"}
_KEYS = {
    "id": "a hash, or one with the tree's depth and the turn behind it: hash_5_1",
    "parent_id": "the tree's name; rows that share it make one tree",
    "task": f"one of {', '.join(TASKS)}",
    "dataset": "where the instruction comes from",
}
_EXAMPLE = {"id": "3f2a_5_1", "parent_id": "3f2a", "task": "Math_CoT", "dataset": "gsm8k"}


class UltraInteractPairs(Format):
    """A trajectory that ends on a user turn, and two actions after it: the last action's text only."""

    keys: ClassVar = (frozenset({"id", "parent_id", "trajectory", "chosen", "rejected"}),)
    row_keys: ClassVar = (
        RowKeys(
            {
                **_KEYS,
                "trajectory": "what was said: a list of messages with from and value that ends on the user's",
                "chosen": "the correct action after it: text",
                "rejected": "the incorrect one",
            },
            example={
                **_EXAMPLE,
                "trajectory": [{"from": "user", "value": "Is 7 odd?"}],
                "chosen": "Yes.",
                "rejected": "No.",
            },
        ),
    )
    source: ClassVar = "UltraInteract"
    needed: ClassVar = f'{_COMMON}, "trajectory", "chosen" and "rejected".'

    def fragments(self, row: Row, source: str) -> Iterator[TreeFragment]:
        opening, history = chat(row, messages(row, "trajectory"), source)
        chosen, rejected = row.text("chosen", self.needed), row.text("rejected", self.needed)
        refuse_equal(row, chosen, rejected)
        problem = _problem(row, opening.instruction, source, self.needed)
        yield TreeFragment(
            problem, history, (FragmentTurn(chosen, RIGHT), FragmentTurn(rejected, WRONG)), ((0, 1, 1.0),)
        )


class UltraInteractActions(Format):
    """A correct action after its instruction; histories were dropped, or are part of the instruction."""

    keys: ClassVar = (frozenset({"id", "parent_id", "instruction", "response"}),)
    row_keys: ClassVar = (
        RowKeys(
            {
                **_KEYS,
                "instruction": "text, attempts before the action in it where there were any",
                "response": "a correct action",
            },
            example={**_EXAMPLE, "instruction": "Is 7 odd?", "response": "Yes."},
        ),
    )
    source: ClassVar = "UltraInteract"
    needed: ClassVar = f'{_COMMON}, "instruction" and "response".'

    def fragments(self, row: Row, source: str) -> Iterator[TreeFragment]:
        problem = _problem(row, row.text("instruction", self.needed), source, self.needed)
        yield TreeFragment(problem, (), (FragmentTurn(row.text("response", self.needed), RIGHT),))


def _problem(row: Row, instruction: str, source: str, needed: str) -> Problem:
    row_id = row.text("id", needed)
    depth, turn = re.fullmatch(r".*?(?:_(\d+)_(\d+))?", row_id, re.DOTALL).groups()  # type: ignore[union-attr] # matches all
    if depth is not None and not 1 <= int(turn) <= int(depth):
        raise row.error(
            f'"id" ends in _{depth}_{turn}', "It is a hash, the depth of the tree and the turn, which is not deeper."
        )
    return Problem(
        id=row.text("parent_id", needed),
        task=_task(row, needed),
        dataset=row.text("dataset", needed),
        instruction=instruction,
        tools=tuple(tool for mark, tool in _TOOLS.items() if mark in instruction[:400]),
        labels={"source": source},  # "dataset" is where the instruction comes from
        prompted=True,
    )


def _task(row: Row, needed: str) -> Task:
    named = row.text("task", needed)
    task = task_named(named)
    if task is None:
        raise row.error(f'"task" is {named!r}', f"Tasks are {', '.join(TASKS)}.")
    return task
