"""The rules by which README blocks are compared, on lines made by hand."""

from __future__ import annotations

import pytest
from readme_blocks import Step, steps
from readme_rules import difference, matches


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("took 45 s", "took 2 min 05 s"),
        ("2/2 forests, 1.1 a second, took 3 s", "2/2 forests, 2.3 s each, took 7 s"),
        ("loss 1.386, accuracy 1", "loss 1.40, accuracy 1"),
        ("  ok   precision  products bfloat16 on cpu", "  ok  precision  products float32 on cpu"),
        ("error at tier T3", "error at tier T2"),
        ('"text": "Out: 42", "tier": "T3"', '"text": "Out: 42", "tier": "T2"'),
        ("(SHA-256 872be4...)", "(SHA-256 872be49d)"),
        ('"why": "", "seconds": 0.2', '"why": "", "seconds": 3.1e-05'),
    ],
)
def test_what_a_machine_decides_may_differ(shown, printed):
    assert matches(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("24 of 24 trees", "23 of 24 trees"),
        ("loss 1.386", "loss 2.9"),
        ("no difference found", "a difference found"),
        ("margin 0.38", "margin -0.38"),
        ("loss 1.386", "loss nan"),
    ],
)
def test_words_whole_numbers_and_the_size_of_a_measurement_may_not(shown, printed):
    assert not matches(shown, printed)


def test_a_line_of_dots_stands_for_any_lines_and_for_none():
    assert not difference(["a", "...", "z"], ["a", "b", "c", "z"])
    assert not difference(["a", "...", "z"], ["a", "z"])
    assert difference(["a", "...", "z"], ["a", "b"])
    assert difference(["a"], ["a", "b"])


def test_a_console_block_is_commands_and_what_they_print():
    text = "$ one --flag \\\n    more     # said\nprinted\n$ two | tail -1\n"
    assert steps(text) == [Step("one --flag more", ("printed",)), Step("two | tail -1", None)]


def test_a_block_of_commands_loses_its_remarks():
    assert steps("make demo     # SmolLM2\n\n# alone\nmake test") == [Step("make demo", None), Step("make test", None)]
