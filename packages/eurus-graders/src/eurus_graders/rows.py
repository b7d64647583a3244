"""Rows to grade: lines of JSON as they arrive, whatever bytes they hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from eurus_core.errors import InputError, nearest
from eurus_core.records import Problem, Reference, Task

MAX_LINE = 64 << 20
"""Bytes of one line."""
CHUNK = 1 << 16
KEYS = ("prediction", "reference", "kind", "instruction")
THOUGHT = ("reasoning_content", "reasoning")
"""Keys that may hold what a model thought beside its prediction: no part of its answer."""
NEEDED = 'A line needs "prediction" and "reference", such as {"prediction": "1/2", "reference": "0.5"}; "kind" and "instruction" may be given.'


class Bytes(Protocol):
    """A binary file that gives what is there without waiting for more."""

    def read1(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One prediction to judge; ``reference`` is the answer, a list of alternatives, or the tests of a program, ``unused`` other keys."""

    line: int
    prediction: str
    reference: Any
    kind: Any = None
    instruction: str = ""
    unused: tuple[str, ...] = ()

    def problem(self, judges_by: Literal["answer", "tests"]) -> Problem:
        """Return the row as a problem, as a source would have made it; InputError where its reference is of no use to the grader."""
        given = self.reference if isinstance(self.reference, list) else [self.reference]
        if judges_by == "tests":
            reference = _tests(given)
        elif all(isinstance(one, str) for one in given) or not isinstance(self.reference, list):
            answer, *others = map(_text, given)
            reference = Reference(answer, alternatives=tuple(others))
        else:
            raise InputError(
                f'"reference" is the list {json.dumps(given)[:60]}',
                needed='A list holds alternatives, each a text; an answer that is a list is a text, such as "[2, 3]".',
            )
        if judges_by == "answer" and not all(one.strip() for one in reference.answers):
            raise InputError('"reference" is empty', needed=NEEDED)
        task: Task = "Coding" if judges_by == "tests" else "Logic"
        return Problem(f"line {self.line}", task, "stdin", self.instruction, reference)


def _tests(given: list[Any]) -> Reference:
    """Return tests: of a list of pairs what a program reads and must print, else statements that assert."""
    if all(isinstance(one, list) and len(one) == 2 for one in given):
        return Reference(stdio=tuple((_text(one), _text(other)) for one, other in given))
    if len(given) > 1 or "assert" in _text(given[0]):
        return Reference(asserts=tuple(map(_text, given)))
    raise InputError('"reference" holds no tests', needed="For code it is a list of assertions, or of [input, output].")


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
    prediction = row["prediction"]
    if isinstance(prediction, dict) and isinstance(prediction.get("content"), str):
        prediction = prediction["content"]  # a message of a chat, whose reasoning_content does not count
    if prediction is None or isinstance(prediction, (list, dict)):
        raise InputError(f'"prediction" is {_kind(prediction)}', needed=NEEDED, file=name, line=number)
    if not isinstance(row.get("instruction", ""), str):
        raise InputError('"instruction" is no text', needed=NEEDED, file=name, line=number)
    unused = tuple(key for key in row if key not in KEYS and key not in THOUGHT)
    return Row(number, _text(prediction), reference, row.get("kind"), row.get("instruction", ""), unused)


def given(prediction: Any, reference: Any, instruction: str) -> Row:
    """Return a row of values that Python code gives, numbers as their text; InputError where one of them is none to judge."""
    if not isinstance(prediction, str) and not _is_number(prediction):
        raise InputError(f"the prediction is {_kind(prediction)}", needed="A prediction is a text, or a number.")
    listed = list(reference) if isinstance(reference, Sequence) and not isinstance(reference, (str, bytes)) else None
    if listed == [] or (listed is None and not isinstance(reference, str) and not _is_number(reference)):
        raise InputError(
            f"the reference is {_kind(reference)}",
            needed="A reference is a text, a number, or a list of alternatives or of tests.",
        )
    if not isinstance(instruction, str):
        raise InputError(f"the instruction is {_kind(instruction)}", needed="An instruction is a text.")
    return Row(1, _text(prediction), _text(reference) if listed is None else listed, instruction=instruction)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    """Return what a value is, in words for the person who wrote it."""
    if value is None:
        return "null"
    if isinstance(value, (list, tuple, dict)) and not value:
        return "an empty list" if not isinstance(value, dict) else "an empty object"
    kinds = {list: "a list", tuple: "a tuple", dict: "an object", bool: "a truth value", bytes: "bytes"}
    return kinds.get(type(value), f"of type {type(value).__name__}")


def _text(value: Any) -> str:
    """Return a value as text: of what is no string its JSON, of null nothing."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
