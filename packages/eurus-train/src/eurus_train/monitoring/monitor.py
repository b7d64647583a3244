"""What rewards tell while a policy learns: the paper's figure 5 in words (arXiv 2404.02078, section 6.1).

Pure functions over a history: one mapping a step with ``rewards_chosen``, ``rewards_rejected`` and, where known, ``accuracy``,
``chosen_below_zero``, the share of chosen actions that the policy writes less gladly than its reference does, and what held-out
pairs measured. Every sentence follows from a 95 % interval and shows it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from eurus_train.monitoring.evidence import of_training, of_validation, together
from eurus_train.monitoring.metrics import split, splits
from eurus_train.monitoring.trends import LEAST, Row, trend

NUMBER = re.compile(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?")
QUANTITIES = ("rewards_chosen", "rewards_rejected", "accuracy", "chosen_below_zero")


def findings(history: Sequence[Row], validation: Row | None = None) -> tuple[str, ...]:
    """Say plainly what to look at in the rewards of a training so far, over all pairs and source by source; often nothing.

    Of fewer steps than ``LEAST`` it tells only rewards that are no numbers. ``validation`` is what held-out pairs say of the model that
    is kept, in the words of a history's rows; by default what the history says of them last.
    """
    names = {name for row in history for name in row}
    relative = "kl" in names or "unique_tokens" not in names
    sources = splits(names, "source")
    found = _findings(history, validation_of(history) if validation is None else validation, relative)
    for source in sources if len(sources) > 1 else ():
        mine = [
            {name: row[key] for name in QUANTITIES if (key := split(name, "source", source)) in row} for row in history
        ]
        found += [f"{source}: {finding}" for finding in _findings(mine, {}, relative)]
    return tuple(found)


def validation_of(history: Sequence[Row]) -> Row:
    """Return the last row that says something of held-out pairs; an empty one where none does."""
    return next((row for row in reversed(history) if "heldout_accuracy" in row), {})


def _findings(history: Sequence[Row], validation: Row, relative: bool) -> list[str]:
    """Rewards are ``relative`` where they are measured against a reference: not a reward model's, whose level means nothing, nor
    ORPO's, which are all below 0. Our own logs tell by ``kl``; others are of policies."""
    rows = [row for row in history if "rewards_chosen" in row and "rewards_rejected" in row]
    finite = [math.isfinite(row["rewards_chosen"]) and math.isfinite(row["rewards_rejected"]) for row in rows]
    if not all(finite):
        return [
            f"Rewards are no finite numbers, at first in entry {finite.index(False) + 1} of {len(rows)}: no trend can be told."
        ]
    if len(rows) < LEAST:
        return []
    said = together([*of_training(rows), *of_validation(validation)])
    found = [] if said is None else [said]
    if not relative:
        return found
    chosen = trend([row["rewards_chosen"] for row in rows])
    rejected = trend([row["rewards_rejected"] for row in rows])
    margin = trend([row["rewards_chosen"] - row["rewards_rejected"] for row in rows])
    if margin.risen and chosen.fallen and rejected.fallen:
        found.append(
            f"The margin grows only because both rewards fall (chosen {chosen}, rejected {rejected}): the policy becomes less "
            "likely to write what was chosen, too, as the paper saw under DPO, and not under KTO and NCA."
        )
    below = [row["chosen_below_zero"] for row in rows if "chosen_below_zero" in row]
    if len(below) >= LEAST and (share := trend(below)).at_end[0] > 0.5:
        low, high = (100 * min(bound, 1.0) for bound in share.at_end)
        found.append(
            f"{100 * share.end:.0f} % [{low:.0f}, {high:.0f}] of chosen actions have a reward below 0 at the end: they are less likely "
            "than under the reference."
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
    return NUMBER.sub("", finding)
