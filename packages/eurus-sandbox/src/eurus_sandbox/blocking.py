"""The sandbox for code that does not await: the same sessions, driven by a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Collection, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from eurus_core.records import Observation, Tier, Verdict
from eurus_sandbox.calls import Function
from eurus_sandbox.confinement.doctor import Layer
from eurus_sandbox.errors import SandboxError
from eurus_sandbox.pool import AsyncSandbox, AsyncSession

T = TypeVar("T")

LOOK_SECONDS = 5.0
"""How often one who waits looks whether the serving thread is still there."""


class Sandbox:
    """A pool of confined interpreters, usable from any number of threads; the arguments are those of AsyncSandbox."""

    def __init__(self, *, tools: Sequence[Function] | Mapping[str, Function] = (), **settings: Any):
        self._pool = AsyncSandbox(tools=tools, **settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Sandbox:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()
        try:
            self._wait(self._pool.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def tier(self) -> Tier:
        return self._pool.tier

    @property
    def layers(self) -> list[Layer]:
        return self._pool.layers

    @property
    def zygote_pid(self) -> int | None:
        return self._pool.zygote_pid

    def session(self, tools: Collection[str] | None = None) -> Session:
        """Return a fresh session; its process starts with its first cell. ``tools`` names those on offer; None: all."""
        return Session(self, self._pool.session(tools))

    def check_stdio(
        self,
        program: str,
        tests: Sequence[tuple[str, str]],
        *,
        timeout_seconds: float | None = None,
        tolerance: float | None = None,
        together: bool = False,
    ) -> Verdict:
        """Judge a program by what it prints; see :meth:`~eurus_sandbox.pool.AsyncSandbox.check_stdio`."""
        return self._wait(
            self._pool.check_stdio(
                program, tests, timeout_seconds=timeout_seconds, tolerance=tolerance, together=together
            )
        )

    def check_asserts(
        self, program: str, tests: Sequence[str], *, timeout_seconds: float | None = None, entry_point: str = ""
    ) -> Verdict:
        """Judge a program by Python statements; see :meth:`~eurus_sandbox.pool.AsyncSandbox.check_asserts`."""
        return self._wait(
            self._pool.check_asserts(program, tests, timeout_seconds=timeout_seconds, entry_point=entry_point)
        )

    def close(self) -> None:
        """End every session, the zygote and the thread."""
        if self._loop is not None:
            try:
                self._wait(self._pool.aclose())
            finally:
                self._stop()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise SandboxError("The sandbox is not open. Use it as a context manager: with Sandbox() as sandbox: ...")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while not concurrent.futures.wait([future], timeout=LOOK_SECONDS).done:
                if self._thread is None or not self._thread.is_alive():
                    raise SandboxError(
                        "The thread that serves this sandbox is gone. A process that was forked has none: open a sandbox of its own there."
                    )
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C: the cell's process is killed, not left to its deadline
            raise

    def _stop(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.run_until_complete(_ended())  # what an interrupt has cancelled still cleans up
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
        self._loop = self._thread = None


class Session:
    """One stateful interpreter; see :class:`~eurus_sandbox.pool.AsyncSession`."""

    def __init__(self, sandbox: Sandbox, session: AsyncSession):
        self._sandbox, self._session = sandbox, session

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def deterministic(self) -> bool | None:
        """Whether a replay has shown what the first run showed; None while none has been compared."""
        return self._session.deterministic

    def run(self, code: str, timeout_seconds: float | None = None) -> Observation:
        """Run one cell and return what it showed; see :meth:`~eurus_sandbox.pool.AsyncSession.run`."""
        return self._sandbox._wait(self._session.run(code, timeout_seconds))

    def branch(self) -> Session:
        """Return a twin in the same state, independent from here on."""
        return Session(self._sandbox, self._sandbox._wait(self._session.branch()))

    def close(self) -> None:
        self._sandbox._wait(self._session.close())


async def _ended() -> None:
    """Wait for the end of all other tasks of this loop, cancelled."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
