"""Many sessions over few processes: an awaitable a cell, a branch by replay, the longest idle put to sleep.

A session is its cells; its process is what they were last run in. So a process may be ended at any time (to make room,
since it was killed, since the zygote died) and made again by replaying the cells. Only a replay tells whether a session is
deterministic: it shows what the first run showed, or something else. What no cell has shown is not compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from eurus_core.records import Observation, Tier, Verdict
from eurus_sandbox.calls import Call, Calls, Function, named
from eurus_sandbox.confinement.doctor import Layer
from eurus_sandbox.confinement.folder import Folder
from eurus_sandbox.errors import SandboxError
from eurus_sandbox.programs import asserts, stdio
from eurus_sandbox.programs.dialogue import Dialogue, as_input
from eurus_sandbox.settings import Settings
from eurus_sandbox.worker import Worker
from eurus_sandbox.zygotes import Purpose, Zygotes

_CLOSED = "The sandbox is not open. Use it as a context manager: with Sandbox() as sandbox: ..."


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell that was run, and what it showed."""

    code: str
    timeout_seconds: float
    shown: Observation
    calls: tuple[Call, ...] = ()


class AsyncSandbox:
    """A pool of confined interpreters; thousands of trajectories may share one. ``settings`` are the keys of Settings.

    ``tools`` are functions that code may call and that answer out here, plain or async; arguments and answers are literals. Code
    sees their names, signatures and docstrings. ``purpose`` says what is made ready at once; the rest is when it is first needed.
    """

    def __init__(
        self,
        *,
        tools: Sequence[Function] | Mapping[str, Function] = (),
        purpose: Purpose = "cells",
        **settings: Any,
    ):
        self.tools = named(tools)
        self.settings = Settings(**settings)
        self._cells = asyncio.Semaphore(self.settings.cells_at_once)
        self._purpose = purpose
        self._zygotes: Zygotes | None = None
        self._folder: Folder | None = None
        self._idle: dict[AsyncSession, int] = {}  # those with a process, the longest idle first; bytes that each holds

    async def __aenter__(self) -> AsyncSandbox:
        self._folder = Folder.make()
        self._zygotes = Zygotes(self.settings, self._folder)
        try:
            await self._zygotes.get(self._purpose)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every session and the zygote."""
        for session in list(self._idle):
            await session.close()
        if self._zygotes is not None:
            await self._zygotes.close()
            self._zygotes = None
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    @property
    def tier(self) -> Tier:
        """How well sessions are confined; SandboxError while the sandbox is not open."""
        server = self._opened().first
        if server is None:
            raise SandboxError(_CLOSED)
        return server.tier

    @property
    def layers(self) -> list[Layer]:
        """What confines sessions here, layer by layer, and what does not."""
        server = self._opened().first
        return [] if server is None else server.layers

    @property
    def zygote_pid(self) -> int | None:
        """The process that sessions are forked from, while there is one."""
        return None if self._zygotes is None else self._zygotes.pid("cells")

    def session(self, tools: Collection[str] | None = None) -> AsyncSession:
        """Return a fresh session; its process starts with its first cell. ``tools`` names those on offer; None: all."""
        return AsyncSession(self, tools=[name for name in self.tools if tools is None or name in tools])

    async def check_stdio(
        self,
        program: str,
        tests: Sequence[tuple[str, str]],
        *,
        timeout_seconds: float | None = None,
        tolerance: float | None = None,
        together: bool = False,
    ) -> Verdict:
        """Return the verdict on a program by what it prints, given each test's input in a fresh process; see stdio.

        The deadline is each test's. ``together`` runs them side by side instead of stopping at the first that fails.
        """
        start = functools.partial(self._dialogue, program)
        seconds = self.settings.timeout_seconds if timeout_seconds is None else timeout_seconds
        verdict = await stdio.check(
            start, self._cells, program, tests, timeout_seconds=seconds, tolerance=tolerance, together=together
        )
        return self._sound(verdict)

    async def run_program(self, program: str, given: str) -> Observation:
        """Run a program once, as :meth:`check_stdio` does, and return what it shows."""
        settings, start = self.settings, functools.partial(self._dialogue, program)
        async with self._cells:
            started = time.monotonic()
            ran = await stdio.run(start, program, given, settings.timeout_seconds)
            seconds = time.monotonic() - started
        if ran.end == "died":
            self._opened().check("Run the program again.")
        return ran.shown(settings.output_chars, self.tier, seconds)

    async def check_asserts(
        self, program: str, tests: Sequence[str], *, timeout_seconds: float | None = None, entry_point: str = ""
    ) -> Verdict:
        """Return the verdict on a program by Python statements about what it defines; see asserts.

        The deadline is each test's, and that of loading the program. ``entry_point`` is the function that HumanEval's
        ``check(candidate)`` is called with. InputError where a test is no Python, or asserts nothing.
        """

        start = functools.partial(self._dialogue, program, None)
        seconds = self.settings.timeout_seconds if timeout_seconds is None else timeout_seconds
        async with self._cells:
            return self._sound(
                await asserts.check(start, program, tests, timeout_seconds=seconds, entry_point=entry_point)
            )

    async def _dialogue(self, program: str, given: bytes | None) -> Dialogue:
        """Return a fresh process for that program, which reads ``given``; None is for one whose output nobody wants."""
        zygotes = self._opened()
        server = await zygotes.get(zygotes.purpose(program))
        dialogue = Dialogue(await server.spawn(as_input(given or b"")), keep_output=given is not None)
        try:
            await dialogue.ready()
        except BaseException:
            dialogue.close()
            raise
        return dialogue

    def _sound(self, verdict: Verdict) -> Verdict:
        """Return the verdict; SandboxError where a process died since its zygote did: that is no fault of the program in it."""
        if verdict.rule == "died":
            self._opened().check("Judge the program again.")
        return verdict

    def _opened(self) -> Zygotes:
        if self._zygotes is None:
            raise SandboxError(_CLOSED)
        return self._zygotes

    async def _worker(self) -> Worker:
        return await (await self._opened().get("cells")).fork()

    def _rest(self, session: AsyncSession, worker: Worker) -> None:
        """Let an idle session's process live on, if need be in place of those longest idle."""
        most, most_bytes = self.settings.idle_sessions, self.settings.idle_mb << 20
        self._idle[session] = worker.held_bytes()
        while len(self._idle) > most or sum(self._idle.values()) > most_bytes:
            next(iter(self._idle))._sleep()

    def _check(self) -> None:
        """Raise SandboxError where a process died since its zygote did: that is no fault of the code in it."""
        if self._zygotes is not None:
            self._zygotes.check("The next cell starts a new one and replays its session.")


class AsyncSession:
    """One stateful interpreter.

    ``deterministic`` is None while a cell has not been replayed and compared, by a branch or after the process had ended; True where all have,
    and False for good once a replay has shown something else than the first run.
    """

    def __init__(self, sandbox: AsyncSandbox, cells: tuple[Cell, ...] = (), *, tools: Sequence[str] = ()):
        self._sandbox = sandbox
        self._tools = {name: sandbox.tools[name] for name in tools}
        self._cells = list(cells)
        self._worker: Worker | None = None
        self._one_at_a_time = asyncio.Lock()
        self._closed = False
        self.deterministic: bool | None = None

    async def __aenter__(self) -> AsyncSession:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run(self, code: str, timeout_seconds: float | None = None) -> Observation:
        """Run one cell and return what it showed, in the released wording.

        State survives an error, an interrupt and a MemoryError. After ``killed`` the next cell finds the state from before the
        killed one. SandboxError where the sandbox itself failed.
        """
        settings = self._sandbox.settings
        seconds = settings.timeout_seconds if timeout_seconds is None else timeout_seconds
        async with self._at_work() as worker:
            calls = self._calls()
            shown = await worker.run(code, timeout_seconds=seconds, output_chars=settings.output_chars, calls=calls)
            if shown.status != "killed":
                self._cells.append(Cell(code, seconds, shown, tuple(calls.made)))
                if self.deterministic:
                    self.deterministic = None  # what this cell did has not been compared
            else:
                self._sandbox._check()
            return shown

    async def run_program(self, program: str, given: str) -> Observation:
        """Run a whole program that reads ``given``, in a process of its own; the session stays as it is."""
        return await self._sandbox.run_program(program, given)

    async def branch(self) -> AsyncSession:
        """Return a twin in the same state, independent from here on, made by replaying the cells: both then know whether it showed the same."""
        async with self._one_at_a_time:
            twin = AsyncSession(self._sandbox, tuple(self._cells), tools=list(self._tools))
            if self.deterministic is False:
                twin.deterministic = False
        async with twin._at_work():
            self.deterministic = twin.deterministic
            return twin

    async def close(self) -> None:
        """End the session's process, in the middle of a cell too; the session cannot be used again."""
        self._closed = True
        if self._worker is not None:
            self._worker.kill()
        async with self._one_at_a_time:
            self._sleep()

    @contextlib.asynccontextmanager
    async def _at_work(self) -> AsyncIterator[Worker]:
        async with self._one_at_a_time, self._sandbox._cells:
            if self._closed:
                raise SandboxError("The session is closed. Take a new one with sandbox.session().")
            self._sandbox._idle.pop(self, None)
            try:
                yield self._worker if self._worker is not None and self._worker.lives() else await self._wake()
            finally:
                if self._worker is not None and self._worker.alive and not self._closed:
                    self._sandbox._rest(self, self._worker)
                else:
                    self._sleep()

    async def _wake(self) -> Worker:
        """Return a new worker in which the cells have been replayed."""
        self._sleep()
        worker = self._worker = await self._sandbox._worker()
        for cell in list(self._cells):
            calls = self._calls(cell.calls)
            again = await worker.run(
                cell.code,
                timeout_seconds=cell.timeout_seconds,
                output_chars=self._sandbox.settings.output_chars,
                calls=calls,
            )
            if calls.strayed or (again.text, again.status) != (cell.shown.text, cell.shown.status):
                self.deterministic = False
            if not worker.alive:
                self._sandbox._check()
                # the cell ran before and does not now: go on without it, as after any killed cell
                self._cells.remove(cell)
                return await self._wake()
        if self._cells and self.deterministic is None:
            self.deterministic = True
        return worker

    def _calls(self, record: Sequence[Call] = ()) -> Calls:
        sandbox = self._sandbox
        return Calls(self._tools, seconds=sandbox.settings.tool_seconds, cells=sandbox._cells, record=record)

    def _sleep(self) -> None:
        self._sandbox._idle.pop(self, None)
        if self._worker is not None:
            self._worker.close()
            self._worker = None
