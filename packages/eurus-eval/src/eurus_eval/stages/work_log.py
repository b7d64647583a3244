"""What a stage has finished so far, so that a killed one repeats none of it: one JSON line a piece of work."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from eurus_core.errors import InputError


class WorkLog:
    """Finished pieces of the work in progress: ``found`` are those of earlier starts.

    Each piece is on its way to disk before :meth:`add` returns. A last line that a kill cut short is dropped when the log is
    opened again. ``done`` removes the file, once what it held is elsewhere.
    """

    def __init__(self, artefact: Path):
        """Keep the log beside the artefact that the stage makes."""
        self.path = artefact.with_suffix(".log.jsonl")
        self.found: list[Any] = []

    def __enter__(self) -> WorkLog:
        whole = 0
        if self.path.exists():
            data = self.path.read_bytes()
            whole = data.rfind(b"\n") + 1
            lines = data[:whole].decode("utf-8").split("\n")[:-1]
            self.found = [self._piece(line, number) for number, line in enumerate(lines, 1)]
        self._file = self.path.open("ab")
        self._file.truncate(whole)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, piece: object) -> None:
        """Write plain JSON values."""
        self._file.write((json.dumps(piece) + "\n").encode("ascii"))
        self._file.flush()

    def done(self) -> None:
        self.path.unlink()

    def _piece(self, line: str, number: int) -> Any:
        try:
            return json.loads(line)
        except ValueError as error:
            raise InputError(
                f"no JSON ({error})", file=self.path, line=number, needed="Remove the file to start over."
            ) from error
