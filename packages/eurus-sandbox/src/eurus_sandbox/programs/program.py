"""A judged program, in the process that is its own: run from top to bottom, or loaded and then asked for values.

Nothing in here decides anything. What is expected never enters this process, so whatever a program does to it (patch it, leave it,
write frames of its own) can only change what it answers.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import functools
import io
import itertools
import operator
import os
import sys
import threading
import traceback
import types
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TextIO

from eurus_sandbox.literals import Reference, content, decode, encode
from eurus_sandbox.programs.counting import Counted
from eurus_sandbox.wire import MOST_BYTES_OF_VALUE, read_frame, write_frame

_FILE = "solution.py"
_MOST_CHARS_OF_ERROR = 300
_REHEARSALS = 32
_STREAM: Any = io.IOBase.__base__
"""What every stream derives from. To ask an abstract class costs a note on each kind of value that is asked about: 0.4 ms in a fresh process."""
_exit = os._exit


def rehearse() -> None:
    """Run programs as :func:`run` will, until Python has noted how: a process then has less to note in pages of its own."""
    with contextlib.redirect_stdout(io.StringIO()):
        for _ in range(_REHEARSALS):
            _ended(lambda: _execute("print(1)", _FILE))
            _write_out(sys.stdout)
    del sys.modules[_FILE]


def run(control: int, source: str) -> NoReturn:
    """Run a program as ``python solution.py`` would, say how it ended, and leave."""

    def leave(status: int) -> NoReturn:
        write_frame(control, {"end": "ok"} if status == 0 else {"end": "error", "why": f"exit status {status}"})
        _exit(0)

    os._exit = leave  # the zygote reaps this process, so its parent never sees the status
    atexit._clear()  # what the zygote's modules would do at their end is not the program's; a third of a millisecond with IPython
    stdout = sys.stdout
    end = _ended(lambda: _execute(source, "__main__"))
    for last in (threading._shutdown, atexit._run_exitfuncs, lambda: _write_out(stdout)):  # type: ignore[attr-defined]
        try:
            last()
        except BaseException as error:
            end = end if end["end"] != "ok" else _said(error)
    write_frame(control, end)
    _exit(0)


def serve(control: int, source: str, inside: bool) -> NoReturn:
    """Load a program as a module, say how that ended, and answer requests until the parent closes.

    ``inside`` marks requests that bring Python statements to be run in the program's own namespace: the judgement of last resort.
    """
    module: dict[str, Any] = {}
    write_frame(control, _ended(lambda: module.update(names=_execute(source, "solution"))))
    names = module.get("names", {})
    objects = _Objects()
    tests = Counted(names, ()) if inside else None
    try:
        while True:
            request = read_frame(control)
            if tests is not None:
                end = _ended(functools.partial(_to_the_end, tests, request["code"]))
                write_frame(control, {**end, "ran": tests.ran})
            else:
                write_frame(control, _answer(request, names, objects))
    finally:
        _exit(0)


def _to_the_end(tests: Counted, code: str) -> None:
    """Run a test; one that the program leaves by ``sys.exit`` has failed, not ended."""
    try:
        tests.run(code)
    except SystemExit as error:
        raise RuntimeError(f"the program left: SystemExit({error.code!r})") from None


class _Objects:
    """What the program returned and is no literal, by number."""

    def __init__(self) -> None:
        self._objects: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._count = itertools.count(1)

    def refer(self, value: object) -> dict[str, Any]:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = next(self._count)
            self._objects[number] = value
        return {"object": [number, *content(value, self.refer)]}

    def resolve(self, reference: Reference) -> object:
        return self._objects[reference.number]


def _answer(request: Mapping[str, Any], names: dict[str, Any], objects: _Objects) -> dict[str, Any]:
    """Do what is asked and return the result, what became of mutable arguments, or the exception."""
    try:
        arguments = [decode(text, objects.resolve) for text in request["arguments"]]
        if (name := request.get("name")) is not None:
            if name not in names:
                raise NameError(f"name {name!r} is not defined")
            arguments.insert(0, names[name])
        keywords = {key: decode(text, objects.resolve) for key, text in request.get("keywords", {}).items()}
        returned = _DOING[request["do"]](*arguments, **keywords)
        result = encode(returned, objects.refer)
        if len(result) > MOST_BYTES_OF_VALUE:
            return {"large": len(result)}
        if "name" in request:  # a lone expectation: nobody looks at its arguments again
            return {"value": result}
        given = {**dict(zip(map(str, range(len(arguments))), arguments, strict=True)), **keywords}
        texts = {**dict(zip(given, request["arguments"], strict=False)), **request.get("keywords", {})}
        mutable = {place: one for place, one in given.items() if texts[place][:1] in "[{"}
        changed = {place: now for place, one in mutable.items() if (now := encode(one, objects.refer)) != texts[place]}
        same = next((place for place, one in mutable.items() if one is returned), None)
        return {"value": result, "changed": changed, "same": same}
    except BaseException as error:
        return _raised(error)


def _isinstance(value: object, kind: Any) -> bool:
    return isinstance(value, kind)


def _call(function: Callable[..., object], *arguments: object, **keywords: object) -> object:
    return function(*arguments, **keywords)


_DOING: dict[str, Callable[..., object]] = {
    "call": _call,
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "iter": iter,
    "next": next,
    "len": len,
    "bool": bool,
    "str": str,
    "repr": repr,
    "value": lambda value: value,
    "isinstance": _isinstance,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "contains": operator.contains,
    **{
        name: getattr(operator, name)
        for name in (
            "eq",
            "ne",
            "lt",
            "le",
            "gt",
            "ge",
            "add",
            "sub",
            "mul",
            "truediv",
            "floordiv",
            "mod",
            "neg",
            "abs",
            "matmul",
        )
    },
}


def _execute(source: str, name: str) -> dict[str, Any]:
    """Run source text as the module ``name`` and return its namespace."""
    module = types.ModuleType(name)
    names = vars(module)
    names.update(__file__=_FILE, __builtins__=builtins)
    sys.modules[name] = module
    sys.argv = [_FILE]
    exec(compile(source.removeprefix("\ufeff"), _FILE, "exec", dont_inherit=True), names)  # noqa: S102  (what this process is for)
    return names


def _ended(work: Callable[[], object]) -> dict[str, Any]:
    """Do the work and return how it ended, as a frame."""
    try:
        work()
    except BaseException as error:
        return _said(error)
    return {"end": "ok"}


def _said(error: BaseException) -> dict[str, Any]:
    if isinstance(error, SystemExit) and error.code in (None, 0, ""):
        return {"end": "ok"}
    if isinstance(error, MemoryError):
        return {"end": "memory", "why": "MemoryError"}
    return {"end": "error", "why": _last_line(error)}


def _raised(error: BaseException) -> dict[str, Any]:
    """Return an exception by the nearest builtin class: classes do not cross."""
    if isinstance(error, MemoryError):
        return {"raised": "MemoryError", "why": "MemoryError"}
    kinds = (kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
    return {"raised": next(kinds, "Exception"), "why": _last_line(error), "text": _text(error)}


def _text(error: BaseException) -> str:
    with contextlib.suppress(BaseException):
        return str(error)[:_MOST_CHARS_OF_ERROR]
    return ""


def _last_line(error: BaseException) -> str:
    with contextlib.suppress(BaseException):
        line = traceback.format_exception_only(error)[-1].strip()
        places = [frame.tb_lineno for frame in _frames(error) if frame.tb_frame.f_code.co_filename == _FILE]
        return f"{line[:_MOST_CHARS_OF_ERROR]}" + (f" (line {places[-1]})" if places else "")
    return type(error).__name__


def _frames(error: BaseException) -> list[types.TracebackType]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    return frames


def _write_out(stdout: TextIO) -> None:
    """Write what is left in the program's streams, as Python does at its end: also in one that was replaced, and in files of its own."""
    if sys.stdout is not None and not getattr(sys.stdout, "closed", False):
        sys.stdout.flush()
    main = sys.modules.get("__main__")
    for file in (stdout, *([] if main is None else vars(main).values())):
        if isinstance(file, _STREAM):
            with contextlib.suppress(OSError, ValueError):  # closed, or written to by nobody
                file.flush()


def open_streams() -> None:
    """Open the streams that a program shall find, once, in the zygote: those of a session flush at every line."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (they live as long as the process)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
