"""Whole replies, as models of today write them, each with its verdict: what they announce, withdraw, think, and only state.

One that is judged otherwise than its writer wanted says why; none of these is accepted.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from eurus_graders import ChoiceGrader, MathGrader, TextGrader, grade

CASES = [
    json.loads(line) for line in (Path(__file__).parent / "reply_forms.jsonl").read_text(encoding="utf-8").splitlines()
]
GRADERS = {"math": MathGrader(), "choice": ChoiceGrader(), "text": TextGrader()}


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case['group']}: {case['prediction']} ~ {case['reference']}" for case in CASES]
)
def test_a_reply_is_judged_by_what_it_says(case: dict[str, Any]) -> None:
    found = grade(case["prediction"], case["reference"], GRADERS[case["kind"]], case.get("instruction", ""))
    assert found.correct == (case["equal"] and "otherwise" not in case), found
