"""Whether a critique gives the reference answer away.

The released example does (its second turn says "-4 and -6j"), so that the actor only copies. A critique leaks where it states the answer and neither the
problem nor the trajectory so far does: what the actor has already read is no news.
"""

from __future__ import annotations

from collections.abc import Iterable

from eurus_graders import states


def leaks(critique: str, answer: str, seen: Iterable[str] = ()) -> bool:
    """Return whether a critique states the reference answer, in any equivalent form, without any text of ``seen`` doing so."""
    return states(critique, answer) and not any(states(text, answer) for text in seen)
