"""The zygotes of a sandbox: one a purpose, started when it is first needed and again when it has died.

What a zygote has loaded, each fork pays for. So one is for cells, with IPython and the preloaded modules; one for programs that use those
modules; one for all other programs, with the standard library alone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from eurus_sandbox.confinement.folder import Folder
from eurus_sandbox.errors import SandboxError
from eurus_sandbox.server import ForkServer
from eurus_sandbox.settings import Settings

log = logging.getLogger(__name__)

Purpose = Literal["cells", "programs", "plain programs"]

STANDARD = tuple(
    """abc array base64 bisect calendar cmath collections contextlib copy dataclasses datetime decimal enum fractions functools hashlib
    heapq io itertools json math operator os queue random re statistics string struct textwrap threading time traceback typing
    unicodedata""".split()  # noqa: SIM905  (a column of 35 names says no more)
)
"""What plain programs import most."""


class Zygotes:
    """Open from its making until :meth:`close`."""

    def __init__(self, settings: Settings, folder: Folder):
        self._settings, self._folder = settings, folder
        self._servers: dict[Purpose, ForkServer] = {}
        self._starting = asyncio.Lock()

    async def get(self, purpose: Purpose) -> ForkServer:
        """Return the zygote for that purpose; SandboxError where it cannot be had."""
        async with self._starting:
            server = self._servers.get(purpose)
            if server is not None and not server.alive:
                log.warning("%s It is started again.", server.epitaph())
                await self._servers.pop(purpose).close()
                server = None
            if server is None:
                plain = purpose == "plain programs"
                settings = (
                    self._settings.model_copy(update={"preload": STANDARD, "tables": False})
                    if plain
                    else self._settings
                )
                server = await ForkServer.start(settings, self._folder, cells=purpose == "cells")
                self._servers[purpose] = server
            return server

    def purpose(self, program: str) -> Purpose:
        """Return what serves a program: it may use a preloaded module where it names one."""
        modules = {name.partition(".")[0] for name in self._settings.modules}
        return "programs" if any(name in program for name in modules) else "plain programs"

    @property
    def first(self) -> ForkServer | None:
        """The zygote that was started first; all confine alike."""
        return next(iter(self._servers.values()), None)

    def pid(self, purpose: Purpose) -> int | None:
        server = self._servers.get(purpose)
        return None if server is None else server.pid

    def check(self, consequence: str) -> None:
        """Raise SandboxError where a zygote has died: that a process died with it is no fault of the code in it."""
        for server in self._servers.values():
            if not server.alive:
                raise SandboxError(f"{server.epitaph()} {consequence}")

    async def close(self) -> None:
        while self._servers:
            await self._servers.popitem()[1].close()
