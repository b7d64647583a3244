"""The choice grader: what counts as a pick, and what is refused."""

import pytest

from eurus_core.records import Observation, Problem, Reference, turns
from eurus_core.testing import judged
from eurus_graders import ChoiceGrader, grade
from eurus_graders.options import options

GRADER = ChoiceGrader()
QUESTION = "What is the capital of France?\n(A) London\n(B) Paris\n(C) Rome\n(D) New London"


@pytest.mark.parametrize(
    "prediction",
    [
        "B",
        "b",
        "(B)",
        "(b)",
        "[B]",
        "B.",
        "B)",
        "b)",
        "**B**",
        "**(B)**",
        "$B$",
        r"\boxed{B}",
        r"\boxed{\text{(B)}}",
        r"$\boxed{\textbf{(B)}\ Paris}$",
        "B. Paris",
        "(B) Paris",
        "B: Paris",
        "B - Paris",
        "B ) Paris",
        "Option B",
        "option (b)",
        "Answer: B",
        "Answer: (B)",
        "answer: b",
        "Answer: B. Paris",
        "**Answer:** B",
        "**Answer: B**",
        "The answer is B",
        "The answer is B.",
        "the answer is (b).",
        "The answer is (B) because London is in England.",
        "The answer is B because (A) is in England.",
        "The answer is B, because it is.",
        "The correct option is B.",
        "The correct answer is: B",
        "I would choose (B).",
        "So I pick B.",
        "(B) is correct.",
        "B is the correct answer.",
        "Therefore, option B is correct.",
        "At first the answer is A. No: the answer is B.",
        "We compare the two.\nLondon is in England.\n(B)",
        "It follows.\n\nB. Paris",
        "My final answer is **B**",
        "Final Answer: \\(B\\)",
        "The answer is \\text{B}.",
        "<thought> hm </thought>\n<solution> B </solution>",
        "Ａnswer: B".replace("Ａ", "A"),
    ],
)
def test_a_pick_of_b_is_read(prediction: str) -> None:
    assert grade(prediction, "B", GRADER).correct, grade(prediction, "B", GRADER)
    assert grade(prediction, "(B)", GRADER).correct
    assert grade(prediction, "b", GRADER, QUESTION).correct
    assert not grade(prediction, "A", GRADER).correct
    assert not grade(prediction, "C", GRADER, QUESTION).correct


@pytest.mark.parametrize(
    "prediction",
    [
        "",
        " ",
        "A and B",
        "A, B",
        "B or C",
        "(A) (B)",
        "(B) or (C)",
        "A/B",
        "either A or B",
        "Both A and B",
        "The answer is A or B.",
        "The answer is either (B) or (C)",
        "The answer is not B",
        "The answer isn't (B)",
        "The answer choices are: (A) London (B) Paris",
        "none of the above",
        "Because",
        "Bob",
        "AB",
        "ABCD",
        "B+",
        "(B) London",
        "B. Rome",
        "I do not know.",
        "vitamin B",
        "(B) is wrong",
        "(B)?",
        "B is not the answer",
        "Plan B works",
        "The answer is a brilliant city",
        "The city lies north of (B)",
    ],
)
def test_what_picks_no_one_option_is_never_correct(prediction: str) -> None:
    for reference in ("B", "(B) Paris", "A"):
        assert not grade(prediction, reference, GRADER, QUESTION).correct, prediction


@pytest.mark.parametrize("prediction", ["A and B", "The answer is A or B.", "(B) London", "(A) (B)"])
def test_two_options_are_ambiguous_not_incorrect(prediction: str) -> None:
    assert (grade(prediction, "B", GRADER, QUESTION).outcome, grade(prediction, "B", GRADER, QUESTION).rule) == (
        "unparsed",
        "ambiguous",
    )


def test_an_option_s_text_stands_for_its_letter_and_never_as_a_part_of_another() -> None:
    assert grade("Paris", "B", GRADER, QUESTION).correct
    assert grade("The answer is Paris.", "B", GRADER, QUESTION).correct
    assert grade("paris", "(B) Paris", GRADER).correct
    assert grade("New London", "D", GRADER, QUESTION).correct
    assert grade("London", "D", GRADER, QUESTION).outcome == "incorrect"
    assert not grade("London, not Paris", "B", GRADER, QUESTION).correct


def test_a_letter_that_is_no_option_is_no_choice() -> None:
    assert grade("F", "B", GRADER, QUESTION).rule == "no choice"


def test_references_that_are_words_are_compared_as_words() -> None:
    assert grade("Answer: Yes", "yes", GRADER).correct
    assert not grade("Yesterday", "yes", GRADER).correct
    assert not grade("no", "yes", GRADER).correct


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Options: A ) 6 , B ) 121 , C ) 18107", {"A": "6", "B": "121", "C": "18107"}),
        ("Which?\nA. one\nB. two", {"A": "one", "B": "two"}),
        ("Which?\n(A) a cat (B) a dog\n\nThink.", {"A": "a cat", "B": "a dog"}),
        ("A. Smith asks: what is 1 + 1?", {}),
    ],
)
def test_options_are_read_from_the_question(question: str, found: dict[str, str]) -> None:
    assert options(question) == found


def test_votes_for_one_option_share_a_key() -> None:
    assert len({GRADER.key(text) for text in ("B", "(b)", "B. Paris", "The answer is B.")}) == 1
    assert GRADER.key("A") != GRADER.key("B")


def test_an_action_is_graded_by_its_statement_or_its_output() -> None:
    problem = Problem("p", "Logic", "test", QUESTION, Reference(answer="B"))
    assert judged(GRADER, problem, turns.parse("Step 1: think.\nAnswer: (B) Paris"), None).correct
    assert judged(GRADER, problem, turns.parse("So I choose B because of step 1."), None).correct
    assert judged(GRADER, problem, turns.parse("No idea at all."), None).outcome == "unparsed"
    assert judged(GRADER, problem, turns.parse("```python\n'B'\n```"), Observation("Out: 'B'")).correct
    assert (
        judged(GRADER, problem, turns.parse("So I choose B because of step 1."), None).parsed_prediction == "(B) Paris"
    )


@pytest.mark.timeout(120)  # what is quadratic in the run takes longer
@pytest.mark.parametrize("run", [" ", "\n", "*", "* ", "A ", "(A) "], ids=repr)
def test_a_long_run_of_one_thing_is_no_pick_and_ends(run):
    assert not grade(f"5{run * 40_000}x", "B", "choice").correct
