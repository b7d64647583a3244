"""Records that come in any order and are read in theirs, on disk meanwhile."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any


class Spool:
    """Plain JSON values under the numbers 0, 1, 2 ...: added as they come, read in the order of their numbers.

    Memory holds sixteen bytes a value. The file has no name, so that a kill leaves nothing behind.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the spool
        self._places: dict[int, int] = {}
        self._end, self._read = 0, False

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, number: int, value: Any) -> None:
        line = json.dumps(value).encode("ascii") + b"\n"
        if self._read:  # seeking writes the buffer out: only where the last reader has moved on
            self._file.seek(self._end)
            self._read = False
        self._file.write(line)
        self._places[number] = self._end
        self._end += len(line)

    def __iter__(self) -> Iterator[Any]:
        self._read = True
        for number in sorted(self._places):
            self._file.seek(self._places[number])
            yield json.loads(self._file.readline())
