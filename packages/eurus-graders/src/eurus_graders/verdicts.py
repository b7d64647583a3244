"""Making verdicts on answers. Light on purpose: the guard's worker loads it."""

from __future__ import annotations

from eurus_core.records import Outcome, Verdict

MAX_SHOWN = 1000
"""Characters of an answer that a verdict holds."""


def verdict(
    outcome: Outcome, rule: str, why: str = "", prediction: str = "", reference: str = "", score: float | None = None
) -> Verdict:
    """Return a verdict with how both sides were read, cut where they are endless."""
    shown = (text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..." for text in (prediction, reference))
    read, expected = shown
    return Verdict(outcome, rule, why, score, parsed_prediction=read, parsed_reference=expected)


def short(text: str, length: int = 80) -> str:
    """Return text on one line, cut to so many characters."""
    text = " ".join(text[: 4 * length].split())
    return text if len(text) <= length else text[: length - 3] + "..."
