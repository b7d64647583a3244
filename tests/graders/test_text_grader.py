"""The text grader: published conventions by example, and where we keep what they drop."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.records import Problem, Reference, turns
from eurus_core.testing import judged
from eurus_graders import TextGrader, grade
from eurus_graders.values import Date, denotation, f1, normal, truth, value

EXACT, TABLES = TextGrader(), TextGrader(match="denotation")


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("the Chief of Protocol", "Chief of Protocol"),
        ("chief of protocol.", "Chief of Protocol"),
        ("Answer: Animorphs", "Animorphs"),
        ("The answer is Animorphs.", "Animorphs"),
        ("The answer is St. Louis.", "St. Louis"),
        ("The answer is J. K. Rowling. She wrote it.", "J. K. Rowling"),
        (r"\boxed{Animorphs}", "Animorphs"),
        ("**Animorphs**", "Animorphs"),
        ("3,677 seated", "3677 seated"),
        ("12,467", "12467"),
        ("2.50", "2.5"),
        ("June 10, 1920", "10 June 1920"),
        ("1920-06-10", "June 10, 1920"),
        ("Yes", "yes"),
        ("yes.", "True"),
        ("No, because it is too small.", "no"),
        ("Step 1: ...\nAnswer: no", "false"),
        ("Thus the answer is yes.", "yes"),
        ("Café", "café"),
        ("???", "???"),
    ],
)
def test_answers_that_say_the_same_are_correct(prediction: str, reference: str) -> None:
    found = grade(prediction, reference, EXACT)
    assert (found.outcome, found.score) == ("correct", 1.0), found


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("3.5", "35"),
        ("3.5 million", "35 million"),
        ("-5", "5"),
        ("-5 degrees", "5 degrees"),
        ("C", "C++"),
        ("C#", "C"),
        ("50%", "50"),
        ("New York City", "New York"),
        ("Paris or London", "Paris"),
        ("yes and no", "yes"),
        ("Yesterday", "yes"),
        ("not yes", "yes"),
        ("Yes. No.", "yes"),
        ("Yes. The answer is no.", "yes"),
        ("no", "yes"),
        ("", "yes"),
        ("", "Paris"),
        ("?!", "Paris"),
        ("June 11, 1920", "June 10, 1920"),
        ("the", "a"),
    ],
)
def test_answers_that_say_something_else_are_not(prediction: str, reference: str) -> None:
    assert not grade(prediction, reference, EXACT).correct
    assert not grade(prediction, reference, TABLES).correct


def test_f1_is_the_harmonic_mean_over_words() -> None:
    # 2 of 3 words found, 2 of 2 expected: precision 2/3, recall 1, F1 = 2 * 2 / (3 + 2)
    assert f1("New York City", "New York") == pytest.approx(0.8)
    assert grade("New York City", "New York", EXACT).score == pytest.approx(0.8)
    assert f1("", "") == 1.0
    assert f1("", "a word") == 0.0


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("Thailand|Bangkok", "Bangkok|Thailand"),
        ("['Bangkok', 'Thailand']", "Bangkok|Thailand"),
        ("{3, 4}", "4|3.0"),
        ("12467", "12,467"),
        ("2004.0", "2004"),
        ("Pelé", "Pele"),
        ("Roger Federer (SUI) [2]", "roger federer"),
        ('"Abbey Road"', "Abbey Road"),
        ("xx-06-10", "June 10"),
        ("Answer: Siim Ennemuist | Andri Aganits", "Andri Aganits|Siim Ennemuist"),
        (r"a\pb", r"a\pb"),
    ],
)
def test_denotations_are_sets_of_values(prediction: str, reference: str) -> None:
    assert grade(prediction, reference, TABLES).correct, grade(prediction, reference, TABLES)
    assert TABLES.key(prediction) == TABLES.key(reference)


def test_a_value_too_many_or_too_few_is_incorrect() -> None:
    assert not grade("Bangkok", "Bangkok|Thailand", TABLES).correct
    assert not grade("Bangkok|Thailand|Laos", "Bangkok|Thailand", TABLES).correct
    assert grade("Bangkok|Bangkok", "Bangkok", TABLES).correct  # a set, as in the official evaluator


def test_values_are_numbers_dates_or_nothing() -> None:
    assert value("$1,234.50") == Fraction(2469, 2)
    assert value("1e3") == 1000
    assert value("1920-06-xx") == Date(1920, 6, None)
    assert value("3rd of May 2001") == Date(2001, 5, 3)
    assert value("June 40, 1920") is None
    assert value("words 3") is None
    assert value("9" * 5000) is None
    assert denotation("1,2") == ("1,2",)
    assert truth("Yes!") is True
    assert truth("maybe") is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_comparing_is_total_and_symmetric(one: str, other: str) -> None:
    for grader in (EXACT, TABLES):
        forth, back = grader._compare(one.strip(), other.strip()), grader._compare(other.strip(), one.strip())
        if one.strip() and other.strip() and truth(one) is None and truth(other) is None:
            assert forth.correct == back.correct
        hash(grader.key(one))


@given(st.text(min_size=1, max_size=60).filter(str.strip))
def test_every_text_is_itself(text: str) -> None:
    assert grade(text, text, EXACT).correct
    assert grade(text, text, TABLES).correct
    assert normal(normal(text)) == normal(text)


def test_an_action_s_answer_is_graded_and_scored() -> None:
    problem = Problem("p", "Logic", "hotpotqa", "Who?", Reference(answer="New York"))
    verdict = judged(EXACT, problem, turns.parse("Step 1: look.\nAnswer: New York City"), None)
    assert (verdict.outcome, verdict.score) == ("incorrect", pytest.approx(0.8))
    assert judged(EXACT, problem, turns.parse("I have no idea"), None).outcome == "unparsed"
    assert EXACT.key("The answer is New York.") == EXACT.key("new york")


@pytest.mark.parametrize(
    "piece", ["\n", "\t\n", "[1]", " (a)", "# ", "+", "answer: ", "Answer:\n", "'", "yes ", "\\boxed{", "```python\n"]
)
def test_endless_text_is_read_in_time_that_grows_with_it(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    for tail in ("", "!x"):
        for grader in (EXACT, TABLES):
            assert not grade(text + tail, "Paris", grader).correct
            assert not grade(text + tail, "yes", grader).correct
    assert time.process_time() - started < 10  # it was minutes, or for ever
