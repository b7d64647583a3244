"""The guard: comparing untrusted text in a process that can be killed, under a deadline that counts computing, not queueing.

Work on huge integers holds the interpreter for minutes, and no signal handler or thread can interrupt it. So the work is done by a
worker process whose CPU time the kernel counts: ``ITIMER_PROF`` with the signal's default action ends the process wherever it is. A
machine that is busy with something else takes nothing from a deadline.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Literal, TypeVar

R = TypeVar("R")

MEMORY_MB = 1024
"""What the worker may take on top of what it starts with; past it a comparison is ``limit``."""
STALLED_SECONDS = 60.0
"""Wall-clock seconds, besides twenty times the deadline, after which a worker that does not even compute is given up."""


class Exceeded(Exception):
    """A call that was stopped: ``outcome`` is ``timeout`` (its deadline) or ``limit`` (memory, depth), ``rule`` says which."""

    def __init__(self, outcome: Literal["timeout", "limit"], rule: str, why: str):
        super().__init__(why)
        self.outcome, self.rule, self.why = outcome, rule, why


class Guard:
    """One worker process, started when it is first needed and replaced when it was killed. Threads may share it: their calls queue."""

    def __init__(self, memory_mb: int = MEMORY_MB):
        self._memory_mb = memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def call(self, seconds: float, function: Callable[..., R], *arguments: Any) -> R:
        """Return ``function(*arguments)``, both picklable, computed in the worker within so many seconds of CPU time.

        Raises Exceeded past the deadline or the worker's memory. Importing the function's module is not counted.
        """
        request = pickle.dumps((function, arguments, seconds))
        with self._lock:
            kind, value = self._ask(request, seconds)
        if kind == "done":
            result: R = value
            return result
        if kind == "raised":
            raise RuntimeError(f"{function.__name__} failed on untrusted text; this is a bug:\n{value}")
        raise Exceeded("limit", kind, value)

    def close(self) -> None:
        """End the worker; a later call starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # of a request that nobody read
                    pipe.close()

    def _ask(self, request: bytes, seconds: float) -> tuple[str, Any]:
        process = self._process
        if process is None or process.poll() is not None:  # died while idle: no fault of this call's
            self.close()
            process = self._start()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the worker was started without pipes")
        try:
            process.stdin.write(request)
            process.stdin.flush()
            replied = select.poll()  # select() knows no descriptor above 1023, and sessions take thousands
            replied.register(process.stdout, select.POLLIN)
            if not replied.poll(1000 * (STALLED_SECONDS + 20 * seconds)):
                self.close()
                raise Exceeded("timeout", "stalled", "the worker made no progress")
            reply: tuple[str, Any] = pickle.load(process.stdout)  # noqa: S301 - our own worker's words
            return reply
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            code = process.wait()
            self.close()
        except BaseException:
            self.close()  # its reply would be taken for the next call's
            raise
        if code == -signal.SIGPROF:
            raise Exceeded("timeout", "deadline", f"not decided within {seconds:g} s of computing")
        if code < 0:
            raise Exceeded("limit", "killed", f"the worker was ended by signal {-code}")
        raise RuntimeError(f"the grading worker ended with status {code}; its own words are above")

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "eurus_graders.worker", str(self._memory_mb)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process


@functools.cache
def shared() -> Guard:
    """Return this process's guard, which every grader in it uses."""
    guard = Guard()
    atexit.register(guard.close)
    return guard


# A forked child must not talk through its parent's pipes.
os.register_at_fork(after_in_child=shared.cache_clear)
