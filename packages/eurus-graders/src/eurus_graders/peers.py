"""Other graders of mathematics, asked for their verdict on the same pair; they judge in a worker of their own."""

from __future__ import annotations

import importlib.util
import logging
from typing import Literal

from eurus_core.errors import MissingExtra
from eurus_graders.guard import Exceeded, Guard

DEADLINE_SECONDS = 10.0

PeerOutcome = Literal["correct", "incorrect", "timeout", "limit"]


class Peer:
    """A peer by name, its modules loaded in a worker; MissingExtra where it is not installed."""

    def __init__(self, name: str):
        if importlib.util.find_spec("math_verify") is None:
            raise MissingExtra(f"--against {name}", "math-verify[antlr4_13_2]")
        self._guard = Guard(memory_mb=2048)
        self._warm()

    def judge(self, prediction: str, reference: str) -> PeerOutcome:
        """Return the peer's verdict; one that takes more than ten seconds of computing is ``timeout``."""
        try:
            return "correct" if self._guard.call(DEADLINE_SECONDS, math_verify, prediction, reference) else "incorrect"
        except Exceeded as exceeded:
            self._warm()
            return exceeded.outcome

    def close(self) -> None:
        self._guard.close()

    def _warm(self) -> None:
        self._guard.call(0, math_verify, "1/2", "0.5")  # loading is no part of a verdict


def math_verify(prediction: str, reference: str) -> bool:
    """Return Math-Verify's verdict as its documentation asks for one, without its alarms: the worker's clock stands in for them."""
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    try:
        expected = parse(f"${reference}$", parsing_timeout=None)
        return bool(verify(expected, parse(f"${prediction}$", parsing_timeout=None), timeout_seconds=None))
    except Exception:  # a peer that raises has rejected
        return False
