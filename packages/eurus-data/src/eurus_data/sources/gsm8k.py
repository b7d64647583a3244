"""GSM8K (arXiv 2110.14168): grade-school word problems whose annotations ``<<48/2=24>>`` give the program."""

from __future__ import annotations

from typing import ClassVar, Literal

from eurus_core.files.rows import Row
from eurus_core.parts.contracts import RowKeys
from eurus_core.records import Problem, Reference
from eurus_data.sources.annotations import program_of, without_annotations
from eurus_data.sources.files import FileSource, content_id

NEEDED = 'GSM8K rows need "question" and "answer", the answer ending in "#### " and a number.'


class GSM8K(FileSource):
    """The published ``train.jsonl`` and ``test.jsonl``.

    A row whose annotations do not compute, or do not reach the answer, keeps its rationale and has no program.
    """

    row_keys: ClassVar[tuple[RowKeys, ...]] = (
        RowKeys(
            {
                "question": "text",
                "answer": 'the steps, with calculations as <<48/2=24>>, and last "#### " and the number',
            },
            example={"question": "What is half of 48?", "answer": "Half of 48 is 48/2=<<48/2=24>>24.\n#### 24"},
        ),
    )

    task: Literal["Math_PoT", "Math_CoT"] = "Math_PoT"
    """Math_PoT: with the Python tool; Math_CoT: in words."""

    def problem(self, row: Row) -> Problem:
        question = row.text("question", NEEDED).strip()
        worked, mark, answer = row.text("answer", NEEDED).rpartition("####")
        answer = answer.strip().replace(",", "").lstrip("$")
        if not mark or not answer:
            raise row.error('"answer" has no "#### " line', NEEDED)
        steps = [line.strip() for line in worked.splitlines() if line.strip()]
        program = program_of(steps, answer, question)
        return Problem(
            id=content_id("gsm8k", question),
            task=self.task,
            dataset="gsm8k",
            instruction=question,
            reference=Reference(
                answer=answer,
                rationale="\n".join(f"Step {k}: {without_annotations(step)}" for k, step in enumerate(steps, 1))
                or None,
                solutions=(program,) if program else (),
            ),
            tools=("python",) if self.task == "Math_PoT" else (),
            labels={"steps": str(len(steps))},
        )
