"""Which program in a reply the tests judge."""

from __future__ import annotations

import time

import pytest

from eurus_core.records import Action
from eurus_core.records.turns import parse, program


def fenced(*codes: str) -> str:
    return "\n\nThen:\n\n".join(f"```python\n{code}\n```" for code in codes)


def chosen(text: str, names: tuple[str, ...] | None = ("area",)) -> str | None:
    return program(parse(text), names)


AREA = "def area(r):\n    return 3 * r"
DRAFT = "def area(r):\n    return r"
MAIN = "n = int(input())\nprint(3 * n)"


@pytest.mark.parametrize(
    "text",
    [
        AREA,
        f"Sure, here it is:\n\n{AREA}\n\nThis returns three times the radius.",
        f"{AREA}\n```\nExplanation: it multiplies.",
        f"[BEGIN]\n{AREA}\n[DONE]",
        f"[PYTHON]\n{AREA}\n[/PYTHON]\nIt multiplies.",
        f"<solution>\n{AREA}\n</solution>",
        f"<answer>\n```python\n{AREA}\n```\n</answer>",
        f"<execute>\n{AREA}\n</execute>",
        f"<think>def area(r): return 0</think>\n{AREA}",
        f"{AREA}<|endoftext|>",
        f"{AREA}\n<|im_end|>\n<|im_start|>user\nThanks",
        f"```\n{AREA}\n```</s>",
        f"{AREA}\n\n**Explanation**\n\n- it multiplies\n- by three",
        f"{AREA}\n\n1. It multiplies by three.",
        f"{AREA}\n\nDies liefert das Dreifache zurück.",
        f"{AREA}\n\n这个函数返回三倍。",
        fenced(DRAFT, AREA),
        fenced(AREA, "assert area(2) == 6\nassert area(0) == 0"),
        fenced(AREA, "print(area(2))"),
        fenced(AREA, "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(area(1), 3)"),
        fenced(AREA, "def test_area():\n    assert area(2) == 6\n\ntest_area()"),
        fenced(AREA, "from solution import area\nprint(area(2))"),
        f"{fenced(AREA)}\n\nOutput:\n\n```\n6\n```",
        f"{fenced(AREA)}\n\n```python\n>>> area(2)\n6\n```",
        f"{fenced(AREA)}\n\nUsage:\n```bash\npython area.py\n```",
        f"<execute>\n{DRAFT}\n</execute>\n<solution>\n{AREA}\n</solution>",
        f"{AREA}\n[DONE]\n\nYou are an expert.",  # the prompt ended with [BEGIN]
        f"{AREA}\n[/PYTHON]",
        f"{AREA}\n</code>",
        f"{AREA}<|endofcode|>",
        f"{AREA}\n\nDone",
        f"{AREA}\n\nNote: important",
        "Here it is:\n\n    def area(r):\n        return 3 * r\n\nIt multiplies.",
        "    def area(r):\n        return 3 * r",
    ],
)
def test_the_last_complete_program_is_judged_and_nothing_around_it(text: str) -> None:
    assert chosen(text) == AREA


def test_a_block_brings_the_earlier_ones_that_it_needs() -> None:
    helper = "import math\n\ndef triple(x):\n    return 3 * math.floor(x)"
    last = "def area(r):\n    return triple(r)"
    assert chosen(fenced("x = 1", helper, last, "print(area(1))")) == f"{helper}\n\n{last}"


def test_each_name_that_the_tests_call_is_looked_for() -> None:
    back = "def radius(a):\n    return a / 3"
    assert chosen(fenced(AREA, back), ("area", "radius")) == f"{AREA}\n\n{back}"
    assert chosen(fenced(AREA, back)) == AREA


def test_a_program_that_defines_something_else_is_judged_as_it_is() -> None:
    assert chosen(fenced("def surface(r):\n    return 3 * r")) == "def surface(r):\n    return 3 * r"


@pytest.mark.parametrize(
    "text",
    [
        MAIN,
        f"The program:\n{MAIN}\nIt reads a number and prints it.",
        fenced(MAIN),
        fenced("n = 5\nprint(3 * n)", MAIN),
        fenced(MAIN, "print(3 * 5)"),
        fenced(MAIN, "assert 3 * 5 == 15"),
        f"{fenced(MAIN)}\n```\n15\n```",
    ],
)
def test_a_program_judged_by_what_it_prints_is_the_last_that_reads_and_prints(text: str) -> None:
    assert chosen(text, None) == MAIN


def test_a_program_in_parts_is_put_together() -> None:
    assert chosen(fenced("n = int(input())", "print(3 * n)"), None) == "n = int(input())\n\nprint(3 * n)"
    solve = "def solve():\n    print(3 * int(input()))"
    assert chosen(fenced(solve, "solve()"), None) == f"{solve}\n\nsolve()"
    called = f"{AREA}\n\nprint(area(int(input())))"
    assert chosen(fenced(AREA, "print(area(int(input())))"), None) == called


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 4.",
        "",
        "def",
        "4",
        "Let x = 5. Then f(x) = 10.",
        "```cpp\nint main() {}\n```",
        "from this it follows that\nif x is even then\nfor all y",
        "<think>\n" + AREA,  # it never came to an answer
        "def area(r):\n    return (3 * r\nprint(area(2))",  # broken, or cut: nobody can say where it ends
        "```python\ndef area(r):\n    return (3 *",
    ],
)
def test_what_holds_no_readable_program_is_unparsed(text: str) -> None:
    assert chosen(text) is None


def test_a_broken_program_in_a_closed_fence_is_the_programs_own_fault() -> None:
    assert chosen(fenced("def area(r)\n    return 3")) == "def area(r)\n    return 3"


def test_an_action_that_was_not_read_from_a_reply_is_its_cells() -> None:
    assert program(Action("", code=("x = 1", "print(x)"))) == "x = 1\n\nprint(x)"


HOSTILE = [
    "for x in the set\n" * 20_000,
    "x = (\n" * 20_000,
    "if a: pass\nelif b: pass\n" + "elif c: pass\n" * 20_000,
    "[BEGIN]" * 20_000,
    "a, " * 60_000,
    "def f(): pass\nThis is it.\n" * 10_000,
    "(" * 100_000,
    fenced(*["import os\nx = os"] * 3_000),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("names", [None, ("area",)])
def test_hostile_text_is_searched_in_bounded_time(text: str, names: tuple[str, ...] | None) -> None:
    started = time.process_time()
    chosen(text, names)
    assert time.process_time() - started < 10
