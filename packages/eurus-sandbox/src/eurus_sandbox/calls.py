"""Functions that answer outside: what code in a session may call, how a call is checked, asked and recorded.

A call crosses as literals, both ways, and its answer is kept with the cell: a replay is answered from that record, so that a
branch sees what its first run saw and nothing is asked twice. The cell's clock and its process stand still while it waits, and the
function has a deadline of its own.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import inspect
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from eurus_sandbox.literals import NotLiteral, decode, encode

log = logging.getLogger(__name__)

Function = Callable[..., Any]
"""Plain or awaitable; a plain one runs in a thread, which its deadline cannot stop."""

MOST_BYTES_OF_ANSWER = 256 << 10
MOST_CALLS = 100
_MOST_CHARS_OF_ERROR = 2000


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was answered; ``answer`` is the frame that went back."""

    name: str
    arguments: str
    answer: Mapping[str, Any]


class Calls:
    """The calls of one cell: answered from ``record`` while they are the recorded ones, else by asking."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        *,
        seconds: float,
        cells: asyncio.Semaphore,
        record: Sequence[Call] = (),
    ):
        self.made: list[Call] = []
        self.strayed = False
        self._functions, self._seconds, self._cells = functions, seconds, cells
        self._record = deque(record)

    def offered(self) -> list[dict[str, str]]:
        """Return what a session's process has to know of each function."""
        return [{"name": name, "about": _about(name, function)} for name, function in self._functions.items()]

    async def answer(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the frame that answers one that came from the process, which is not to be trusted."""
        if len(self.made) >= MOST_CALLS:  # not recorded either: a cell may go on asking, and be told so each time
            return error(RuntimeError(f"a cell may make {MOST_CALLS} calls"))
        name, arguments = str(message.get("call")), str(message.get("arguments"))
        known = self._record.popleft() if self._record else None
        if known is not None and (known.name, known.arguments) == (name, arguments):
            answer = known.answer
        else:
            self.strayed = self.strayed or known is not None
            self._record.clear()
            answer = await self._asked(name, arguments)
        self.made.append(Call(name, arguments, answer))
        return answer

    async def _asked(self, name: str, arguments: str) -> Mapping[str, Any]:
        function = self._functions.get(name)
        if function is None:
            return error(NameError(f"no function {name!r} is offered here"))
        try:
            args, kwargs = decode(arguments, _refuse)
            inspect.signature(function).bind(*args, **kwargs)
        except (TypeError, ValueError, RecursionError) as refusal:
            return error(TypeError(f"{name}(): {refusal}"))
        here = inspect.iscoroutinefunction(function)
        try:
            async with _aside(self._cells), asyncio.timeout(self._seconds):
                value = await (function(*args, **kwargs) if here else asyncio.to_thread(function, *args, **kwargs))
        except TimeoutError:
            return error(TimeoutError(f"{name}() did not answer within {self._seconds:g} s"))
        except Exception as failure:
            log.info("%s() failed", name, exc_info=True)
            return error(failure)
        try:
            text = encode(value, _refuse)
        except (NotLiteral, RecursionError):
            return error(TypeError(f"{name}() answered with a {type(value).__name__}, and only literals travel"))
        if len(text) > MOST_BYTES_OF_ANSWER:
            return error(ValueError(f"{name}() answered with {len(text)} bytes; the most is {MOST_BYTES_OF_ANSWER}"))
        return {"value": text}


def named(functions: Sequence[Function] | Mapping[str, Function]) -> dict[str, Function]:
    """Return functions by name: their own, unless a mapping gives others. ValueError where one cannot be called so."""
    given = functions if isinstance(functions, Mapping) else {function.__name__: function for function in functions}
    for name, function in given.items():
        if not name.isidentifier() or not callable(function):
            raise ValueError(f"tools: {name!r} is no name of a function; name it: tools={{'search': function}}")
    return dict(given)


def error(failure: Exception) -> dict[str, Any]:
    """Return the frame that raises in the cell: the same built-in exception, or RuntimeError for one of another kind."""
    kind = type(failure).__name__
    builtin = isinstance(getattr(builtins, kind, None), type)
    text = str(failure) if builtin else f"{kind}: {failure}"
    return {"error": kind if builtin else "RuntimeError", "text": text[:_MOST_CHARS_OF_ERROR]}


def _about(name: str, function: Function) -> str:
    return f"{name}{inspect.signature(function)}\n\n{inspect.getdoc(function) or ''}".strip()


def _refuse(value: object) -> NoReturn:
    raise NotLiteral(f"a {type(value).__name__} is no literal")


@contextlib.asynccontextmanager
async def _aside(cells: asyncio.Semaphore) -> AsyncIterator[None]:
    """Let another cell run while this one waits."""
    cells.release()
    try:
        yield
    finally:
        back = asyncio.ensure_future(cells.acquire())
        try:
            await asyncio.shield(back)
        except asyncio.CancelledError:
            await back
            raise
