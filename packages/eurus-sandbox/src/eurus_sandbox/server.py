"""The zygote, seen from its parent: starting it, asking it for workers, telling why it died."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eurus_core.installing import how_to_install
from eurus_core.records import Tier
from eurus_sandbox.confinement.doctor import Layer, elsewhere, refusal
from eurus_sandbox.confinement.folder import Folder
from eurus_sandbox.errors import TOO_MANY_FILES, SandboxError, opening
from eurus_sandbox.exchange import Channels
from eurus_sandbox.settings import TABLES, Settings
from eurus_sandbox.worker import Worker

START_SECONDS = 120.0
"""What a zygote has to import its modules and find its tier."""
FORK_SECONDS = 120.0
"""What it has to fork, which takes milliseconds: past this it hangs."""
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from eurus_sandbox.inside import pages; pages.reserve(64); "
    "from eurus_sandbox.inside.zygote import main; main(int(sys.argv[2]), **json.loads(sys.argv[3]))"
)


class ForkServer:
    """A running zygote; one request at a time."""

    def __init__(self, process: subprocess.Popen[bytes], asked: socket.socket, words: Path):
        self._process, self._asked, self._words = process, asked, words
        self._turn = asyncio.Lock()
        self.tier: Tier = "T0"
        self.layers: list[Layer] = []

    @classmethod
    async def start(cls, settings: Settings, folder: Folder, *, cells: bool = True) -> ForkServer:
        """Start a zygote; SandboxError where it cannot import, or confines less than ``settings.minimum_tier``.

        One that is not for ``cells`` leaves IPython out.
        """
        if not sys.platform.startswith("linux"):
            raise SandboxError(elsewhere(sys.platform))
        with opening(), contextlib.ExitStack() as failed:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            failed.enter_context(ours)
            failed.enter_context(theirs)
            number, words = tempfile.mkstemp(prefix="zygote-", suffix=".log", dir=folder.top)
            with os.fdopen(number, "wb") as log:
                process = subprocess.Popen(  # noqa: ASYNC220  (starting one takes milliseconds, and only stays with us as a pid)
                    _command(settings, folder, theirs.fileno(), cells),
                    env=_environment(folder),
                    cwd=folder.work,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            failed.pop_all()
        theirs.close()
        ours.setblocking(False)
        server = cls(process, ours, Path(words))
        try:
            async with asyncio.timeout(START_SECONDS):
                hello, _ = await server._answer()
            server._accept(json.loads(hello), settings.minimum_tier)
        except TimeoutError:
            process.kill()  # it would not hear that it shall end
            await server.close()
            raise SandboxError(
                f"The sandbox's zygote was not ready after {START_SECONDS:g} s. It imports {', '.join(settings.modules) or 'nothing'}: "
                "does one of these modules hang? Set preload to fewer, or try again where the machine was busy."
            ) from None
        except BaseException:
            await server.close()
            raise
        return server

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def fork(self) -> Worker:
        """Return a fresh, confined worker; SandboxError where the zygote has died."""
        worker = Worker(await self.spawn())
        await worker.ready()
        return worker

    async def spawn(self, reading: int | None = None) -> Channels:
        """Return the channels of a fresh process, which may not yet be confined: it reads no frame before it is, and says so first.

        ``reading`` is its standard input, if it shall have any; the descriptor is handed over.
        """
        forking = asyncio.create_task(self._spawn(reading))
        try:
            return await asyncio.shield(forking)
        except asyncio.CancelledError:
            # the answer must be read all the same, or the next request would get it
            forking.add_done_callback(_discard)
            raise

    async def _spawn(self, reading: int | None) -> Channels:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            if reading is not None:
                theirs.callback(os.close, reading)
            async with self._turn:
                with opening():
                    control, control_of_child = socket.socketpair()
                    ours.enter_context(control)
                    theirs.enter_context(control_of_child)
                    output, output_of_child = os.pipe()
                    ours.callback(os.close, output)
                    theirs.callback(os.close, output_of_child)
                given = [control_of_child.fileno(), output_of_child, *([] if reading is None else [reading])]
                try:
                    socket.send_fds(self._asked, [b"fork"], given)
                except OSError:
                    raise SandboxError(self.epitaph()) from None
                try:
                    async with asyncio.timeout(FORK_SECONDS):
                        child, received = await self._answer()
                except TimeoutError:
                    self._process.kill()  # a late answer would be taken for that to the next request
                    self._process.wait()
                    raise SandboxError(
                        f"The sandbox's zygote (process {self.pid}) did not fork within {FORK_SECONDS:g} s and was ended. "
                        "The next session starts another."
                    ) from None
            if not received:  # the kernel drops what there is no number for
                raise SandboxError(TOO_MANY_FILES)
            ours.pop_all()
            return Channels(control, output, received[0], int(child))

    async def _answer(self) -> tuple[bytes, list[int]]:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._asked, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._asked)
        try:
            message, descriptors, _, _ = socket.recv_fds(self._asked, 1 << 16, 1)
        except OSError:
            message = b""
        if not message:
            raise SandboxError(self.epitaph())
        return message, descriptors

    def epitaph(self) -> str:
        """Say why the zygote died, in its own last words where it had any."""
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "The sandbox's zygote closed its socket and does not exit."
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        words = self._words.read_text("utf-8", "replace").strip().splitlines() if self._words.exists() else []
        hint = " Signal 9 without your doing is mostly the kernel, out of memory." if code == -9 else ""
        return f"The sandbox's zygote (process {self.pid}) {how}.{hint}" + (f" It said: {words[-1]}" if words else "")

    def _accept(self, hello: Mapping[str, Any], minimum: Tier) -> None:
        if "failed" in hello:
            if f"No module named '{TABLES}'" in hello["failed"]:
                raise SandboxError(
                    f"The sandbox could not start: pandas is not installed. {how_to_install('eurus-sandbox[tables]')}, or set tables = false."
                )
            raise SandboxError(f"The sandbox could not start: {hello['failed']}. Is every module of preload installed?")
        self.tier = hello["tier"]
        self.layers = [Layer(*layer) for layer in hello["layers"]]
        if self.tier >= minimum:
            return
        raise SandboxError(refusal(self.tier, minimum, self.layers))

    async def close(self) -> None:
        """End the zygote; its children die with it."""
        with contextlib.suppress(OSError):  # it may be dead already
            self._asked.send(b"end")
        self._asked.close()
        try:
            await asyncio.wait_for(asyncio.to_thread(self._process.wait), 5)
        except TimeoutError:
            self._process.kill()
            self._process.wait()
        self._words.unlink(missing_ok=True)


def _discard(forking: asyncio.Task[Channels]) -> None:
    if not forking.cancelled() and forking.exception() is None:
        forking.result().close()


def _command(settings: Settings, folder: Folder, descriptor: int, cells: bool) -> list[str]:
    keys = {
        "preload": settings.modules,
        "cells": cells,
        "memory_bytes": settings.memory_mb << 20,
        "folder_bytes": settings.folder_mb << 20,
        "maximum": settings.maximum_tier,
        "folder": str(folder.top),
        "seed": settings.seed,
    }
    path = [entry for entry in sys.path if os.path.isabs(entry)]  # noqa: PTH117  (a relative entry is the caller's own folder)
    return [sys.executable, "-s", "-P", "-B", "-c", _BOOT, json.dumps(path), str(descriptor), json.dumps(keys)]


def _environment(folder: Folder) -> dict[str, str]:
    """Return the zygote's whole environment: no secret of the parent's, one thread a library, a fixed hash seed.

    One heap for all threads: libc else maps 64 MB for each, and a session's address space held no more than ten.
    """
    fixed = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
    libraries = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    homes = dict.fromkeys(("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR"), str(folder.top))
    return {**fixed, **libraries, **homes, "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"}
