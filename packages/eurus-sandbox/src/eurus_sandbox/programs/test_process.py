"""The tests of a program, in a session of their own: what the program defines are stubs here."""

from __future__ import annotations

import builtins
import contextlib
import os
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from eurus_sandbox.programs.counting import FILE, Counted, Failed
from eurus_sandbox.programs.program_proxy import Program
from eurus_sandbox.wire import read_frame, write_frame

_MOST_CHARS_OF_ERROR = 300


def serve(control: int, names: Sequence[str]) -> NoReturn:
    """Run the statements that frames bring, in one namespace, and say how each ended, until the parent closes.

    ``ran`` is how many assertions have passed until then.
    """
    program = Program(control)
    namespace: dict[str, Any] = {"__builtins__": builtins}
    tests = Counted(namespace, names)
    try:
        for name in names:
            with contextlib.suppress(NameError):  # the test that uses it will say so
                namespace[name] = program.look_up(name)
        write_frame(control, {"end": "ok"})
        while True:
            request = read_frame(control)
            frame = _judged(request["code"], tests)
            if program.refused:  # whatever the tests made of the exception
                frame = {"end": "no literal", "why": program.refused}
            write_frame(control, {**frame, "inside": program.inside, "ran": tests.ran})
    finally:
        os._exit(0)


def _judged(code: str, tests: Counted) -> dict[str, Any]:
    try:
        tests.run(code)
    except Failed as error:
        return {"end": "assertion", "why": str(error)[:_MOST_CHARS_OF_ERROR]}
    except AssertionError as error:
        if _is_of_pandas(error):  # a stub is no DataFrame, which its comparisons look at first
            return {"end": "no literal", "why": "pandas compares objects of the program's"}
        return {"end": "assertion", "why": _line_of(code, error)}
    except BaseException as error:
        return {"end": "error", "why": f"{_said(error)} in {_line_of(code, error)}"}
    return {"end": "ok"}


def _is_of_pandas(error: BaseException) -> bool:
    return f"{os.sep}pandas{os.sep}" in traceback.extract_tb(error.__traceback__)[-1].filename


def _line_of(code: str, error: BaseException) -> str:
    """Return the line of the tests that failed."""
    lines = code.splitlines()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == FILE and frame.lineno and frame.lineno <= len(lines):
            return lines[frame.lineno - 1].strip()[:_MOST_CHARS_OF_ERROR]
    return _said(error)


def _said(error: BaseException) -> str:
    with contextlib.suppress(BaseException):
        return traceback.format_exception_only(error)[-1].strip()[:_MOST_CHARS_OF_ERROR]
    return type(error).__name__
