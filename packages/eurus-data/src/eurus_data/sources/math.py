"""MATH (arXiv 2103.03874): competition problems in LaTeX, in the forms in which the files go around."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from eurus_core.files.rows import Row
from eurus_core.parts.contracts import RowKeys
from eurus_core.records import Problem, Reference
from eurus_data.sources.files import FileSource, content_id, text_labels

NEEDED = 'MATH rows need "problem", and "answer" or a "solution" that ends in \\boxed{...}.'
LABELS = {"level": "a number, or text with one", "subject": "text", "type": "in place of subject"}


class MATH(FileSource):
    """Files with ``problem`` and ``solution`` or ``answer``, and where they have them ``level`` and ``subject`` (or ``type``)."""

    row_keys: ClassVar[tuple[RowKeys, ...]] = (
        RowKeys(
            {"problem": "text", "solution": "text that ends in \\boxed{...}"},
            {"answer": "in place of the box", **LABELS},
            {"problem": "What is half of 1?", "solution": "$1/2 = \\boxed{\\frac{1}{2}}$.", "level": "Level 1"},
        ),
        RowKeys(
            {"problem": "text", "answer": "text"},
            {"solution": "text", **LABELS},
            {"problem": "What is half of 1?", "answer": "\\frac{1}{2}"},
        ),
    )

    task: Literal["Math_CoT", "Math_PoT"] = "Math_CoT"
    """Math_PoT: with the Python tool; Math_CoT: in words."""

    def problem(self, row: Row) -> Problem:
        instruction = row.text("problem", NEEDED).strip()
        solution = row.optional_text("solution", NEEDED)
        answer = row.optional_text("answer", NEEDED) or boxed(solution or "")
        if answer is None:
            raise row.error('no "answer", and no \\boxed{...} in a "solution"', NEEDED)
        level = re.search(r"\d+", str(row.data.get("level", "")))
        return Problem(
            id=content_id("math", instruction),
            task=self.task,
            dataset="math",
            instruction=instruction,
            reference=Reference(answer=answer.strip(), rationale=solution),
            tools=("python",) if self.task == "Math_PoT" else (),
            labels=text_labels(
                {"level": level and level[0], "subject": row.data.get("subject") or row.data.get("type")}
            ),
        )


def boxed(text: str) -> str | None:
    r"""Return the content of the last ``\boxed{...}`` or ``\fbox{...}``, or what follows a bare ``\boxed ``."""
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if start < 0:
        return None
    rest = text[start:].removeprefix("\\boxed").removeprefix("\\fbox").lstrip()
    if not rest.startswith("{"):
        return re.split(r"[\s$.,]", rest, maxsplit=1)[0] or None
    depth = 0
    for i, character in enumerate(rest):
        escaped = i > 0 and rest[i - 1] == "\\"
        if not escaped:
            depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return rest[1:i].strip() or None
    return None
