"""The ``replay`` backend: replies recorded earlier, looked up by the whole request."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from eurus_core.errors import InputError
from eurus_core.parts.contracts import Backend, OpenBackend
from eurus_core.records import Reply, Request
from eurus_core.records.codec import from_json
from eurus_core.records.request_keys import request_key


class ReplayBackend(Backend):
    """Answers from ``path``, a JSONL file of ``{"request_key": ..., "reply": {...}}`` rows; of equal keys the last counts.

    InputError for a row that cannot be read, and for a request that is not recorded.
    """

    path: Path
    """Rows {"request_key", "reply"}, as 'eurus data replies' prints them."""
    label: str = "replay"
    """The actor's name in trees and tables."""

    @property
    def actor(self) -> str:
        return self.label

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenBackend]:
        yield _Replay(self.path, read_replies(self.path))


def read_replies(path: Path) -> dict[str, Reply]:
    """Return the recorded replies by request key; InputError names file and line of a row that does not fit."""
    replies: dict[str, Reply] = {}
    needed = 'Rows need "request_key" (text) and "reply" (an object with "text").'
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines(): U+2028 in a text ends no line
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", needed=needed, file=path) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"no JSON ({error})", needed=needed, file=path, line=number) from error
        if not isinstance(row, dict) or not isinstance(row.get("request_key"), str) or "reply" not in row:
            raise InputError(f"found {line[:80]!r}", needed=needed, file=path, line=number)
        replies[row["request_key"]] = from_json(Reply, row["reply"], where=f"{path}, line {number}")
    return replies


@dataclass(frozen=True, slots=True)
class _Replay:
    path: Path
    replies: Mapping[str, Reply]

    async def generate(self, request: Request) -> Reply:
        key = request_key(request)
        if key not in self.replies:
            asked = request.messages[-1].content if request.messages else ""
            raise InputError(
                f"no reply is recorded for request {key[:12]} ({asked[:60]!r}, seed {request.seed}); "
                f"{len(self.replies)} others are",
                needed="Record again with the same recipe and seed.",
                file=self.path,
            )
        return self.replies[key]
