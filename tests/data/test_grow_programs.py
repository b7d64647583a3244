"""Growing on problems whose programs are judged by what they read and print: what the actor sees of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from eurus_core.errors import InputError
from eurus_core.parts.contracts import Backend, OpenBackend, Source, Split, refuse
from eurus_core.records import Node, Problem, Reference, Reply, Request
from eurus_core.records.pairs import history
from eurus_core.records.tree_set import TreeSet
from eurus_core.stages import Context
from eurus_data.grow import Grow, Rung
from eurus_graders import CodeGrader
from eurus_sandbox.tool import PythonTool

SHOWN = "Read two numbers and print their sum.\n\nInput\n3 4\n\nOutput\n7\n"
HIDDEN = "Read two numbers and print their sum."
TESTS = (("100 200\n", "300"), ("3 4\n", "7"))


class Adding(Source):
    instruction: str
    tests: tuple[tuple[str, str], ...] = TESTS

    def problems(
        self, split: Split, *, seed: int = 0, on_bad: Callable[[InputError], None] = refuse
    ) -> Iterator[Problem]:
        yield Problem("add", "Coding", "Adding", self.instruction, Reference(stdio=self.tests), ("python",))


class Script(Backend):
    """Writes one program a turn."""

    programs: tuple[str, ...]

    @property
    def actor(self) -> str:
        return "script"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenBackend]:
        yield self

    async def generate(self, request: Request) -> Reply:
        turn = sum(message.role == "assistant" for message in request.messages)
        return Reply(f"```python\n{self.programs[turn]}\n```")


@pytest.fixture
def grow(tmp_path: Path) -> Callable[..., list[Node]]:
    def grow(
        instruction: str, *programs: str, tests: tuple[tuple[str, str], ...] = TESTS, **settings: Any
    ) -> list[Node]:
        context = Context(tmp_path, seed=1)
        Grow(
            source=Adding(instruction=instruction, tests=tests),
            actors=(Rung(backend=Script(programs=programs), samples=1),),
            tool=PythonTool(preload=(), **settings),
            grader=CodeGrader(preload=(), **settings),
            problems=1,
            turns=len(programs),
        ).run(context)
        (tree,) = TreeSet.open(context.path("trees"))
        for node in tree:
            told = "\n".join(message.content for message in history(tree, node.id)[1:])
            assert "300" not in told  # what the hidden test wants
        return list(tree)

    return grow


def observed(node: Node) -> tuple[str, str]:
    assert node.observation is not None
    return node.observation.status, node.observation.text


def test_a_program_is_shown_on_the_example_of_the_instruction_as_it_will_be_judged(
    grow: Callable[..., list[Node]],
) -> None:
    wrong = "import sys\na, b = map(int, open(0).read().split())\nprint(a * b)\nsys.exit()"
    crash = "a, b = map(int, input().split())\nprint('adding')\nprint(total)"
    right = "def main():\n    print(sum(map(int, input().split())))\nif __name__ == '__main__':\n    main()"
    first, second, third = grow(SHOWN, wrong, crash, right)
    assert observed(first) == ("ok", "Input:\n3 4\n\nOutput:\n12")
    assert observed(second) == (
        "error",
        "Input:\n3 4\n\nOutput:\nadding\nNameError: name 'total' is not defined (line 3)",
    )
    assert observed(third) == ("ok", "Input:\n3 4\n\nOutput:\n7")
    assert [node.verdict.correct for node in (first, second, third)] == [False, False, True]
    assert first.critique is not None
    assert first.critique.text.startswith("Your program prints a wrong answer on test 1 of 2.")
    assert second.critique is not None
    assert "with NameError: name 'total' is not defined" in second.critique.text


def test_a_program_is_a_process_of_its_own_and_finds_nothing_of_the_turn_before(
    grow: Callable[..., list[Node]],
) -> None:
    first, second = grow(SHOWN, "total = sum(map(int, input().split()))", "print(total)")
    assert observed(first) == ("ok", "Input:\n3 4\n\nOutput:\n[Executed Successfully with No Output]")
    assert observed(second)[0] == "error"
    assert not second.verdict.correct


def test_the_input_of_a_hidden_test_is_not_told(grow: Callable[..., list[Node]]) -> None:
    (node,) = grow(HIDDEN, "a, b = map(int, input().split())\nprint(b - a)")
    assert observed(node) == ("ok", "Output for a hidden test:\n100")


def test_a_program_that_reads_nothing_is_shown_as_it_prints(grow: Callable[..., list[Node]]) -> None:
    (node,) = grow("Print 8.", "print(2 ** 3)", tests=(("", "8"),))
    assert observed(node) == ("ok", "8")


def test_a_program_that_does_not_end_is_shown_with_what_it_had_printed(grow: Callable[..., list[Node]]) -> None:
    (node,) = grow("Print 8.", "print(8, flush=True)\nwhile True: pass", tests=(("", "8"),), timeout_seconds=0.5)
    assert observed(node) == ("timeout", "8\n[Killed: ran past 0.5 s.]")


class Deriving(Source):
    def problems(
        self, split: Split, *, seed: int = 0, on_bad: Callable[[InputError], None] = refuse
    ) -> Iterator[Problem]:
        derives = "class Derived(Base):\n    pass\nassert Derived().value() == 4"  # a stub is no class to derive from
        yield Problem("p", "Coding", "Deriving", "Write Base.", Reference(asserts=(derives,)), ("python",))


def test_a_program_correct_by_its_own_word_leaves_the_ladder_to_be_climbed_and_is_counted(tmp_path: Path) -> None:
    program = "class Base:\n    def value(self):\n        return 4"
    context = Context(tmp_path, seed=1)
    ladder = (
        Rung(backend=Script(programs=(program,)), samples=1),
        Rung(backend=Script(programs=(f"{program}\n#",)), samples=1, when="needed"),
    )
    keys: dict[str, Any] = {"tool": PythonTool(preload=()), "grader": CodeGrader(preload=())}
    Grow(source=Deriving(), actors=ladder, problems=1, turns=1, **keys).run(context)
    (tree,) = TreeSet.open(context.path("trees"))
    assert [(node.verdict.outcome, node.verdict.trusted) for node in tree] == [("correct", False)] * 2
    figure = "correct actions that are no label, since their own code could have shaped the verdict"
    assert dict(context.report.figures)[figure] == 2


class Idle(Source):
    def problems(
        self, split: Split, *, seed: int = 0, on_bad: Callable[[InputError], None] = refuse
    ) -> Iterator[Problem]:
        yield Problem("idle", "Coding", "Idle", "Print 1.", Reference(asserts=("pass",)))
        yield Problem("sound", "Coding", "Idle", "Print 1.", Reference(stdio=(("", "1"),)))


def test_a_problem_whose_tests_assert_nothing_is_a_bad_row_before_anything_is_spent_on_it(tmp_path: Path) -> None:
    keys: dict[str, Any] = {"tool": None, "grader": CodeGrader(preload=()), "problems": 1, "turns": 1}
    actors = (Rung(backend=Script(programs=("print(1)",)), samples=1),)
    with pytest.raises(InputError, match="problem idle: the tests assert nothing"):
        Grow(source=Idle(), actors=actors, **keys).run(Context(tmp_path / "a", seed=1))
    context = Context(tmp_path / "b", seed=1)
    Grow(source=Idle(), actors=actors, skip_bad=True, **keys).run(context)
    (tree,) = TreeSet.open(context.path("trees"))
    assert tree.problem.id == "sound"
    assert tree.nodes[0].verdict.correct
