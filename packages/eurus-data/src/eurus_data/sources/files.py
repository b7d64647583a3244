"""What sources that read files share: splits, order, identity."""

from __future__ import annotations

import hashlib
import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from eurus_core.errors import InputError
from eurus_core.files.row_files import data_set_of, is_pattern, row_files
from eurus_core.files.rows import Row, rows
from eurus_core.parts.choice import Rows
from eurus_core.parts.contracts import Source, Split, refuse
from eurus_core.records import Problem
from eurus_core.records.seeds import derive

HELD_OUT_PARTS = 10  # without a test file, one row in ten is held out


def content_id(dataset: str, instruction: str) -> str:
    """Return an id that depends on nothing but the data set's name and the instruction, white space aside."""
    digest = hashlib.blake2b(" ".join(instruction.split()).encode(), digest_size=8).hexdigest()
    return f"{dataset}-{digest}"


class FileSource(Source):
    """Problems from rows: a file, a folder of them or a pattern; of a folder with splits (train, test) each split is its own.

    The test split is ``test_path``; without one, the files of ``path`` that are named test (else validation); without those,
    ``test.jsonl`` or ``test.jsonl.gz`` beside the file ``path``; without that, the tenth of the rows whose instruction hashes
    lowest. An instruction that the test split holds is left out of ``train``, and repeats within a split are left out.
    """

    path: Rows
    """JSON Lines, a JSON array, Parquet or Arrow: a file, a folder of them, or a pattern such as data/train-*.parquet."""
    test_path: Rows | None = None
    """The test split. Default: files named test if path is a folder, test.jsonl or test.jsonl.gz beside path if it is a file; if there are
    none, a tenth of the rows is held out."""

    @abstractmethod
    def problem(self, row: Row) -> Problem:
        """Return the problem that a row holds; InputError where it holds none."""

    def problems(
        self, split: Split, *, seed: int = 0, on_bad: Callable[[InputError], None] = refuse
    ) -> Iterator[Problem]:
        tests = self._tests()
        if split == "test":
            found = self._read(tests or row_files(self.path).files, on_bad)
            wanted = found if tests else {k: p for k, p in found.items() if _held_out(p)}
        else:
            found = self._read(row_files(self.path).files, on_bad)
            if tests:
                # a bad row of the test file is reported when the test split is read
                tested = self._read(tests, lambda error: None)
                wanted = {k: p for k, p in found.items() if k not in tested}
            else:
                wanted = {k: p for k, p in found.items() if not _held_out(p)}
        if not wanted:
            raise InputError(
                f"no usable row for the {split} split",
                needed="Give more rows, or set test_path.",
                file=tests[0] if split == "test" and tests else self.path,
            )
        order = list(wanted.values())
        Random(derive(seed, type(self).__name__, split)).shuffle(order)  # noqa: S311 - no secret
        yield from order

    @property
    def data_set(self) -> str:
        """The name of the data set where nothing else gives one: the file's, or the folder's."""
        return data_set_of(self.path.parent.resolve() if is_pattern(self.path) else self.path)

    def _tests(self) -> tuple[Path, ...]:
        if self.test_path is not None:
            return row_files(self.test_path).files
        if not self.path.expanduser().is_file():
            return row_files(self.path).tests
        for name in ("test.jsonl", "test.jsonl.gz"):
            beside = self.path.expanduser().with_name(name)
            if beside.is_file() and beside != self.path.expanduser():
                return (beside,)
        return ()

    def _read(self, paths: Sequence[Path], on_bad: Callable[[InputError], None]) -> dict[str, Problem]:
        """Return the files' problems by the hash of their instruction, the first of equal ones."""
        found: dict[str, Problem] = {}
        for row in itertools.chain.from_iterable(rows(path, on_bad) for path in paths):
            try:
                problem = self.problem(row)
            except InputError as error:
                on_bad(error)
                continue
            found.setdefault(content_id("", problem.instruction), problem)
        return found


def _held_out(problem: Problem) -> bool:
    return derive(0, "held out", content_id("", problem.instruction)) % HELD_OUT_PARTS == 0


def text_labels(values: Mapping[str, Any]) -> dict[str, str]:
    """Return labels as text, those that say nothing left out."""
    return {name: str(value) for name, value in values.items() if value not in (None, "")}
