"""The worker's side of the guard: one call after the other, each under the kernel's clock. Run as ``python -m``."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import sys
import traceback
from typing import Any


def main(memory_mb: int) -> None:
    """Answer calls from standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end this process notices by itself
    signal.signal(
        signal.SIGPROF, signal.SIG_DFL
    )  # the default action ends the process, also inside a long multiplication
    _limit_memory(memory_mb << 20)
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not a reply
    with contextlib.suppress(BrokenPipeError), inbox, outbox:
        while True:
            try:
                function, arguments, seconds = pickle.load(inbox)  # noqa: S301 - our own parent's words
            except EOFError:
                return
            reply = _answer(function, arguments, seconds)
            outbox.write(pickle.dumps(reply))
            outbox.flush()


def _answer(function: Any, arguments: tuple[Any, ...], seconds: float) -> tuple[str, Any]:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return "done", function(*arguments)
    except MemoryError:
        return "memory", "more memory than a comparison may take"
    except RecursionError:
        return "depth", "nested too deeply"
    except Exception:
        return "raised", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory(extra: int) -> None:
    """Allow so many bytes on top of what is mapped now: an absolute limit would depend on what the interpreter maps."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # where the kernel does not say, the deadline alone holds
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123
            mapped = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (mapped + extra, mapped + extra))


if __name__ == "__main__":
    main(int(sys.argv[1]))
