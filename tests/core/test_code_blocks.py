"""Blocks of code, however a reply fences them."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.episode.step import judge
from eurus_core.records import Problem, Reply, Request, Sampling, Verdict
from eurus_core.records.turns import parse
from eurus_core.replies.code_blocks import blocks, ends_open, is_program

CODE = "def area(r):\n    return 3 * r"


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{CODE}\n```",
        f"```Python\n{CODE}\n```",
        f"```python3\n{CODE}\n```",
        f"```py\n{CODE}\n```",
        f"```py3\n{CODE}\n```",
        f"```python3.11\n{CODE}\n```",
        f"``` python\n{CODE}\n```",
        f"```{{python}}\n{CODE}\n```",
        f"```{{.python .numberLines}}\n{CODE}\n```",
        f'```python title="area.py" linenums="1"\n{CODE}\n```',
        f"```python:area.py\n{CODE}\n```",
        f"```area.py\n{CODE}\n```",
        f'```title="area.py"\n{CODE}\n```',
        f"```\n{CODE}\n```",
        f"~~~python\n{CODE}\n~~~",
        f"~~~~ py\n{CODE}\n~~~~~~",
        f"````python\n{CODE}\n````",
        f"````markdown\nThe code:\n```python\n{CODE}\n```\n````",
        f"```python\r\n{CODE}\r\n```\r\n".replace("(r)", "(r)").replace("\n    ", "\r\n    "),
        f"Here you are: ```python\n{CODE}\n```",
        f"```python\n{CODE}\n``` as you asked.",
        f"```python\n{CODE}```\nDone.",
        "```python\n" + CODE,
        "1. First:\n\n   ```python\n   def area(r):\n       return 3 * r\n   ```\n2. Then.",
        "Quoted:\n> ```python\n> def area(r):\n>     return 3 * r\n> ```\nSo.",
        "- ```python\n  def area(r):\n      return 3 * r\n  ```",
        "```python\n    def area(r):\n        return 3 * r\n```",
        "```python def area(r):\n    return 3 * r\n```",
        f"```bash\npip install x\n```\n```python\n{CODE}\n```\n```text\n3\n```",
        f"```python\n{CODE}\n```\n```\n6\n```",
        f"<execute>\n{CODE}\n</execute>",
        f"<execute>```python\n{CODE}\n```</execute>",
        f"```python\n{CODE}\n```<|im_end|>",
        f"```python\n{CODE}\n```</s>",
        f"<think>```python\n1 / 0\n```</think>```python\n{CODE}\n```",
    ],
)
def test_a_fence_is_read_however_it_is_written(text: str) -> None:
    assert parse(text).code == (CODE,)


def test_a_block_may_begin_and_end_on_one_line() -> None:
    assert parse("```python print(1 + 1)```").code == ("print(1 + 1)",)
    assert parse("so ```x = 5``` is").code == ()


def test_a_fence_within_a_string_belongs_to_the_string() -> None:
    code = 'def page():\n    return """\n```\nmade of\n```\n"""\n\nprint(page())'
    assert parse(f"```python\n{code}\n```\nIt prints a fence.").code == (code,)
    assert parse(f"````python\n{code}\n````").code == (code,)
    inline = "print('```')\nprint(\"a ``` b\")"
    assert parse(f"```python\n{inline}\n```").code == (inline,)


def test_a_string_that_is_never_closed_takes_no_other_block_with_it() -> None:
    assert parse('```python\nx = """\n```\nThen:\n```python\ny = 2\n```').code == ('x = """', "y = 2")


def test_a_block_that_was_not_closed_ends_where_the_next_begins() -> None:
    assert parse("```python\nx = 1\n```python\ny = 2\n```").code == ("x = 1", "y = 2")
    assert parse("```python\nx = 1\n```bash\nls\n```").code == ("x = 1",)


@pytest.mark.parametrize(
    "text",
    [
        "```\nOut: 3\n```",
        "```json\n{}\n```",
        "```\n42\n```",
        "```\nx = 5\n```",
        "```\nsin(x)\n```",
        "```cpp\nint main() {}\n```",
        "no fence: print(1)",
    ],
)
def test_answers_and_outputs_in_fences_are_no_cells(text: str) -> None:
    assert parse(text).code == ()


def test_a_bare_block_beside_a_labelled_one_is_no_cell() -> None:
    assert parse("```python\nx = 1\n```\nprints\n```\nprint('shown')\n```").code == ("x = 1",)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("```python\nx = 1", True),
        ("```python\nx = 1\n```", False),
        ("~~~python\nx", True),
        ("```\na\n```\n```\nb", True),
        ("````\n```\n````", False),
        ("", False),
    ],
)
def test_a_text_that_ends_within_a_block_is_known(text: str, is_open: bool) -> None:
    assert ends_open(text) is is_open


def test_what_does_or_defines_something_is_a_program_and_mathematics_is_none() -> None:
    assert all(map(is_program, ["print(1)", "def f(): pass", "import os", "for i in []: pass", "f = lambda x: x"]))
    assert not any(map(is_program, ["42", "x = 5", "f(2) == 4", "The answer", "", "1 +", "Paris"]))


@given(st.text(st.sampled_from("`~p\n \"'a>-") | st.characters()))
def test_any_text_has_blocks_that_stand_in_it(text: str) -> None:
    for block in blocks(text):
        assert all(line.strip("`~ \t\r") in text.replace("\r", "\n") for line in block.code.split("\n"))


HOSTILE = [
    "```\n" * 20_000,
    "```python\n" * 20_000,
    '```python\n"""\n' * 10_000,
    "```python\n\"\"\"\n```\n'''\n" * 5_000,
    "x = 1 ```\n" * 20_000,
    "`" * 200_000,
    "> ```\n" * 20_000,
    " " * 200_000 + "```",
    "- " * 100_000,
    "```python\n" + "x\n" * 20_000,
    "~~~\n```\n" * 10_000,
    "<execute>" * 20_000,
    "```\n" + "print(1)\n```\n" * 20_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_read_in_time_that_grows_with_it(text: str) -> None:
    started = time.process_time()
    parse(text)
    ends_open(text)
    assert time.process_time() - started < 5


class _Never:
    async def grade(self, *_: object) -> Verdict:
        return Verdict("incorrect")


@pytest.mark.parametrize("text", ["~~~python\nx = (", "```python3\nx = (", "````py\n```"])
def test_a_program_that_our_cap_cut_is_nobodys_mistake_whatever_its_fence(text: str) -> None:
    request = Request((), Sampling(), 0, Problem("p", "Coding", "d", "Do it."))
    _, _, verdict = asyncio.run(judge(Reply(text, finish="length"), request, None, _Never(), name="actor"))
    assert verdict.outcome == "limit"
