"""Rows of a file: JSON Lines or a JSON array, plain or gzipped, or a table. What cannot be read is named by file and line."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from eurus_core.errors import InputError
from eurus_core.files.row_files import READ, refuse_unread
from eurus_core.files.tables import ARROW_FILE, ARROW_STREAM, PARQUET, table_rows

_GZIP = b"\x1f\x8b"
_TABLES = (PARQUET, ARROW_FILE, ARROW_STREAM)
MOST_BYTES = 1 << 28
"""Of a row: problems with generated tests come near. A longer one is damaged, and would take the memory of the whole machine."""

OnBad = Callable[[InputError], None]
"""What becomes of a row that cannot be used: it stops the reading, or is left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object and where it stands; ``line`` counts from 1, rows in a table, and so does ``item`` in a JSON array."""

    data: Mapping[str, Any]
    file: Path
    line: int
    item: int = 0

    @classmethod
    def read(cls, raw: bytes, file: Path, line: int) -> Row:
        """Return the row that a line holds; InputError where that is no JSON object."""
        return cls(_object(raw, file, line), file, line)

    @property
    def place(self) -> str:
        """File and line in words, as errors name them."""
        return f"{self.file}, line {self.line}" + (f", item {self.item}" if self.item else "")

    def text(self, key: str, needed: str) -> str:
        """Return a text that is there and not blank; InputError otherwise. ``needed`` says what such rows hold."""
        if key not in self.data:
            raise self.error(f'no "{key}"', needed)
        value = self.data[key]
        if not isinstance(value, str):
            shown = "" if value is None else f", {_shown(value)}"
            raise self.error(f'"{key}" is {_kind(value)}{shown}', f"Needed is text. {needed}")
        if not value.strip():
            raise self.error(f'"{key}" is empty', needed)
        return value

    def optional_text(self, key: str, needed: str) -> str | None:
        """Return a text, or None where the key is absent or null; InputError where it is something else."""
        return None if self.data.get(key) is None else self.text(key, needed)

    def error(self, found: str, needed: str) -> InputError:
        return InputError(_at(self.item) + found, needed=needed, file=self.file, line=self.line)


def rows(path: Path, on_bad: OnBad, most: int = MOST_BYTES) -> Iterator[Row]:
    """Yield the JSON objects of a file, blank lines skipped; none above ``most`` bytes, but in a table.

    A bad line goes to ``on_bad``; after a damaged gzip stream nothing more can be read. A file that is missing, a folder or
    empty raises InputError whatever ``on_bad`` does: skipping it would skip everything.
    """
    path = path.expanduser()
    needed = f"Needed is a file of rows. {READ}."
    if path.is_dir():
        raise InputError("is a folder", needed=needed, file=path)
    if not path.is_file():
        raise InputError("is no regular file" if path.exists() else "no such file", needed=needed, file=path)
    found = 0

    def bad(error: InputError) -> None:
        nonlocal found
        found += 1
        on_bad(error)

    for row in _table(path) if _is_table(path) else _objects(path, bad, most):
        found += 1
        yield row
    if not found:
        raise InputError("holds no rows", needed="Needed is one JSON object a line.", file=path)


def stop(error: InputError) -> None:
    """Raise ``error``: what becomes of a bad row where none may be left out."""
    raise error


def _objects(path: Path, on_bad: OnBad, most: int) -> Iterator[Row]:
    try:
        with _opened(path) as stream:
            start = stream.read(4096)
    except (EOFError, OSError, zlib.error):
        start = b""  # told where the lines are read
    refuse_unread(path, start)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        yield from _array(list(_lines(path, on_bad, sys.maxsize - 1)), path, on_bad)
        return
    for line, raw in _lines(path, on_bad, most):
        try:
            yield Row.read(raw, path, line)
        except InputError as error:
            on_bad(error)


def _array(lines: Sequence[tuple[int, bytes]], path: Path, on_bad: OnBad) -> Iterator[Row]:
    """Yield the objects of a JSON array; after one that is no JSON nothing more can be read."""
    # Blank lines are dropped on the way here, so that the lines of the text are counted by those that were kept.
    numbers = [number for number, _ in lines]
    text = "".join(raw.decode("utf-8-sig", "replace") for _, raw in lines)
    at, line, decoder = text.find("[") + 1, 0, json.JSONDecoder()
    counted = item = 0
    needed = "Needed is one whole array of objects."
    while (at := _skip(text, at)) < len(text) and text[at] != "]":
        line, counted = line + text.count("\n", counted, at), at
        number, item = numbers[min(line, len(numbers) - 1)], item + 1
        try:
            _, end = decoder.raw_decode(text, at)
            yield Row(_object(text[at:end].encode(), path, number, item), path, number, item)
        except InputError as error:
            on_bad(error)
        except (ValueError, RecursionError):
            on_bad(InputError("the JSON array breaks off here", needed=needed, file=path, line=number))
            return
        at = end
    after = _skip(text, at + 1)
    if at == len(text) or after < len(text):
        found = "the JSON array has no end" if at == len(text) else "something follows the JSON array, and is not read"
        number = numbers[min(text.count("\n", 0, after), len(numbers) - 1)]
        on_bad(InputError(found, needed=needed, file=path, line=number))


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in ", \t\r\n":
        at += 1
    return at


def _is_table(path: Path) -> bool:
    """Tell whether a file holds a table, whatever its name says."""
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError:
        return False  # told where the lines are read
    return start.startswith(_TABLES) or path.suffix in (".parquet", ".arrow")


def _table(path: Path) -> Iterator[Row]:
    for number, data in enumerate(table_rows(path), 1):
        yield Row(data, path, number)


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    """Open a file, plain or gzipped, whatever its name says."""
    with path.open("rb") as stream:
        zipped = stream.read(2) == _GZIP
    return gzip.open(path) if zipped else path.open("rb")


def _lines(path: Path, on_bad: OnBad, most: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank and their numbers; of one above ``most`` bytes no more than that is held."""
    line = 0
    try:
        with _opened(path) as stream:
            while raw := stream.readline(most + 1):
                line += 1
                if len(raw) > most:
                    found, needed = f"longer than {most:,} bytes", "Needed is one JSON object a line."
                    on_bad(InputError(found, needed=needed, file=path, line=line))
                    while raw and not raw.endswith(b"\n"):
                        raw = stream.readline(most)
                elif raw.strip():
                    yield line, raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        on_bad(
            InputError(
                f"the gzip stream is damaged ({error})",
                needed="Fetch the file again; the rows before this line are whole.",
                file=path,
                line=line + 1,
            )
        )
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", file=path) from error


def _object(raw: bytes, path: Path, line: int, item: int = 0) -> Mapping[str, Any]:
    def bad(found: str, needed: str) -> InputError:
        return InputError(_at(item) + found, needed=needed, file=path, line=line)

    try:
        data = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once)
        if b"\\u" in raw:  # JSON's escapes can write half a surrogate pair, which no file can hold again
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise bad(f"byte {error.start + 1} is no UTF-8", "Needed is UTF-8 text.") from None
    except UnicodeEncodeError:
        raise bad("holds half a surrogate pair (\\ud800 to \\udfff)", "Needed is Unicode text.") from None
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        found = "the line ends in the middle of its JSON" if at_end else f"no JSON ({error.msg}, column {error.colno})"
        raise bad(found, "Needed is one whole JSON object a line.") from None
    except ValueError:  # Python's own limit, which keeps a hostile file from holding it up for hours
        raise bad("a number of thousands of digits", "Write it as text, in quotes.") from None
    except _Twice as error:
        raise bad(f"the key {str(error)!r} stands in one object twice", "Needed is one value a key.") from None
    except RecursionError:
        raise bad("JSON nested too deeply", "Needed is a flat object.") from None
    if not isinstance(data, dict):
        raise bad(f"found {_kind(data)}", "Needed is one JSON object a line.")
    return data


class _Twice(Exception):
    """A key that two values have: which one is meant?"""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice(next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at])))
    return found


def _at(item: int) -> str:
    return f"item {item}: " if item else ""


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a truth value", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "an object")


def _shown(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)  # Parquet holds bytes and dates, too
    return shown if len(shown) <= 60 else shown[:57] + "..."
