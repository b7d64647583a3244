"""Which of our files a record passes: a reply on its way into a tree, a problem file into a tree set, a tree into a step of training.

    python benchmarks/walk.py

A file counts where a function of it ran. A stay is a run of calls in one file before another file's function runs: many stays in
few files are a conversation, many files are a long way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from eurus_core import Context, Reference, Request
from eurus_core.episode.step import judge
from eurus_core.records import Message, Problem, Reply
from eurus_core.records.tree_set import TreeSet

PACKAGES = Path(__file__).resolve().parents[1] / "packages"


class Walk:
    """The files of ours that ran, in the order of their first call, and how often the way changed from one to another."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.stays = 0
        self._last = ""

    def seen(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(str(PACKAGES)):
            return
        file = frame.f_code.co_filename.partition("/src/")[2]
        if file != self._last:
            self._last = file
            self.stays += 1
            self.files[file] = self.files.get(file, 0) + 1

    def print(self, title: str) -> None:
        print(f"{title}: {len(self.files)} files, {self.stays} stays")
        for file in self.files:
            print(f"  {file}")


@contextlib.contextmanager
def walking(title: str) -> Iterator[None]:
    walk = Walk()
    threading.setprofile(walk.seen)
    sys.setprofile(walk.seen)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type] - the way to take it off
        walk.print(title)


def a_reply() -> None:
    """Judge one reply as growing and evaluation do, after a first one that has imported everything."""
    from eurus_graders import MathGrader

    problem = Problem("p", "Math_CoT", "walk", "What is 2 + 2?", Reference(answer="4"))
    request = Request((Message("user", "What is 2 + 2?"),), problem=problem)

    async def judged(text: str) -> None:
        async with MathGrader().open() as grader:
            await judge(Reply(text), request, None, grader, name="walk")

    asyncio.run(judged("Two and two make \\boxed{4}."))
    with walking("a reply to its verdict"):
        asyncio.run(judged("Three and one make \\boxed{\\frac{8}{2}}."))


def a_problem_file(folder: Path) -> Path:
    from eurus_data import Grow

    rows = folder / "rows.jsonl"
    row = {"instruction": "What is 2 + 2?", "answer": "4"}
    rows.write_text(json.dumps(row) + "\n", encoding="utf-8")
    stage = {
        "source": {"name": "jsonl", "path": str(rows), "task": "Math_CoT"},
        "problems": 1,
        "turns": 1,
        "actors": [
            {"backend": {"name": "scripted", "replies": ["It is \\boxed{4}.", "It is \\boxed{5}."]}, "samples": 2}
        ],
    }
    grow = Grow.model_validate(stage)
    (folder / "grow").mkdir()
    with walking("a problem file into a tree set"):
        grow.run(Context(folder / "grow", name="grow", seed=1))
    return folder / "grow" / "trees"


def a_tree(folder: Path, trees: Path) -> None:
    from eurus_train import Train

    assert len(TreeSet.open(trees)) == 1
    stage = {"model": "tiny", "objective": "sft", "trees": str(trees), "max_steps": 1, "learning_rate": 1e-4}
    train = Train.model_validate(stage)
    (folder / "train").mkdir()
    with walking("a tree into a step of training"):
        train.run(Context(folder / "train", name="train", seed=1))


def main() -> int:
    a_reply()
    with tempfile.TemporaryDirectory() as folder:
        trees = a_problem_file(Path(folder))
        a_tree(Path(folder), trees)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
