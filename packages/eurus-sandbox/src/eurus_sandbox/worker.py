"""One confined process, seen from its parent.

Between cells the process is stopped, so that threads a cell left behind use no core and print nothing into the next one.
"""

from __future__ import annotations

import os
import select
import signal
import time

from eurus_core.records import Observation, ObservationStatus, Tier
from eurus_sandbox.calls import Calls
from eurus_sandbox.errors import SandboxError
from eurus_sandbox.exchange import FLOOD_BYTES, Channels, Ending, Exchange
from eurus_sandbox.output import Capture, observed
from eurus_sandbox.wire import MOST_BYTES_OF_CODE, pack

_START_SECONDS = 30.0
_STATUS: dict[str, ObservationStatus] = {"ok": "ok", "memory": "memory"}  # whatever else a process says is an error
_KILLED: dict[Ending, str] = {
    "deadline": "[Killed: the code ran past {seconds:g} s and did not stop when interrupted.]",
    "flood": f"[Killed: the code printed more than {FLOOD_BYTES >> 20} MB.]",
    "died": "[Killed: the interpreter died.]",
}
_INTERRUPTED = "[Interrupted: the code ran past {seconds:g} s.]"
_SILENT = "[The code failed and did not say why: its output is closed or replaced.]"


class Worker:
    """Lives until a cell has to be killed, or :meth:`close`."""

    def __init__(self, channels: Channels):
        self._channels = channels
        self.alive = True
        self.tier: Tier = "T0"
        self._informed = False  # of the functions on offer
        self._first_bytes = 0
        channels.control.setblocking(False)
        os.set_blocking(channels.output, False)

    async def ready(self) -> None:
        """Wait until the process says that it is confined; SandboxError with its last words where it fails to."""
        capture = Capture(2000)
        exchange = Exchange(self._channels, capture)
        ending: Ending = "died"
        try:
            ending = await exchange.run(b"", _START_SECONDS)
        finally:
            if ending in _KILLED:
                self._settle(exchange, ending)
        if not self.alive:
            raise SandboxError(f"A session could not be confined ({ending}): {observed(capture.text())}")
        self.tier = exchange.message["tier"]
        self._first_bytes = self._channels.resident_bytes()

    async def run(self, code: str, *, timeout_seconds: float, output_chars: int, calls: Calls) -> Observation:
        """Run one cell. Where the status is ``killed`` the worker is closed; else its state lives on."""
        functions = [] if self._informed else calls.offered()
        frame = pack({"code": code} | ({"functions": functions} if functions else {}))
        if len(code) > MOST_BYTES_OF_CODE:
            refusal = f"[Not run: a cell of {len(code)} characters; the most is {MOST_BYTES_OF_CODE}.]"
            return Observation(refusal, "error", self.tier)
        capture = Capture(output_chars)
        self._informed = True
        exchange = Exchange(self._channels, capture, calls.answer)
        started = time.monotonic()
        ending: Ending = "died"
        self._channels.signal(signal.SIGCONT)
        try:
            ending = await exchange.run(frame, timeout_seconds)
        finally:
            self._settle(exchange, ending)
        seconds = time.monotonic() - started - exchange.waited_seconds
        status: ObservationStatus
        if ending in _KILLED:
            note, status = _KILLED[ending], "killed"
        elif ending == "interrupted":
            note, status = _INTERRUPTED, "timeout"
        else:
            note, status = "", _STATUS.get(str(exchange.message.get("end")), "error")
        text = capture.text()
        if status != "ok" and not (text.strip() or note):
            note = _SILENT
        return Observation(observed(text, note.format(seconds=timeout_seconds)), status, self.tier, seconds)

    def _settle(self, exchange: Exchange, ending: Ending) -> None:
        """Stop or end the process, then read its last output; after a cancelled cell its state is unknown, so it is ended."""
        if ending in _KILLED:
            self.kill()
            self.alive = False
            self._ended(1000)  # as long as the kernel needs to give its memory back
        else:
            self._channels.signal(signal.SIGSTOP)
        exchange.drain()
        if not self.alive:
            self._channels.close()

    def lives(self) -> bool:
        """Tell whether the process is there to run a cell; one may die between cells, by the hand of the kernel."""
        return self.alive and not self._ended(0)

    def _ended(self, milliseconds: int) -> bool:
        handle = select.poll()
        handle.register(self._channels.process, select.POLLIN)
        return bool(handle.poll(milliseconds))

    def held_bytes(self) -> int:
        """Return the memory that cells have touched since the start and not given back, about."""
        return max(0, self._channels.resident_bytes() - self._first_bytes)

    def kill(self) -> None:
        """End the process; a cell that is running in it ends as killed."""
        if self.alive:
            self._channels.signal(signal.SIGKILL)

    def close(self) -> None:
        """End the process and give its descriptors back; may be called again."""
        if self.alive:
            self.kill()
            self.alive = False
            self._channels.close()
