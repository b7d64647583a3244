"""Frames between the parent and a child: four bytes of length, then JSON. A child's frames are not to be trusted."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

MOST_BYTES_FROM_CHILD = 1 << 16
MOST_BYTES_OF_CODE = 1 << 20
MOST_BYTES_OF_VALUE = 8 << 20

_MOST_STRINGS = 10_000
_LENGTH = struct.Struct("=I")
_read, _write, _dumps, _loads = os.read, os.write, json.dumps, json.loads  # model code may patch the modules


class BrokenFrame(Exception):
    """The other side sent something that no honest one sends."""


def pack(message: Mapping[str, object]) -> bytes:
    body = _dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Bytes in, messages out."""

    def __init__(self, most_bytes: int = MOST_BYTES_FROM_CHILD) -> None:
        self._most_bytes = most_bytes
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the messages that ``data`` completes; BrokenFrame on one too long or not a JSON object."""
        self._pending += data
        messages = []
        while len(self._pending) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pending)
            if length > self._most_bytes:
                raise BrokenFrame(f"a frame of {length} bytes")
            end = _LENGTH.size + length
            if len(self._pending) < end:
                break
            body = bytes(self._pending[_LENGTH.size : end])
            if length > MOST_BYTES_FROM_CHILD and not _is_mostly_text(body):
                raise BrokenFrame(f"a frame of {length} bytes that are no text")
            try:
                message = _loads(body.decode())
            except (ValueError, RecursionError) as error:
                raise BrokenFrame(str(error)) from None
            if not isinstance(message, dict):
                raise BrokenFrame("not an object")
            messages.append(message)
            del self._pending[:end]
        return messages


def _is_mostly_text(body: bytes) -> bool:
    """Tell whether JSON is a few strings with little around them: 16 MB of ``{},{},`` would be 500 MB of objects in the parent."""
    parts = body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"', _MOST_STRINGS)
    return len(parts) <= _MOST_STRINGS and sum(map(len, parts[::2])) <= MOST_BYTES_FROM_CHILD


def read_frame(descriptor: int) -> dict[str, Any]:
    """Read one message, blocking; EOFError where the other side has closed. Only for reading from the trusted side."""
    (length,) = _LENGTH.unpack(_read_exactly(descriptor, _LENGTH.size))
    message: dict[str, Any] = _loads(_read_exactly(descriptor, length))
    return message


def write_frame(descriptor: int, message: Mapping[str, object]) -> None:
    data = memoryview(pack(message))
    while data:
        data = data[_write(descriptor, data) :]


def _read_exactly(descriptor: int, count: int) -> bytes:
    data = _read(descriptor, count)
    if len(data) == count:
        return data
    chunks, missing = [data], count - len(data)
    while missing:
        if not chunks[-1]:
            raise EOFError
        chunks.append(_read(descriptor, missing))
        missing -= len(chunks[-1])
    return b"".join(chunks)
