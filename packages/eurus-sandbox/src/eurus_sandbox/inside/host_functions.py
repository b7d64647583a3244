"""The functions that a session's code finds in its namespace: stubs that ask outside and wait.

They run beside model code and are no layer of confinement: what they send is checked where it arrives.
"""

from __future__ import annotations

import builtins
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from eurus_sandbox.literals import NotLiteral, decode, encode
from eurus_sandbox.wire import MOST_BYTES_FROM_CHILD, read_frame, write_frame


def stubs(functions: Iterable[Mapping[str, str]], control: int) -> dict[str, Callable[..., Any]]:
    """Return a stub for each function on offer, which asks over the descriptor ``control``."""
    return {function["name"]: _stub(function["name"], function["about"], control) for function in functions}


def _stub(name: str, about: str, control: int) -> Callable[..., Any]:
    def stub(*args: Any, **kwargs: Any) -> Any:
        return _ask(control, name, encode((args, kwargs), _refuse))

    stub.__name__ = stub.__qualname__ = name
    stub.__doc__ = about
    return stub


def _ask(control: int, name: str, arguments: str) -> Any:
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{name}() answers the main thread only")
    if len(arguments) > MOST_BYTES_FROM_CHILD // 2:
        raise ValueError(f"{name}(): arguments of {len(arguments)} bytes; the most is {MOST_BYTES_FROM_CHILD // 2}")
    # an interrupt between the question and its answer would leave the answer to be read by whoever asks next
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        write_frame(control, {"call": name, "arguments": arguments})
        answer = read_frame(control)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if "error" in answer:
        raise getattr(builtins, answer["error"])(answer["text"])
    return decode(answer["value"], _refuse)


def _refuse(value: object) -> NoReturn:
    raise NotLiteral(f"only literals travel, and a {type(value).__name__} is none")
