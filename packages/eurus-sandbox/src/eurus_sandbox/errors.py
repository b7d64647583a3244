"""What goes wrong with a sandbox, as opposed to inside one."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from eurus_core.errors import UserError

TOO_MANY_FILES = "This process may open no more files, and a session takes three. Raise the limit (ulimit -n), or lower idle_sessions."


class SandboxError(UserError):
    """The sandbox cannot be had as asked, or its zygote died; says which layer or process, and what to do."""


@contextlib.contextmanager
def opening() -> Iterator[None]:
    """Say in a SandboxError that no more files can be opened."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        raise SandboxError(TOO_MANY_FILES) from None
