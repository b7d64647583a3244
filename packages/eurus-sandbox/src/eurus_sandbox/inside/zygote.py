"""The zygote: a small process that imports once and forks one confined child a session.

It is started with an empty environment, answers on one SEQPACKET socket, and ends when it is told so or when that socket closes:
whatever becomes of the parent, Ctrl-C and ``kill -9`` included, no process and no folder is left behind.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from eurus_sandbox.confinement import kernel
from eurus_sandbox.confinement.folder import Folder
from eurus_sandbox.confinement.layers import Confinement
from eurus_sandbox.inside import no_programs, pages
from eurus_sandbox.inside.child import live, rehearse
from eurus_sandbox.programs import program
from eurus_sandbox.wire import pack

if TYPE_CHECKING:
    from eurus_sandbox.inside.interpreter import Interpreter

_fork = os.fork  # sessions find another in its place
_ORPHAN_CHECK_SECONDS = 5.0
_UNASKED = frozenset({"charset_normalizer", "pyarrow"})
"""What preloaded modules import where it is installed and no cell misses: the first, for numpy.f2py, loads ten libraries; the second, for
pandas, takes memory and starts threads, which no fork survives."""


def main(descriptor: int, *, folder: str, seed: int, preload: Sequence[str], cells: bool, **limits: Any) -> NoReturn:
    """Import, report the tier, and fork until the socket closes. ``limits`` are those of Confinement.

    ``cells`` is False where sessions only judge programs: what IPython takes, every fork would pay for.
    """
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    asked, made = socket.socket(fileno=descriptor), Folder(Path(folder))
    try:
        shell = _warm(preload, cells)
        confinement = Confinement(folder=made, preload=preload, **limits)
        tier = confinement.attempt()
    except Exception as error:
        _tell(asked, {"failed": f"{type(error).__name__}: {error}"}, made)
        raise
    _settle(made.work, seed, cells)
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page
    pages.settle()
    _tell(asked, {"tier": tier, "layers": confinement.layers()}, made)
    _serve(asked, parent, shell, confinement, pack({"tier": tier}), made)


def _tell(asked: socket.socket, message: Mapping[str, object], folder: Folder) -> None:
    """Send the first message; where the parent went while this process imported, end."""
    try:
        asked.send(json.dumps(message).encode())
    except OSError:
        _end(folder)


def _warm(preload: Sequence[str], cells: bool) -> Interpreter | None:
    gc.disable()
    shell = None
    if cells:
        from eurus_sandbox.inside.interpreter import interpreter

        shell = interpreter()
    for name in preload:
        with _without(*_UNASKED.difference(preload)):
            importlib.import_module(name)
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random")
    if "sympy" in sys.modules:
        import sympy

        sympy.integrate("x**2")
        sympy.solve("x**2 - 1")
    if shell is None:
        program.rehearse()
    else:
        rehearse(shell)
    return shell


@contextlib.contextmanager
def _without(*modules: str) -> Iterator[None]:
    """Let these be missing meanwhile."""
    hidden: dict[str, Any] = dict.fromkeys(set(modules).difference(sys.modules))
    sys.modules.update(hidden)  # None is how an import is told that there is none
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _settle(folder: Path, seed: int, cells: bool) -> None:
    """Leave behind what every session shall find, once: each page that a child writes to costs it a copy."""
    os.chdir(folder)
    no_programs.tell()
    sys.argv, sys.orig_argv = [""], []  # those of this process are no arguments of theirs, and name folders
    os.environ.clear()
    # joblib, and scikit-learn with it, then works in this process: it would look for processors where nothing can be read
    os.environ["JOBLIB_MULTIPROCESSING"] = "0"
    os.environ.update(HOME=str(folder), TMPDIR=str(folder), PATH="/usr/bin:/bin", LANG="C.UTF-8", MPLBACKEND="agg")
    tempfile.tempdir = str(folder)
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed(seed)
    random.seed(seed)
    if not cells:
        program.open_streams()
        return
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (it lives as long as the process)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stdout
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


def _serve(
    asked: socket.socket,
    parent: int,
    shell: Interpreter | None,
    confinement: Confinement,
    ready: bytes,
    folder: Folder,
) -> NoReturn:
    fork = kernel.fork if len(os.listdir("/proc/self/task")) == 1 else _fork  # noqa: PTH208  (only how many)
    asking, children = asked.fileno(), dict[int, int]()
    events = select.epoll()
    events.register(asking, select.EPOLLIN)
    while os.getppid() == parent:  # the socket stays open where the parent had forked without exec
        for descriptor, _ in events.poll(_ORPHAN_CHECK_SECONDS):
            if descriptor != asking:
                os.waitpid(children.pop(descriptor), 0)
                events.unregister(descriptor)  # closing is not enough: the parent holds another for the same process
                os.close(descriptor)
                continue
            message, descriptors, _, _ = socket.recv_fds(asked, 64, 3)
            if message != b"fork":
                _end(None if message == b"end" else folder)
            control, output, *reading = descriptors
            child = fork()
            if child == 0:
                live(
                    control=control,
                    output=output,
                    reading=reading[0] if reading else None,
                    confinement=confinement,
                    ready=ready,
                    shell=shell,
                )
            for given in descriptors:
                os.close(given)
            watched = os.pidfd_open(child)
            children[watched] = child
            events.register(watched, select.EPOLLIN)
            socket.send_fds(asked, [str(child).encode()], [watched])
    _end(folder)


def _end(left: Folder | None) -> NoReturn:
    """End; where the parent went without a word, remove the folder that it ``left``."""
    if left is not None:
        left.remove()
    os._exit(0)
