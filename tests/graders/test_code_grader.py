"""The code grader: programs in actions, tests in references."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from eurus_core.errors import InputError
from eurus_core.records import Action, Problem, Reference, Verdict
from eurus_core.records.turns import parse
from eurus_graders import CodeGrader

GRADER = CodeGrader(preload=())
DOUBLE = Reference(stdio=(("2", "4"), ("5", "10")), asserts=("assert double(4) == 8",))


def judged(*texts: str, reference: Reference = DOUBLE, grader: CodeGrader = GRADER) -> list[Verdict]:
    problem = Problem("p", "Coding", "test", "Double it.", reference)

    async def judge() -> list[Verdict]:
        async with grader.open() as grading:
            return list(await asyncio.gather(*(grading.grade(problem, parse(text), None) for text in texts)))

    return asyncio.run(judge())


def fenced(*cells: str) -> str:
    return "Step 1: think.\n" + "\n".join(f"```python\n{cell}\n```" for cell in cells)


def test_a_program_is_right_where_it_passes_every_test_of_both_kinds() -> None:
    double = "def double(x):\n    return 2 * x"
    main = "if __name__ == '__main__':\n    print(double(int(input())))"
    right, in_two_cells, wrong_output, no_function, prose = judged(
        fenced(f"{double}\n{main}"),
        fenced(double, main),
        fenced(f"{double.replace('2', '3')}\n{main}"),
        fenced("if __name__ == '__main__':\n    print(2 * int(input()))"),
        "The answer is 4.",
    )
    assert right.correct
    assert in_two_cells.correct
    assert (wrong_output.outcome, wrong_output.rule) == ("incorrect", "stdout")
    assert wrong_output.why == "test 1 of 2: line 1 is '6', expected '4'"
    assert (no_function.outcome, no_function.rule) == ("incorrect", "error")
    assert (prose.outcome, prose.rule) == ("unparsed", "no code")


def test_numbers_may_differ_by_the_tolerance() -> None:
    reference = Reference(stdio=(("", "0.3333333 1"),))
    text = fenced("print(1 / 3, 1.0)")
    assert judged(text, reference=reference)[0].outcome == "incorrect"
    assert judged(text, reference=reference, grader=CodeGrader(preload=(), tolerance=1e-6))[0].correct


def test_one_verdict_needs_no_opening() -> None:
    problem = Problem("p", "Coding", "test", "Print 1.", Reference(stdio=(("", "1"),)))
    assert judged("```python\nprint(1)\n```", reference=problem.reference)[0].correct


def test_a_problem_without_tests_is_refused() -> None:
    with pytest.raises(InputError, match="no tests. The code grader needs"):
        judged("x", reference=Reference(answer="4"))


def test_programs_that_differ_in_layout_alone_have_one_key() -> None:
    one = GRADER.key(fenced('def f(x):\n    """Double."""\n    return 2*x  # twice'))
    assert one == GRADER.key("def f( x ):\n\n    return (2 * x)")
    assert one != GRADER.key("def f(x):\n    return 3 * x")
    assert GRADER.key("def f(:") == GRADER.key(" def f(: ")
    assert hash(GRADER.key("-" * 100_000)) == hash(GRADER.key("-" * 100_000))


@pytest.mark.realdata
def test_apps_programs_are_judged_as_labelled(realdata: Path) -> None:
    place = realdata / "taco_apps" / "apps_train" / "0001"
    tests = json.loads((place / "input_output.json").read_text())
    rows = json.loads((place / "gen_solutions.json").read_text())
    reference = Reference(stdio=tuple(zip(tests["inputs"], tests["outputs"], strict=True)))
    verdicts = judged(*(fenced(row["code"]) for row in rows), reference=reference)
    assert [verdict.correct for verdict in verdicts] == [row["result"] is True for row in rows]


@pytest.mark.realdata
def test_humaneval_solutions_pass_and_their_tests_are_decided_outside(realdata: Path) -> None:
    with gzip.open(realdata / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::16]

    async def judge() -> list[Verdict]:
        async with GRADER.open() as grading:
            found = []
            for row in rows:
                reference = Reference(asserts=(f"{row['test']}\ncheck({row['entry_point']})",))
                problem = Problem(row["task_id"], "Coding", "HumanEval", row["prompt"], reference)
                action = Action(text="", code=(row["prompt"] + row["canonical_solution"],))
                found.append(await grading.grade(problem, action, None))
            return found

    assert all(verdict.correct and verdict.trusted for verdict in asyncio.run(judge()))


def test_tests_that_assert_nothing_are_refused_before_a_program_is_run() -> None:
    with pytest.raises(InputError, match="the tests assert nothing"):
        GRADER.check(Problem("p", "Coding", "test", "Double it.", Reference(asserts=("pass",))))
    with pytest.raises(InputError, match="test 1 is no Python"):
        GRADER.check(Problem("p", "Coding", "test", "Double it.", Reference(asserts=("assert (",))))
    GRADER.check(Problem("p", "Coding", "test", "Double it.", DOUBLE))


def test_a_program_without_a_fence_or_with_its_own_tests_beside_it_is_judged() -> None:
    reference = Reference(asserts=("assert double(4) == 8",))
    double = "def double(x):\n    return 2 * x"
    verdicts = judged(
        f"Here it is:\n\n{double}\n\nIt doubles the number.",
        fenced("def double(x):\n    return x", double, "assert double(1) == 3"),
        f"<think>{fenced('1 / 0')}</think>\n~~~py3\n{double}\n~~~<|im_end|>",
        f"```python\n{double}\n\ndef (",
        reference=reference,
    )
    assert [one.outcome for one in verdicts] == ["correct", "correct", "correct", "unparsed"]


def test_humaneval_s_check_is_called_with_what_the_instruction_leaves_to_be_written() -> None:
    check = Reference(asserts=("def check(candidate):\n    assert candidate(4) == 8\n",))
    problem = Problem("p", "Coding", "test", 'def double(x):\n    """Double."""\n', check)
    text = fenced(
        "def double(x):\n    return twice(x)\n\ndef twice(x):\n    return 2 * x\n\ndef spare(x):\n    return x"
    )

    async def judge() -> Verdict:
        async with GRADER.open() as grading:
            return await grading.grade(problem, parse(text), None)

    assert asyncio.run(judge()).correct
