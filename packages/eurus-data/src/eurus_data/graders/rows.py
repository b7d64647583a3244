"""Rows to grade: lines of JSON as they arrive, whatever bytes they hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from eurus_core.errors import InputError, nearest
from eurus_core.records import Problem, Reference

MAX_LINE = 64 << 20
"""Bytes of one line."""
CHUNK = 1 << 16
KEYS = ("prediction", "reference", "kind", "instruction")
NEEDED = 'A line needs "prediction" and "reference", such as {"prediction": "1/2", "reference": "0.5"}; "kind" and "instruction" may be given.'


class Bytes(Protocol):
    """A binary file that gives what is there without waiting for more."""

    def read1(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One prediction to judge; ``reference`` is the answer, a list of texts, or the tests of a program, ``unused`` other keys."""

    line: int
    prediction: str
    reference: Any
    kind: Any = None
    instruction: str = ""
    unused: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        """The reference as text; a list of texts is several, any other list is printed as one."""
        several = isinstance(self.reference, list) and all(isinstance(one, str) for one in self.reference)
        return tuple(self.reference) if several else (_text(self.reference),)

    def problem(self) -> Problem:
        """Return the row as a problem: a list of texts as a program's assertions, of pairs as its inputs and outputs, else an answer."""
        name = f"line {self.line}"
        if isinstance(self.reference, list):
            pairs = [one for one in self.reference if isinstance(one, list) and len(one) == 2]
            if pairs and len(pairs) == len(self.reference):
                reference = Reference(stdio=tuple((_text(one), _text(other)) for one, other in pairs))
            else:
                reference = Reference(asserts=tuple(map(_text, self.reference)))
            return Problem(name, "Coding", "stdin", self.instruction, reference)
        answer = _text(self.reference)
        tests = (answer,) if "assert" in answer else ()
        return Problem(
            name, "Coding" if tests else "Logic", "stdin", self.instruction, Reference(answer, asserts=tests)
        )


def chunks(stream: Bytes, name: str) -> Iterator[list[tuple[int, bytes]]]:
    """Yield numbered lines in the portions in which they arrive, the last one also without its newline; empty lines are left out."""
    number, rest = 0, bytearray()
    while True:
        block = stream.read1(CHUNK)
        rest += block
        if block and b"\n" not in block:
            if len(rest) > MAX_LINE:
                raise InputError(f"more than {MAX_LINE >> 20} MiB", needed=NEEDED, file=name, line=number + 1)
            continue
        lines = bytes(rest).split(b"\n")
        rest = bytearray(lines.pop() if block else b"")
        found = [(at, line) for at, line in enumerate(lines, number + 1) if line.strip()]
        number += len(lines)
        if found:
            yield found
        if not block:
            return


def read(number: int, line: bytes, name: str) -> Row:
    """Return the row of a line; InputError says what is wrong with it. Bytes that are not UTF-8 are kept as they are, as text."""
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON ({error})", needed=NEEDED, file=name, line=number) from None
    if not isinstance(row, dict):
        raise InputError(f"{type(row).__name__} where an object should be", needed=NEEDED, file=name, line=number)
    for key in ("prediction", "reference"):
        if key not in row:
            meant = nearest(key, row.keys() - set(KEYS))
            found = f'no "{key}", but "{meant}"' if meant else f'no "{key}"'
            raise InputError(found, needed=NEEDED, file=name, line=number)
    reference = row["reference"]
    if reference is None or reference == [] or isinstance(reference, dict):
        raise InputError(f'"reference" is {json.dumps(reference)[:60]}', needed=NEEDED, file=name, line=number)
    if isinstance(row["prediction"], (list, dict)):
        raise InputError('"prediction" is no text', needed=NEEDED, file=name, line=number)
    if not isinstance(row.get("instruction", ""), str):
        raise InputError('"instruction" is no text', needed=NEEDED, file=name, line=number)
    unused = tuple(key for key in row if key not in KEYS)
    return Row(number, _text(row["prediction"]), reference, row.get("kind"), row.get("instruction", ""), unused)


def _text(value: Any) -> str:
    """Return a value as text: of what is no string its JSON, of null nothing."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
