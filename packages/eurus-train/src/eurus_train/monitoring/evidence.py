"""What tells whether a model has learnt which side of a pair is better: each measurement with its interval, and all of them in a sentence.

No difference found is no evidence of none. A measurement speaks only where its 95 % interval lies on one side of what knowing nothing
gives: a margin that does not change, half of the pairs ranked right. Where measurements disagree the sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from eurus_core.statistics import Z95, Interval, wilson
from eurus_train.monitoring.metrics import Tally
from eurus_train.monitoring.trends import LEAST, Row, shown_number, trend

VALIDATED = ("loss", "accuracy", "margin")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measurement in words, its 95 % interval, and the level that it has where nothing is known of the sides."""

    words: str
    low: float
    high: float
    level: float

    @property
    def says(self) -> Literal["right", "wrong", "nothing"]:
        """Whether it puts the better side first, or second, or cannot tell."""
        return "right" if self.low > self.level else "wrong" if self.high < self.level else "nothing"


def of_training(rows: Sequence[Row]) -> list[Evidence]:
    """Return what steps say: how far the margin has come, and how many pairs of the last fifth are ranked right."""
    margin = trend([row["rewards_chosen"] - row["rewards_rejected"] for row in rows])
    low, high = margin.change
    words = f"the margin of training pairs changes by {_in_brackets(margin.end - margin.begin, low, high)}"
    found = [Evidence(words, low, high, 0.0)]
    ranked = [row["accuracy"] for row in rows if "accuracy" in row]
    if len(ranked) >= LEAST:
        low, high = (min(max(bound, 0.0), 1.0) for bound in trend(ranked).at_end)
        share = Interval(trend(ranked).end, low, high, len(ranked))
        found.append(Evidence(f"{shown(share)} of training pairs are ranked right at the end", low, high, 0.5))
    return found


def of_validation(row: Row) -> list[Evidence]:
    """Return what held-out pairs say, from what :func:`validation_row` says of them; nothing where their number is not known."""
    found = []
    pairs = row.get("heldout_pairs", 0)
    if pairs and "heldout_accuracy" in row:
        right = row["heldout_accuracy"]
        share = Interval(right, *wilson(right * pairs, pairs), int(pairs))
        words = f"{shown(share)} of {share.n} held-out pairs are ranked right"
        found.append(Evidence(words, share.low, share.high, 0.5))
    if {"heldout_margin", "heldout_margin_error"} <= row.keys():
        value, half = row["heldout_margin"], Z95 * row["heldout_margin_error"]
        words = f"the margin of held-out pairs is {_in_brackets(value, value - half, value + half)}"
        found.append(Evidence(words, value - half, value + half, 0.0))
    return found


def validation_row(tally: Tally, quantities: Sequence[str] = ()) -> dict[str, float]:
    """Return what a log says of held-out examples: means, those of a kind's own ``quantities`` among them, and of pairs their number
    and the standard error of their margin."""
    means, pairs = tally.means(), tally.count("accuracy") if "accuracy" in tally.means() else 0
    found = {f"heldout_{name}": means[name] for name in dict.fromkeys((*VALIDATED, *quantities)) if name in means}
    if pairs:
        found["heldout_pairs"] = pairs
    if pairs > 1:
        spread = max(means["margin_squared"] - means["margin"] ** 2, 0.0)
        found["heldout_margin_error"] = math.sqrt(spread / (pairs - 1))
    return found


def together(found: Sequence[Evidence]) -> str | None:
    """Return a sentence of all measurements, None where each puts the better side first."""
    said = {one.says for one in found}
    if said <= {"right"}:
        return None
    if said >= {"right", "wrong"}:
        opening = "Measurements of which side is better contradict each other"
    elif "right" in said:
        opening = "Some measurements tell which side is better, others cannot"
    elif "wrong" in said:
        opening = "The worse side comes first"
    else:
        opening = "No difference between the sides is found"
    return f"{opening}: {'; '.join(one.words for one in found)}."


def share_right(means: Mapping[str, float], count: Callable[[str], float], name: str = "accuracy") -> Interval:
    """Return the share of pairs whose chosen action has the higher reward, under its name in a tally."""
    pairs = int(count(name))
    return Interval(means[name], *wilson(means[name] * pairs, pairs), pairs)


def shown(share: Interval) -> str:
    """Return a share with its interval, as in "62.5 % [55.0, 69.4]"."""
    return f"{100 * share.value:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _in_brackets(value: float, low: float, high: float) -> str:
    return f"{shown_number(value)} [{shown_number(low)}, {shown_number(high)}]"
