"""The reference actor: right when run, marked as assisted, varied by seed, in both schemas."""

import asyncio
import itertools
import os
from fractions import Fraction
from pathlib import Path

import pytest

from eurus_core.errors import InputError
from eurus_core.records import Message, Problem, Reference, Request
from eurus_core.records.turns import parse
from eurus_data.assist import NoReference, ReferenceBackend
from eurus_data.sources import MATH, Arithmetic
from eurus_graders import grade

REALDATA = Path(os.environ.get("EURUS_REALDATA", Path(__file__).parents[2].parent / "shared" / "data"))

APPLES = Problem(
    id="apples",
    task="Math_PoT",
    dataset="mine",
    instruction="Mia has 12 apples. She buys 7 more. How many apples does Mia have now?",
    reference=Reference(
        answer="19",
        rationale="Step 1: Mia has 12 apples.\nStep 2: Add 7: 12 + 7 = 19.",
        solutions=("apples = 12\ntotal = apples + 7  # Step 2: add 7\ntotal",),
    ),
    tools=("python",),
)
FIRST = (Message("user", "question"),)


def say(problem, *, seed=0, schema="cot", messages=FIRST, **settings):
    async def ask():
        async with ReferenceBackend(**settings).open() as actor:
            return await actor.generate(Request(messages, seed=seed, problem=problem, schema=schema))

    return asyncio.run(ask()).text


def shown(text):
    """Return what a notebook would echo for the action's one cell."""
    [cell] = parse(text).code
    *lines, last = cell.splitlines()
    names = {}
    exec("\n".join(lines), names)
    return eval(last, names)


@pytest.mark.parametrize("schema", ["cot", "modular", "none"])
def test_five_hundred_generated_problems_are_answered_right(schema):
    problems = itertools.islice(Arithmetic(levels=(1, 2, 3, 4, 5)).problems("train", seed=7), 500)
    for seed, problem in enumerate(problems):
        assert str(shown(say(problem, seed=seed, schema=schema))) == problem.reference.answer


@pytest.mark.realdata
@pytest.mark.parametrize("schema", ["cot", "modular"])
def test_gsm8k_is_answered_right(schema, part_of_gsm8k):
    for problem in part_of_gsm8k.problems("train"):
        text = say(problem, schema=schema)
        if problem.reference.solutions:
            assert Fraction(str(shown(text))) == Fraction(problem.reference.answer)
        else:
            assert grade(text, problem.reference.answer or "").correct


@pytest.mark.realdata
@pytest.mark.skipif(not REALDATA.is_dir(), reason="no public data here")
def test_math_solutions_are_given_in_steps_with_their_box():
    path = REALDATA / "math" / "math500.jsonl.gz"
    for problem in MATH(path=path, test_path=path).problems("test"):
        text = say(problem)
        assert text.startswith("Step 1: ")
        assert "\\boxed" in text


def test_chain_of_thought_is_a_step_in_words_and_flat_code_that_goes_on_counting():
    assert say(APPLES) in {
        f"Step 1: {plan}\n```python\napples = 12\ntotal = apples + 7  # Step 2: add 7\ntotal\n```"
        for plan in ("We add 7.", "The plan: add 7.", "First add 7.")
    }


def test_modular_is_a_function_of_the_given_amounts_and_its_call():
    [cell] = parse(say(APPLES, schema="modular")).code
    name = cell.partition("(")[0].removeprefix("def ")
    assert cell == f"def {name}(apples):\n    total = apples + 7  # Step 2: add 7\n    return total\n\n{name}(12)"


def test_a_program_that_is_no_plain_sequence_is_given_as_it_is():
    loop = "total = 0\nfor k in range(3):\n    total += k\nprint(total)"
    problem = Problem("loop", "Math_PoT", "mine", "?", Reference(answer="3", solutions=(loop,)))
    for schema in ("cot", "modular"):
        assert parse(say(problem, schema=schema)).code == (loop,)


def test_a_printed_result_becomes_the_value_of_the_function():
    problem = Problem("p", "Math_PoT", "mine", "?", Reference(answer="3", solutions=("a = 1\nb = a + 2\nprint(b)",)))
    assert shown(say(problem, schema="modular")) == 3


def test_the_seed_draws_the_phrasing_and_nothing_else_does():
    assert say(APPLES, seed=5) == say(APPLES, seed=5)
    assert len({say(APPLES, seed=seed) for seed in range(20)}) == 3
    assert len({say(APPLES, seed=seed, schema="modular") for seed in range(60)}) == 9


def test_without_plans_the_words_are_one_short_sentence():
    assert "add 7." not in say(APPLES, plan=False)


@pytest.mark.parametrize(
    ("feedback", "said"),
    [
        ("Out: 42\nYour answer is wrong.", "42"),
        ("some print\nOut: 17.5\nYour answer is wrong.\nLook at step 2.", "17.5"),
        ("NameError: name 'x' is not defined\nYour answer is wrong.", "NameError"),
        ("[Executed Successfully with No Output]\nYour answer is wrong.", "shown"),
        ("Your answer is wrong.", "wrong"),
    ],
)
def test_a_repair_opens_with_what_went_wrong(feedback, said):
    history = (*FIRST, Message("assistant", "x"), Message("user", feedback))
    for seed in range(12):
        opening, _, rest = say(APPLES, messages=history, seed=seed).partition("\n")
        assert said in opening.replace("showed no result", "shown")
        assert rest.startswith("Step 1: ")


def test_a_system_message_before_the_first_turn_is_no_repair():
    assert say(APPLES, messages=(Message("system", "Decompose."), *FIRST)).startswith("Step 1: ")


def test_chain_of_thought_tasks_get_the_rationale_and_a_box():
    problem = Problem("p", "Math_CoT", "mine", "?", APPLES.reference)
    text = say(problem)
    assert text.startswith("Step 1: Mia has 12 apples.\nStep 2: Add 7: 12 + 7 = 19.\n")
    assert grade(text, "19").rule == "same text (boxed)"
    assert not parse(text).code


def test_paragraphs_get_step_marks_and_figures_stay_whole():
    rationale = "Draw it.\n\n[asy]\ndraw((0,0));\n\ndot((1,1));\n[/asy]\n\nSo \\boxed{2}."
    problem = Problem("p", "Math_CoT", "math", "?", Reference(answer="2", rationale=rationale))
    assert say(problem) == (
        "Step 1: Draw it.\nStep 2: [asy]\ndraw((0,0));\n\ndot((1,1));\n[/asy]\nStep 3: So \\boxed{2}."
    )


@pytest.mark.parametrize("task", ["Math_PoT", "Math_CoT"])
def test_a_problem_without_ground_truth_raises_what_growing_catches(task):
    with pytest.raises(NoReference, match="problem bare has no reference") as caught:
        say(Problem("bare", task, "mine", "?", Reference(answer="3")))
    assert isinstance(caught.value, InputError)


def test_the_backend_says_that_it_assists():
    assert ReferenceBackend.assisted
    assert ReferenceBackend().actor == "reference"
