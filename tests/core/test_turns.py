"""Reading an action and what it answers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.judging import example
from eurus_core.records import Action, Observation, Problem, Reference
from eurus_core.turns import NO_OUTPUT, answer, parse


def test_fences_hold_cells_and_what_stands_before_is_thought():
    action = parse("Step 1: add.\n```python\nx = 1 + 1\nx\n```\nThen\n```python\nx * 2\n```")
    assert action.code == ("x = 1 + 1\nx", "x * 2")
    assert action.thought == "Step 1: add."


def test_raw_tags_of_the_collection_are_read():
    action = parse("<thought>Add.</thought><execute>\nprint(2)\n</execute><solution> 2 </solution>")
    assert (action.thought, action.code, action.solution) == ("Add.", ("print(2)",), "2")


@pytest.mark.parametrize("text", ["```python\nx = 1", "```python\nx = 1\n", "<execute>x = 1"])
def test_a_fence_cut_at_a_stop_string_counts_as_closed(text):
    assert [cell.strip() for cell in parse(text).code] == ["x = 1"]


def test_other_fences_are_no_code():
    assert parse("```\nOut: 3\n```\n```json\n{}\n```").code == ()


@pytest.mark.parametrize(
    ("text", "solution"),
    [
        (r"so \boxed{1} or \boxed{\frac{1}{2}} it is", r"\frac{1}{2}"),
        (r"\boxed{never closed", None),
        ("Answer: 42", "42"),
        ("Answer: 1\nno, wait\nFinal answer: 2 apples", "2 apples"),
        ("The answer may be 3", None),
    ],
)
def test_a_solution_is_read_from_box_or_answer_line(text, solution):
    assert parse(text).solution == solution


RAN = Action("", code=("x",), solution="7")


@pytest.mark.parametrize(
    ("action", "observation", "expected"),
    [
        (RAN, Observation("Out: 42"), "42"),
        (RAN, Observation("a\nOut: 42\n\n"), "42"),
        (RAN, Observation("41\n42"), "42"),
        (RAN, Observation("boom", status="error"), None),
        (RAN, Observation(NO_OUTPUT), None),
        (RAN, Observation(""), None),
        (RAN, None, "7"),
        (Action("", solution="7"), None, "7"),
        (Action(""), None, None),
    ],
)
def test_what_ran_is_the_answer_and_a_guess_is_not(action, observation, expected):
    assert answer(action, observation) == expected


@given(st.text(st.characters()))
def test_any_text_is_an_action(text):
    assert parse(text).text == text


def test_a_reply_of_empty_lines_is_parsed_in_time_that_grows_with_it() -> None:
    started = time.process_time()
    assert parse("\n" * 200_000 + "x").solution is None
    assert parse("answer:" + "\n" * 200_000 + "7").solution == "7"
    assert time.process_time() - started < 5  # each line's indent once ran on over all the lines below it


@pytest.mark.parametrize(
    ("instruction", "given"),
    [
        ("Double.\n\n  1  5\n  7\n", "1 5\n7\n"),  # laid out otherwise than the test
        ("Double.\nInput: 15 7", None),
        ("Double.\nInput: 8", "8"),  # the second test's
    ],
)
def test_an_example_is_the_first_input_that_the_instruction_shows(instruction, given):
    tests = Reference(stdio=(("1 5\n7\n", "secret"), ("8", "secret")))
    assert example(Problem("p", "Coding", "d", instruction, tests)) == given
