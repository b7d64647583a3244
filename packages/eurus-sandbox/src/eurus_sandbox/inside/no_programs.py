"""What would start another program or process says in a sentence that none can be started here.

The kernel refuses it in any case (:mod:`~eurus_sandbox.confinement.syscalls`), with an "Operation not permitted" that tells a model
nothing. This is a courtesy and no layer of confinement: code may undo it, and meets the kernel.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

_NOT_EXECUTABLE = 126 << 8
"""What a shell would return: the command is there and cannot be run."""
_MOST_CHARS = 200


def refuse(what: str) -> NoReturn:
    """Say that a program, or a process, cannot be started."""
    raise PermissionError(f"no programs can be started here: {what[:_MOST_CHARS]}")


def tell() -> None:
    """Put the sentence in place of every function that starts a program or a process, in this process and those forked from it."""
    for name in ("fork", "forkpty"):
        setattr(os, name, _fork)
    for name in ("execv", "execve", "posix_spawn", "posix_spawnp"):
        setattr(os, name, _execute)
    os.system = _system
    for module, name in ((sys.modules["_posixsubprocess"], "fork_exec"), (subprocess, "_fork_exec")):
        setattr(module, name, _fork_exec)
    import _multiprocessing  # type: ignore[import-not-found]

    _multiprocessing.SemLock = _Lock


def _fork() -> NoReturn:
    raise PermissionError(
        "no programs can be started here, nor other processes: use a loop, or threads, in place of multiprocessing"
    )


def _execute(path: Any, *arguments: Any, **options: Any) -> NoReturn:
    refuse(os.fsdecode(path))


def _fork_exec(arguments: Sequence[Any], *rest: Any) -> NoReturn:
    refuse(os.fsdecode(next(iter(arguments), "")))  # its name alone: what it was told may be long, or secret


def _system(command: Any) -> int:
    """Say it where a shell would, on standard error: a program that only clears the screen goes on."""
    name = os.fsdecode(command).strip().partition(" ")[0]
    print(f"no programs can be started here: {name[:_MOST_CHARS]}", file=sys.stderr)  # noqa: T201
    return _NOT_EXECUTABLE


class _Lock:
    """multiprocessing's lock between the threads of this process, for thread pools: there is no other process to share it with."""

    SEM_VALUE_MAX = (1 << 31) - 1

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool):
        self.kind, self.maxvalue, self.handle = kind, maxvalue, 0
        self.name = None  # it stands in no file
        self._value = value
        self._owner: int | None = None
        self._held = 0
        self._changed = threading.Condition(threading.Lock())

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        me = threading.get_ident()
        with self._changed:
            if self.kind == 0 and self._owner == me:  # a lock that its owner may take again
                self._held += 1
                return True
            if not self._changed.wait_for(lambda: self._value > 0, timeout if block else 0):
                return False
            self._value -= 1
            self._owner, self._held = me, self._held + 1
            return True

    def release(self) -> None:
        with self._changed:
            if self.kind == 0 and self._owner != threading.get_ident():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._value >= self.maxvalue:
                raise ValueError("semaphore or lock released too many times")
            self._held = max(0, self._held - 1)
            if self.kind == 0 and self._held:
                return
            self._owner = None
            self._value += 1
            self._changed.notify()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        return self._held > 0 and self._owner == threading.get_ident()

    def _get_value(self) -> int:
        return self._value

    def _is_zero(self) -> bool:
        return self._value == 0

    def _after_fork(self) -> None:
        self._held = 0
