"""One cell's passage: send the code, answer its calls, read what comes back, until its end, the deadline, a flood or death.

At the deadline comes SIGINT, which Python code turns into KeyboardInterrupt and may live on after; a loop in C does not
hear it, and is killed when the grace has passed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eurus_sandbox.calls import MOST_CALLS
from eurus_sandbox.output import Capture
from eurus_sandbox.wire import BrokenFrame, Frames, pack

GRACE_SECONDS = 0.5
FLOOD_BYTES = 16 << 20
_CHUNK = 1 << 16
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CHUNKS_IN_A_PIPE = 32  # more than the pipe of any kernel holds

Answer = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""From a frame in which the process calls a function to the frame that answers it."""
Ending = Literal["answered", "interrupted", "deadline", "flood", "died"]
"""After the first two the process lives on; after the others it must be killed."""


@dataclass(frozen=True, slots=True)
class Channels:
    """The three descriptors of a session's process: frames both ways, its standard output, a handle on the process; and its number."""

    control: socket.socket
    output: int
    process: int  # a pidfd
    pid: int

    def signal(self, number: signal.Signals) -> None:
        """Signal the process; nothing happens where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.process, number)

    def resident_bytes(self) -> int:
        """Return the memory that the process has touched, the zygote's share included; 0 where it has ended."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            statm = os.open(f"/proc/{self.pid}/statm", os.O_RDONLY)
            try:
                return int(os.read(statm, 100).split()[1]) * _PAGE_BYTES
            finally:
                os.close(statm)
        return 0

    def close(self) -> None:
        self.control.close()
        os.close(self.output)
        os.close(self.process)


class Exchange:
    """Ends once; ``message`` is what the process answered, if it did. What it says is not to be trusted."""

    def __init__(self, channels: Channels, capture: Capture, answer: Answer | None = None):
        self._channels, self._capture, self._answer = channels, capture, answer
        self._loop = asyncio.get_running_loop()
        self._frames = Frames()
        self._ended: asyncio.Future[Ending] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._interrupted = False
        self._calling: asyncio.Task[None] | None = None
        self._calls = 0
        self.message: dict[str, Any] = {}
        self.waited_seconds = 0.0  # of the process, for answers to its calls; no part of its time

    async def run(self, frame: bytes, timeout_seconds: float) -> Ending:
        """Send ``frame`` and wait for the end."""
        readers: dict[int, Callable[[], object]] = {
            self._channels.control.fileno(): self._hear,
            self._channels.output: self._read,
            self._channels.process: self._died,
        }
        self._timer = self._loop.call_later(timeout_seconds, self._out_of_time)
        sending = asyncio.ensure_future(self._send(frame))
        try:
            for descriptor, callback in readers.items():
                self._loop.add_reader(descriptor, callback)
            return await self._ended
        finally:
            # before anything is awaited: a second cancellation would leave them to the next session
            for descriptor in readers:
                self._loop.remove_reader(descriptor)
            self._timer.cancel()
            sending.cancel()
            if self._calling is not None and not self._calling.done():
                self._calling.cancel()
                await asyncio.wait([self._calling])

    def drain(self) -> None:
        """Read what the pipe still holds; to be called when the process has stopped or ended."""
        with contextlib.suppress(OSError):
            for _ in range(_CHUNKS_IN_A_PIPE):
                if not (data := os.read(self._channels.output, _CHUNK)):
                    return
                self._capture.add(data)

    async def _send(self, frame: bytes) -> None:
        with contextlib.suppress(OSError):  # a process that has died says so through its handle
            await self._loop.sock_sendall(self._channels.control, frame)

    def _end(self, ending: Ending) -> None:
        if not self._ended.done():
            self._ended.set_result(ending)

    def _died(self) -> None:
        self._end("died")

    def _hear(self) -> None:
        try:
            data = self._channels.control.recv(_CHUNK)
            messages = self._frames.feed(data)
        except BlockingIOError:
            return
        except (OSError, BrokenFrame):
            data, messages = b"", []
        if not data:
            self._end("died")
        elif messages and "call" in messages[-1]:
            self._called(messages[-1])
        elif messages:
            self.message = messages[-1]
            self._end("interrupted" if self._interrupted else "answered")

    def _called(self, message: Mapping[str, Any]) -> None:
        """Start to answer a call, the process and its clock standing still; one that asks twice at once is no honest one."""
        if self._answer is None or self._timer is None or (self._calling is not None and not self._calling.done()):
            self._end("died")
        elif self._interrupted:
            refusal = {"error": "TimeoutError", "text": "the cell is out of time"}
            self._calling = self._loop.create_task(self._send(pack(refusal)))
        else:
            left = self._timer.when() - self._loop.time()
            self._timer.cancel()
            self._calling = self._loop.create_task(self._call(self._answer, message, left))

    async def _call(self, answer: Answer, message: Mapping[str, Any], seconds_left: float) -> None:
        self._channels.signal(signal.SIGSTOP)
        started = self._loop.time()
        try:
            frame = pack(await answer(message))
        except Exception as error:  # ours, not the function's
            if not self._ended.done():
                self._ended.set_exception(error)
            return
        waited = self._loop.time() - started
        self._calls += 1
        if self._calls <= MOST_CALLS:
            self.waited_seconds += waited
        else:  # refusals only, with which a cell must not buy time
            seconds_left -= waited
        self._timer = self._loop.call_later(seconds_left, self._out_of_time)
        self._channels.signal(signal.SIGCONT)
        await self._send(frame)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._channels.output, _CHUNK)
            self._capture.add(data)
            if not data:  # the cell has closed its standard output
                self._loop.remove_reader(self._channels.output)
        if self._capture.total_bytes > FLOOD_BYTES:
            self._end("flood")

    def _out_of_time(self) -> None:
        if self._interrupted:
            self._end("deadline")
            return
        self._interrupted = True
        self._channels.signal(signal.SIGINT)
        self._timer = self._loop.call_later(GRACE_SECONDS, self._out_of_time)
