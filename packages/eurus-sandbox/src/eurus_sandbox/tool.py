"""The ``python`` tool: cells run in a confined, stateful interpreter, with functions that answer outside it."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

from eurus_core.parts.choice import Choice
from eurus_core.parts.contracts import Function, OpenTool, Session, Tool
from eurus_sandbox.pool import AsyncSandbox
from eurus_sandbox.settings import Settings


class PythonTool(Settings, Tool):
    """A stateful Python interpreter in the sandbox (:mod:`eurus_sandbox`)."""

    tools: tuple[Annotated[Function, Choice("functions")], ...] = ()
    """Functions that code may call if the problem's tools name them."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenTool]:
        """Start a sandbox; SandboxError where this machine cannot confine as ``minimum_tier`` asks."""
        keys = {name: getattr(self, name) for name in Settings.model_fields}
        async with AsyncExitStack() as stack:
            functions = [_asked_once(await stack.enter_async_context(part.open())) for part in self.tools]
            yield _Workbench(await stack.enter_async_context(AsyncSandbox(tools=functions, **keys)))


class _Workbench:
    def __init__(self, sandbox: AsyncSandbox):
        self._sandbox = sandbox

    async def session(self, functions: Collection[str] = ()) -> Session:
        return self._sandbox.session(functions)


def _asked_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a memory: a growth that runs a history's cells again gets the answers, and the errors, it got.

    Each action starts from its history in a session of its own, so that a record kept by the session does not reach it. An OSError
    (no connection, too late) is no answer: whoever asks next may get one.
    """
    known: dict[str, tuple[Any, Exception | None]] = {}

    async def ask(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Exception | None]:
        here = inspect.iscoroutinefunction(function)
        try:
            return await (function(*args, **kwargs) if here else asyncio.to_thread(function, *args, **kwargs)), None
        except OSError:
            raise
        except Exception as error:
            return None, error

    @functools.wraps(function)
    async def once(*args: Any, **kwargs: Any) -> Any:
        name = repr((args, sorted(kwargs.items())))
        if name not in known:
            found = await ask(args, kwargs)
            known.setdefault(name, found)
        answer, error = known[name]
        if error is not None:
            raise error.with_traceback(None)
        return answer

    return once
