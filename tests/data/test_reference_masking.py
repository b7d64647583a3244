"""Masking: the answer is gone by value, and what leads to it stays."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_data.assist import NoReference, masked, reveals
from eurus_data.sources import MATH

REALDATA = Path(os.environ.get("EURUS_REALDATA", Path(__file__).parents[2].parent / "shared" / "data"))


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("48/2 = 24 clips", "24", "48/2 = [masked] clips"),
        ("So 1,000 or 1000.0 or one thousand.", "1000", "So [masked] or [masked] or [masked]."),
        ("twenty-four, 124, 24.5", "24", "[masked], 124, 24.5"),
        ("x = -4", "-4", "x = -[masked]"),
        ("half is \\frac{1}{2} or 1/2 or 0.5 or 50%", "0.5", "half is [masked] or [masked] or [masked] or [masked]"),
        ("thus \\boxed{x^2 + 1}", "x^2+1", "thus \\boxed{[masked]}"),
        ("The point \\left( 3, \\frac{\\pi}{2} \\right).", "(3,\\frac{\\pi}{2})", "The point [masked]."),
        ("A cat, option A.", "A", "[masked] cat, option [masked]."),
        ("$72 in all", "$72", "$[masked] in all"),
        ("it weighs 5 kg", "5\\text{ kg}", "it weighs [masked] kg"),
    ],
)
def test_every_mention_is_masked(text, answer, expected):
    assert masked(text, answer) == expected
    assert not reveals(expected, answer)


def test_a_sentence_ending_in_the_answer_is_masked():
    assert masked("He has 7.", "7") == "He has [masked]."


def test_the_check_sees_an_answer_that_is_there():
    assert reveals("It is two hundred and five.", "205")
    assert not reveals("It is 2050.", "205")


@given(st.integers(0, 10**7), st.text(max_size=40), st.text(max_size=40))
def test_a_number_never_survives_or_the_text_is_refused(answer, before, after):
    try:
        text = masked(f"{before} {answer:,} {after} {answer}", str(answer))
    except NoReference:
        return
    assert not reveals(text, str(answer))


@pytest.mark.realdata
@pytest.mark.skipif(not REALDATA.is_dir(), reason="no public data here")
def test_published_rationales_can_be_masked(part_of_gsm8k):
    path = REALDATA / "math" / "math500.jsonl.gz"
    problems = [*part_of_gsm8k.problems("train"), *MATH(path=path, test_path=path).problems("test")]
    texts = [masked(problem.reference.rationale, problem.reference.answer) for problem in problems]
    without = [text for text in texts if "[masked]" not in text]
    assert len(without) <= len(texts) / 100  # one in a hundred never writes its answer, or writes another one
