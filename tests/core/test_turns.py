"""Reading an action and what it answers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.episode.step import example
from eurus_core.records import Observation, Problem, Reference
from eurus_core.records.turns import NO_OUTPUT, parse, printed
from eurus_core.replies.spoken import spoken


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
        (r"so \boxed{1} it is", None),
        ("Answer: 42", None),
        ("<solution>1</solution> no, wait <solution> 2 apples </solution>", "2 apples"),
        ("<solution>cut", "cut"),
    ],
)
def test_a_solution_is_what_stands_in_its_tag_and_nothing_else(text, solution):
    assert parse(text).solution == solution


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (Observation("Out: 42"), "42"),
        (Observation("a\nOut: 42\n\n"), "42"),
        (Observation("41\n42"), "42"),
        (Observation("boom", status="error"), None),
        (Observation(NO_OUTPUT), None),
        (Observation(""), None),
    ],
)
def test_code_answers_by_its_last_line_of_output(observation, expected):
    assert printed(observation) == expected


THOUGHTS = [
    "<think>{}</think>",
    "{}</think>",  # the prompt opened it
    "<think>{}</think>\n<think>again</think>",
    "<thinking>{}</thinking>",
    "[THINK]{}[/THINK]",
    "<seed:think>{}</seed:think>",
    "◁think▷{}◁/think▷",
    "<|channel>thought\n{}<channel|>",
    "<|START_THINKING|>{}<|END_THINKING|><|START_RESPONSE|>",
    "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
    "analysis{}assistantfinal",
    "<longcat_think>{}</longcat_think>",
    "<reasoning>{}</reasoning>",
]


@pytest.mark.parametrize("thought", THOUGHTS)
def test_what_a_model_thinks_is_neither_code_nor_solution(thought):
    inside = "Try.\n```python\nprint(1)\n```\n<solution>1</solution>"
    assert spoken(thought.format(inside) + "It is 2.").strip() == "It is 2."
    action = parse(thought.format(inside) + "So.\n```python\nprint(2)\n```\n<solution>2</solution>")
    assert (action.code, action.solution) == (("print(2)",), "2")


def test_an_action_ends_the_papers_thought_that_was_not_closed_and_a_draft_within_a_closed_one_is_none():
    action = parse("<thought>Add.\n<execute>\nprint(2)\n</execute>\n<solution>2</solution>")
    assert (action.code, action.solution) == (("print(2)",), "2")
    drafted = parse("<thought>Perhaps <execute>print(3)</execute>?</thought><execute>print(2)</execute>")
    assert drafted.code == ("print(2)",)


@pytest.mark.parametrize("thought", ["<think>{}", "[THINK]{}", "◁think▷{}", "<|channel|>analysis<|message|>{}"])
def test_a_thought_that_never_ends_leaves_nothing_said(thought):
    assert spoken(thought.format("The answer is 3.\n```python\nprint(3)\n```")).strip() == ""


@pytest.mark.parametrize(
    "token",
    ["</s>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<end_of_turn>", "<｜end▁of▁sentence｜>", "<|im_end|>\nuser"],
)
def test_a_template_s_token_ends_what_is_said(token):
    assert spoken(f"It is 2.{token}") == "It is 2."


@pytest.mark.parametrize("text", ["I think 2 < 3", "[1, 2]", r"\[ x \]", "a <b> c", "my assistant thought so"])
def test_other_text_is_said_as_it_stands(text):
    assert spoken(text) == text


@given(st.text(st.characters()))
def test_any_text_is_an_action(text):
    assert parse(text).text == text


def test_a_reply_of_empty_lines_is_parsed_in_time_that_grows_with_it() -> None:
    started = time.process_time()
    assert parse("\n" * 200_000 + "x").solution is None
    assert spoken("<think>" * 50_000) == ""
    assert spoken("<thin" * 50_000 + "[TH" * 50_000) == "<thin" * 50_000 + "[TH" * 50_000
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
