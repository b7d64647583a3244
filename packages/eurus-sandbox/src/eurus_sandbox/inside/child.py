"""A session's process: it closes what it inherited, confines itself, says so, and only then reads cells, or a program to judge."""

from __future__ import annotations

# what signal is made of, without its enumerations: 0.2 ms of a fresh session
import _signal  # type: ignore[import-not-found]
import contextlib
import gc
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from eurus_sandbox.confinement.kernel import move_up
from eurus_sandbox.confinement.layers import Confinement
from eurus_sandbox.inside.host_functions import stubs
from eurus_sandbox.programs import role
from eurus_sandbox.wire import read_frame, write_frame

if TYPE_CHECKING:
    from eurus_sandbox.inside.interpreter import Interpreter

_CONTROL = 3
_MOST_DESCRIPTORS = os.sysconf("SC_OPEN_MAX")
_REHEARSALS = 32
_on_sigint = partial(_signal.signal, signal.SIGINT.value)


def live(
    *,
    control: int,
    output: int,
    reading: int | None,
    confinement: Confinement,
    ready: bytes,
    shell: Interpreter | None,
) -> NoReturn:
    """Become a session. Called in a freshly forked child of the zygote; does not return.

    ``reading`` is the standard input of a program to judge, ``shell`` what a session of cells needs, ``ready`` the frame that says
    it is confined.
    """
    _take_descriptors(control, output, reading, keep=confinement.descriptors)
    confinement.enter()
    gc.enable()
    os.write(_CONTROL, ready)
    try:
        while True:
            message = read_frame(_CONTROL)
            if "code" not in message or shell is None:
                role.begin(_CONTROL, message)
            if "functions" in message:
                shell.push(stubs(message["functions"], _CONTROL), interactive=False)  # type: ignore[no-untyped-call]
            write_frame(_CONTROL, {"end": _run(shell, message["code"])})
    finally:
        os._exit(0)  # the parent has closed, or a cell broke this very process: nothing to say, nobody to tell


def rehearse(shell: Interpreter) -> None:
    """Run cells as a session will, until Python has noted how: a session then runs faster, and has less to note in pages of its own."""
    reading, writing = os.pipe()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        for _ in range(_REHEARSALS):
            write_frame(writing, {"code": "1 + 1"})
            _run(shell, read_frame(reading)["code"])
    for descriptor in (reading, writing):
        os.close(descriptor)
    shell.reset(new_session=True)  # type: ignore[no-untyped-call]


def _run(shell: Interpreter, code: str) -> str:
    """Run one cell, open to SIGINT for exactly as long as it lasts."""
    end: str = "error"
    try:
        _on_sigint(signal.default_int_handler)
        try:
            end = shell.run(code)
            sys.stdout.flush()
        finally:
            _on_sigint(_signal.SIG_IGN)
    except BaseException as error:
        # IPython itself failed, in what the cell left of it; whatever it was, the session goes on
        with contextlib.suppress(BaseException):
            print(f"{type(error).__name__}: {error}", flush=True)  # noqa: T201
    return end


def _take_descriptors(control: int, output: int, reading: int | None, *, keep: list[int]) -> None:
    """Leave open: what there is to read on 0, output on 1, errors on 2, the parent on 3, and ``keep``.

    Without ``reading`` there is nothing to read, and errors are output; with it, they are dropped.
    """
    nothing, output, control = map(move_up, (os.open(os.devnull, os.O_RDWR), output, control))
    inputs, errors = (nothing, output) if reading is None else (move_up(reading), nothing)
    for target, source in ((0, inputs), (1, output), (2, errors), (_CONTROL, control)):
        os.dup2(source, target, inheritable=False)
    first = _CONTROL + 1
    for kept in sorted(keep):
        os.closerange(first, kept)
        first = kept + 1
    os.closerange(first, _MOST_DESCRIPTORS)
