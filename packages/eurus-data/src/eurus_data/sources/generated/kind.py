"""What a kind of operation in generated problems is: which numbers fit, what is computed, and the sentences that say it.

Numbers are whole throughout. ``{v}`` is the value so far, ``{a}``, ``{b}`` and ``{c}`` are the operands in the order in
which ``draw`` returns them; the other names in braces come from the world.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from eurus_data.sources.generated.operands import Numbers
from eurus_data.sources.generated.worlds import Wording

LARGEST = 999  # of any value on the way, so that a small model can copy it


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operation.

    ``draw`` returns operands that suit the value so far, or None where there are none. ``code`` is the right-hand side in
    Python, ``variable`` the name of the result, ``note`` the comment. ``meets`` is True where someone new comes in, ``turns``
    where the story goes on with them; ``after`` names the one kind that must come before.
    """

    name: str
    place: Literal["opens", "middle", "closes"]
    draw: Callable[[Random, int], Numbers | None]
    value: Callable[[int, Numbers], int]
    code: str
    variable: str
    note: str
    wording: Wording
    meets: bool = False
    turns: bool = False
    after: str | None = None


HOLDS_NOW = "How many {things} does {name} {have} now?"
HOLDS = "How many {things} does {name} {have}?"
