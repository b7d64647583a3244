"""Sums and counts of what is measured, so that means are over items and not over micro-batches.

Names are a quantity, alone or with what it is split by: ``margin``, ``margin_turn_2``, ``margin_source_UltraInteract``,
``margin_author_mixed`` (one side was sampled, one written from ground truth) and ``margin_author_same``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

Split = Literal["turn", "source", "author"]


class Tally:
    """Accumulates named quantities over the forests of one optimizer step, or over a held-out set."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, values: Tensor) -> None:
        """Count every element of ``values`` as one observation."""
        self.add_sum(name, values.detach().double().sum().item(), values.numel())

    def add_sum(self, name: str, total: float, count: float) -> None:
        self._sums[name] += total
        self._counts[name] += count

    def count(self, name: str) -> float:
        return self._counts[name]

    def sums(self) -> dict[str, tuple[float, float]]:
        """Return sum and count of everything observed, which add up over processes."""
        return {name: (self._sums[name], count) for name, count in self._counts.items()}

    def means(self) -> dict[str, float]:
        """Return the mean of everything that was observed at least once."""
        return {name: self._sums[name] / count for name, count in self._counts.items() if count}

    def clear(self) -> None:
        self._sums.clear()
        self._counts.clear()


def split(quantity: str, by: Split, value: object) -> str:
    """Return the name of a quantity among the items of one turn or source."""
    return f"{quantity}_{by}_{value}"


def splits(names: Iterable[str], by: Split) -> list[str]:
    """Return the turns (in their order), sources or authors (by name) that ``names`` hold rewards of."""
    prefix = split("rewards_chosen", by, "")
    found = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    return sorted(found, key=int) if by == "turn" else sorted(found)


def tally_losses(tally: Tally, losses: Tensor, weights: Tensor, sources: Sequence[str]) -> None:
    """Record one loss an item by weight, over all and by source."""
    for name, loss, weight in _by_source("loss", (losses.detach() * weights).tolist(), weights.tolist(), sources):
        tally.add_sum(name, loss, weight)


def tally_rewards(tally: Tally, chosen: Tensor, rejected: Tensor, traits: Mapping[Split, Sequence[object]]) -> None:
    """Record what figure 5 of the paper shows, over all pairs and by their ``traits``, one value a pair each.

    Rewards of both sides, margin, accuracy (a tie counts as half right), and the share of pairs whose chosen reward is
    below 0.
    """
    chosen, rejected = chosen.detach(), rejected.detach()
    quantities = {
        "rewards_chosen": chosen,
        "rewards_rejected": rejected,
        "margin": chosen - rejected,
        "accuracy": (torch.sign(chosen - rejected) + 1) / 2,
        "chosen_below_zero": (chosen < 0).float(),
    }
    tally.add("margin_squared", (chosen - rejected).double() ** 2)  # for the standard error of the margin
    for name, values in quantities.items():
        tally.add(name, values)
        each = values.tolist()
        for by, groups in traits.items():
            for group, value in zip(groups, each, strict=True):
                tally.add_sum(split(name, by, group), value, 1)


def tally_lengths(tally: Tally, lengths: Mapping[str, Tensor]) -> None:
    """Record the mean length of actions in tokens, by side: an objective may prefer the longer one."""
    for side, tokens in lengths.items():
        tally.add(f"tokens_{side}", tokens)


def tally_divergence(tally: Tally, ratios: Tensor, tokens: Tensor) -> None:
    """Record ``kl``, the mean of log pi_ref - log pi in nats a token, from sums over actions.

    An estimate of KL(pi_ref || pi) as far as the actions are the reference's own; below 0 where the policy has become surer
    of them than it was.
    """
    tally.add_sum("kl", -ratios.detach().double().sum().item(), tokens.sum().item())


def _by_source(
    name: str, values: Sequence[float], weights: Sequence[float], sources: Sequence[str]
) -> Iterable[tuple[str, float, float]]:
    yield name, sum(values), sum(weights)
    for source, value, weight in zip(sources, values, weights, strict=True):
        yield split(name, "source", source), value, weight
