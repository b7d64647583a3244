"""What is kept of a cell's output, and how it is cleaned: bounded while it is read, control characters gone."""

from __future__ import annotations

import re
import site
import sysconfig
from collections import deque
from pathlib import Path

from eurus_core.records.turns import NO_OUTPUT

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
_MODULES = [
    Path(folder) for folder in (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), *site.getsitepackages())
]
_FOLDERS = sorted({f"{folder}/" for folder in (*_MODULES, Path(__file__).parent)}, key=len, reverse=True)
"""Of modules, which code in a session may import."""


class Capture:
    """The head and the tail of a stream of bytes; what lies between is counted and dropped.

    The tail is kept since a traceback, and a program's answer, come last.
    """

    def __init__(self, most_chars: int):
        self._head_chars = most_chars * 3 // 4
        self._tail_chars = most_chars - self._head_chars
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self.total_bytes = 0

    def add(self, data: bytes) -> None:
        self.total_bytes += len(data)
        room = 4 * self._head_chars - len(self._head)  # a character is four bytes at most
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail.append(data)
            self._tail_bytes += len(data)
            while self._tail_bytes - len(self._tail[0]) >= 4 * self._tail_chars:
                self._tail_bytes -= len(self._tail.popleft())

    def text(self) -> str:
        """Return the cleaned text, with a mark where characters were cut out."""
        kept = len(self._head) + self._tail_bytes
        tail = b"".join(self._tail)
        if kept == self.total_bytes:
            whole = clean(bytes(self._head) + tail)
            if len(whole) <= self._head_chars + self._tail_chars:
                return whole
            head_text, tail_text = whole, whole
            cut = len(whole) - self._head_chars - self._tail_chars
        else:
            head_text, tail_text = clean(bytes(self._head)), clean(tail)
            cut = self.total_bytes - self._head_chars - self._tail_chars
        return f"{head_text[: self._head_chars]}\n[... {cut} characters cut ...]\n{tail_text[-self._tail_chars :]}"


def clean(data: bytes) -> str:
    """Return the text of ``data`` without escape sequences and control characters; undecodable bytes are replaced."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return _ESCAPES.sub("", text).translate(_CONTROLS)


def worded(text: str, most_chars: int) -> str:
    """Return the beginning of a text that a program may have chosen, on one line, of characters that any file and terminal shows."""
    cleaned = clean(text.encode("utf-8", "replace"))[:most_chars]
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in cleaned)


def observed(*parts: str) -> str:
    """Return the parts that say something, as lines; the released words where none does.

    An observation is published, where this machine keeps its Python is not: ``/usr/lib/python3.12/re.py`` becomes ``python3.12/re.py``.
    """
    text = "\n".join(part for part in (one.strip("\n") for one in parts) if part)
    for folder in _FOLDERS:
        text = text.replace(folder, f"{Path(folder).name}/")
    return text or NO_OUTPUT
