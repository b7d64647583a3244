"""Your own problems: one JSON object a line with ``instruction`` and ``answer``."""

from __future__ import annotations

from typing import ClassVar

from eurus_core.errors import nearest
from eurus_core.files.rows import Row
from eurus_core.parts.contracts import RowKeys
from eurus_core.records import TASKS, Problem, Reference, Task, task_named
from eurus_data.sources.files import FileSource, content_id

ROW = RowKeys(
    {"instruction": "the problem: text", "answer": "text or a number"},
    {
        "rationale": "a solution in words",
        "program": "Python whose last line prints or is the answer",
        "task": f"one of {', '.join(TASKS)}; the setting's unless given",
        "id": "the problem's name; made of its text unless given",
        "labels": "an object of texts, such as a level, to report by",
    },
    {"instruction": "What is 12 * 7?", "answer": 84, "program": "12 * 7"},
)
NEEDED = ROW.sentence()


class JSONL(FileSource):
    """Rows with ``instruction`` and ``answer`` (text or a number), and more where you have it.

    ``program`` (Python whose last line prints or is the answer) and ``rationale`` make the ground-truth-assisted step
    possible. ``task`` is the setting's unless the row names its own.
    """

    row_keys: ClassVar[tuple[RowKeys, ...]] = (ROW,)

    dataset: str | None = None
    """The data set's name in the trees; by default that of the file or folder."""
    task: Task = "Math_PoT"
    """The task of rows that name none. Math_PoT and Coding come with the Python tool."""

    def problem(self, row: Row) -> Problem:
        for key in row.data:
            if key not in ROW.names:
                meant = nearest(key, ROW.names)
                raise row.error(f'unknown key "{key}"' + (f' (did you mean "{meant}"?)' if meant else ""), NEEDED)
        instruction = row.text("instruction", NEEDED).strip()
        dataset = self.dataset or self.data_set
        program = row.optional_text("program", NEEDED)
        task = self._task(row)
        return Problem(
            id=row.optional_text("id", NEEDED) or content_id(dataset, instruction),
            task=task,
            dataset=dataset,
            instruction=instruction,
            reference=Reference(
                answer=_answer(row),
                rationale=row.optional_text("rationale", NEEDED),
                solutions=(program,) if program else (),
            ),
            tools=("python",) if task in ("Math_PoT", "Coding") else (),
            labels=_labels(row),
        )

    def _task(self, row: Row) -> Task:
        named = row.optional_text("task", NEEDED)
        task = self.task if named is None else task_named(named)
        if task is None:
            raise row.error(f'"task" is {named!r}', f"Tasks are {', '.join(TASKS)}.")
        return task


def _answer(row: Row) -> str:
    value = row.data.get("answer")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return row.text("answer", NEEDED).strip()


def _labels(row: Row) -> dict[str, str]:
    labels = row.data.get("labels") or {}
    if not isinstance(labels, dict) or not all(isinstance(value, (str, int)) for value in labels.values()):
        raise row.error('"labels" is no object of texts', 'Needed is an object such as {"level": "2"}.')
    return {name: str(value) for name, value in labels.items()}
