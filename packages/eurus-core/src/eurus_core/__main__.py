"""Where ``eurus`` and ``python -m eurus_core`` begin: Ctrl-C ends them quietly while the launcher is still being imported, too."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # as of typing, which takes 8 ms to import

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> None:
    """Run the command line."""
    # Nothing that takes time is imported before this line: what Ctrl-C meets until then is Python's own start.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job may be deaf to it
        signal.signal(signal.SIGINT, _leave)
    from eurus_core.cli.launcher import main as launch

    launch()


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    """End without unwinding: an import that an exception cuts short tells of it, or swallows it."""
    os.write(2, b"\neurus: interrupted.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
