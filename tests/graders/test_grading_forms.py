"""Forms in which models write answers: pairs written before the grader was looked at, each with its verdict.

``written`` says of later pairs whether they were ``unseen`` when they were first judged, or stand ``beside a mend`` to hold it.
A pair whose verdict is another than its writer wanted says ``otherwise`` why: it is held to that, so that a change is seen.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from eurus_graders import MathGrader, grade

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "grading_forms.jsonl").read_text(encoding="utf-8").splitlines()
]
GRADER = MathGrader()


@pytest.mark.parametrize("case", CASES, ids=[f"{case['prediction']} ~ {case['reference']}" for case in CASES])
def test_an_answer_as_models_write_it_is_judged_as_its_writer_would(case: dict[str, Any]) -> None:
    found = grade(case["prediction"], case["reference"], GRADER)
    assert found.correct == (case["equal"] != ("otherwise" in case)), found
