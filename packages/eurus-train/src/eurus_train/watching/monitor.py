"""What rewards tell while a policy learns: the paper's figure 5 in words (arXiv 2404.02078, section 6.1).

Pure functions over a history: one mapping a step with ``rewards_chosen``, ``rewards_rejected`` and, where known,
``chosen_below_zero``, the share of chosen actions that the policy writes less gladly than its reference did.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from eurus_train.watching.metrics import split, splits

Row = Mapping[str, float]

SMALLEST = 1e-3
"""A change of a mean reward below this is none; nor is one within twice its standard error."""

LEAST = 10
"""Before so many steps a trend is an accident."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A quantity's mean over the first and over the last fifth of a history, and the standard error of either."""

    begin: float
    end: float
    error: float

    @property
    def risen(self) -> bool:
        return self.end - self.begin > self._noise(of=2)

    @property
    def fallen(self) -> bool:
        return self.begin - self.end > self._noise(of=2)

    def ends_above(self, level: float) -> bool:
        return self.end - level > self._noise(of=1)

    def _noise(self, of: int) -> float:
        """Return what the difference of one of the means, or of both, must exceed: twice its standard error."""
        return max(SMALLEST, 2 * math.sqrt(of) * self.error)

    def __str__(self) -> str:
        return f"{_shown(self.begin)} to {_shown(self.end)}"


def _shown(value: float) -> str:
    """Return a number to three places, a small one to two digits: 0.000 would hide its sign and size."""
    return f"{value:+.3f}" if abs(value) >= SMALLEST or value == 0 else f"{value:+.1e}"


def trend(values: Sequence[float]) -> Trend:
    """Compare the first fifth of a quantity with its last; ValueError for fewer than two values.

    The noise of a step is told from its difference to the next one, which a slow trend hardly touches (von Neumann et al., 1941): a
    history of ten steps has nine of them, and its fifths two values each. Of 4,000 histories of 10 steps of noise alone 3.8 %
    have risen so; with the variance within the fifths it was 9 %.
    """
    if len(values) < 2:
        raise ValueError("a trend needs two values")
    fifth = max(1, len(values) // 5)
    first, last = values[:fifth], values[-fifth:]
    variance = fmean((after - before) ** 2 for before, after in itertools.pairwise(values)) / 2
    return Trend(fmean(first), fmean(last), math.sqrt(variance / fifth))


def findings(history: Sequence[Row]) -> tuple[str, ...]:
    """Say plainly what is wrong with the rewards of a training so far, over all pairs and source by source; often nothing.

    Of fewer steps than ``LEAST`` it tells only rewards that are no numbers.
    """
    sources = splits({name for row in history for name in row}, "source")
    found = list(_findings(history))
    for source in sources if len(sources) > 1 else ():
        mine = [
            {name: row[key] for name in QUANTITIES if (key := split(name, "source", source)) in row} for row in history
        ]
        found += [f"{source}: {finding}" for finding in _findings(mine)]
    return tuple(found)


QUANTITIES = ("rewards_chosen", "rewards_rejected", "chosen_below_zero")


def _findings(history: Sequence[Row]) -> list[str]:
    rows = [row for row in history if "rewards_chosen" in row and "rewards_rejected" in row]
    finite = [math.isfinite(row["rewards_chosen"]) and math.isfinite(row["rewards_rejected"]) for row in rows]
    if not all(finite):
        return [
            f"Rewards are no finite numbers, at first in entry {finite.index(False) + 1} of {len(rows)}: nothing is learnt from there on."
        ]
    if len(rows) < LEAST:
        return []
    chosen = trend([row["rewards_chosen"] for row in rows])
    rejected = trend([row["rewards_rejected"] for row in rows])
    margin = trend([row["rewards_chosen"] - row["rewards_rejected"] for row in rows])
    found = []
    if margin.risen and chosen.fallen and rejected.fallen:
        found.append(
            f"The margin grows only because both rewards fall (chosen {chosen}, rejected {rejected}): the policy becomes less "
            "likely to write what was chosen, too, as the paper saw under DPO, and not under KTO and NCA."
        )
    elif not margin.risen:
        found.append(
            f"The margin does not grow beyond the noise of its steps ({margin}): nothing is learnt about which side is better."
        )
    below = [row["chosen_below_zero"] for row in rows if "chosen_below_zero" in row]
    if len(below) >= LEAST and (share := trend(below)).ends_above(0.5):
        found.append(
            f"{100 * share.end:.0f} % of chosen actions have a reward below 0: less likely than before training."
        )
    return found


class Watch:
    """Looks at a history as it grows and says each kind of finding once."""

    def __init__(self, *, after: int = LEAST, every: int = 1):
        """Look ``after`` so many steps, and ``every`` so many."""
        self._after, self._every = after, every
        self._said: set[str] = set()

    def new(self, history: Sequence[Row]) -> list[str]:
        """Return the findings that were not there when asked last."""
        if len(history) < self._after or len(history) % self._every:
            return []
        found = {_kind(finding): finding for finding in findings(history)}
        fresh = [finding for kind, finding in found.items() if kind not in self._said]
        self._said |= found.keys()
        return fresh


def _kind(finding: str) -> str:
    """Return a finding without its numbers."""
    return "".join(character for character in finding if character.isalpha() or character == ":")
