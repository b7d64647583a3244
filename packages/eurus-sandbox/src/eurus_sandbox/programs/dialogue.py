"""A judged process, seen from its parent: frames each way, what it prints, its end. Nothing that it says is to be trusted."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from collections import deque
from collections.abc import Mapping
from typing import Any

from eurus_sandbox.errors import SandboxError, opening
from eurus_sandbox.exchange import FLOOD_BYTES, Channels
from eurus_sandbox.wire import MOST_BYTES_OF_VALUE, BrokenFrame, Frames, pack

_START_SECONDS = 30.0
_CHUNK = 1 << 16
_CHUNKS_IN_A_PIPE = 32  # more than the pipe of any kernel holds
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_MOST_UNREAD = 4  # an honest process speaks when it is asked


class Ended(Exception):
    """The process is gone, or talks nonsense, or floods: ``args[0]`` is ``died`` or ``flood``."""


class Dialogue:
    """Open from its making until :meth:`close`, which kills the process."""

    def __init__(self, channels: Channels, *, keep_output: bool):
        self._channels, self._keep_output = channels, keep_output
        self._loop = asyncio.get_running_loop()
        self._frames = Frames(2 * MOST_BYTES_OF_VALUE)
        self._unread: deque[dict[str, Any]] = deque()
        self._awaited: asyncio.Future[None] | None = None
        self._ended = ""
        self._output: list[bytes] = []
        self._output_bytes = 0
        channels.control.setblocking(False)
        os.set_blocking(channels.output, False)
        self._control = channels.control.fileno()
        self._loop.add_reader(self._control, self._hear)
        self._loop.add_reader(channels.output, self._read)

    async def ready(self) -> None:
        """Wait until the process says that it is confined; SandboxError where it fails to."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                message = await self.receive()
        except (TimeoutError, Ended):
            message = {}
        if "tier" not in message:
            raise SandboxError(
                "A process to judge a program in could not be confined. Does `eurus sandbox doctor` find a layer missing?"
            )

    async def ask(self, message: Mapping[str, object]) -> dict[str, Any]:
        """Send a frame and return the next one; Ended where there is none."""
        await self.send(message)
        return await self.receive()

    async def send(self, message: Mapping[str, object]) -> None:
        self._unread.clear()  # what was said before it was asked for is no answer
        with contextlib.suppress(OSError):  # a process that has died says so where it is listened to
            await self._loop.sock_sendall(self._channels.control, pack(message))

    async def receive(self) -> dict[str, Any]:
        """Return the next frame; Ended where there will be none."""
        while not self._unread:
            if self._ended:
                raise Ended(self._ended)
            self._awaited = self._loop.create_future()
            await self._awaited
        return self._unread.popleft()

    def output(self) -> bytes:
        """Return all that the process has printed until now, and end it, so that this is all there will be."""
        self._channels.signal(signal.SIGKILL)
        with contextlib.suppress(OSError):
            for _ in range(_CHUNKS_IN_A_PIPE):
                if not (data := os.read(self._channels.output, _CHUNK)):
                    break
                self._output.append(data)
        return b"".join(self._output)

    def close(self) -> None:
        """End the process and give its descriptors back."""
        self._loop.remove_reader(self._control)
        self._loop.remove_reader(self._channels.output)
        self._channels.signal(signal.SIGKILL)
        self._channels.close()

    def _end(self, how: str) -> None:
        self._ended = self._ended or how
        self._loop.remove_reader(self._control)
        self._loop.remove_reader(self._channels.output)
        self._wake()

    def _wake(self) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)

    def _hear(self) -> None:
        try:
            data = self._channels.control.recv(_CHUNK)
            self._unread.extend(self._frames.feed(data))
        except BlockingIOError:
            return
        except (OSError, BrokenFrame):
            data = b""
        if not data or len(self._unread) > _MOST_UNREAD:
            self._end("died")
        elif self._unread:
            self._wake()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._channels.output, _CHUNK)
            if not data:  # the program has closed its standard output
                self._loop.remove_reader(self._channels.output)
            self._output_bytes += len(data)
            if self._keep_output:
                self._output.append(data)
        if self._output_bytes > FLOOD_BYTES:
            self._end("flood")


def as_input(data: bytes) -> int:
    """Return a descriptor from which those bytes are read, then no more. A file, so that ``os.fstat(0).st_size`` works too.

    Sealed: memory behind such a file is charged to nobody.
    """
    with opening():
        descriptor = os.memfd_create("input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor
