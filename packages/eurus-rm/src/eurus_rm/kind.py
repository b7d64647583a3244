"""Pairs of siblings under a reward model: what its objectives are given, and what is told of a training."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from eurus_core.stages import Context
from eurus_core.stages.report import Line, Plot
from eurus_train.distributed import ranks
from eurus_train.forest.layout import Pair
from eurus_train.kinds import Batch, Pairs, Trained
from eurus_train.kinds.pairs import sides
from eurus_train.monitoring import curves
from eurus_train.monitoring.evidence import share_right, shown
from eurus_train.monitoring.metrics import Tally, split

log = logging.getLogger(__name__)

TERMS = {
    "reward model": "a model that gives each reply a number, its reward; it learns to give the chosen reply of a pair the higher one",
}


class RewardPairs(Pairs):
    """Pairs of which each side has a reward. An objective is given those of chosen and of rejected actions, (pairs,) each."""

    stage: ClassVar[str] = "train-reward"
    command: ClassVar[str] = "eurus rm train"
    learns: ClassVar[str] = "rewards"

    def given(self, batch: Batch[Pair]) -> tuple[Tensor, Tensor]:
        chosen, rejected = sides(batch)
        return batch.value[chosen], batch.value[rejected]

    def rewards(self, objective: Any, *given: Any) -> Tensor:
        return torch.stack(given, 1).flatten()

    def show(self, context: Context, trained: Trained) -> None:
        history = trained.history
        curves.show_rewards(context, history, what="reward of the model", marks={"0": 0.0}, group="reward model")
        context.define(TERMS)
        curves.show_loss(context, history)
        show_accuracy(context, history)

    def show_validation(self, context: Context, validation: Tally) -> None:
        means = validation.means()
        context.figure("held-out loss", means["loss"])
        curves.show_validation(context, means, validation.count)
        say_what_holds(context, means, validation.count)


def show_accuracy(context: Context, history: Sequence[Mapping[str, float]]) -> None:
    """Plot the share of each step's pairs whose chosen action had the higher reward, before the step learnt from them."""
    steps, shares = tuple(row["step"] for row in history), tuple(row["accuracy"] for row in history)
    line = Line("pairs of the step", steps, shares)
    name = f"{context.name}: accuracy"
    chance, group = {"chance": 0.5}, "reward accuracy"
    context.show(Plot(name, "step", "share of pairs in order", (line,), group=group, marks=chance, noisy=True))
    last = shares[-max(1, len(shares) // 5) :]
    context.figure("training accuracy, mean of the last fifth", sum(last) / len(last))


def say_what_holds(context: Context, means: Mapping[str, float], count: Callable[[str], float]) -> None:
    """Say whether the order of held-out pairs was learnt: of those whose sides have one author, as what a judge will see has."""
    same = split("accuracy", "author", "same")
    if same not in means:
        context.finding("No held-out pair has sides of one author: how well samples are ranked is not known.")
        return
    right = share_right(means, count, same)
    which = " whose sides have one author" if count("accuracy") > right.n else ""
    context.figure(f"held-out accuracy{which}", right.value)
    verdict = "better than chance" if right.low > 0.5 else "not known to be better than chance"
    verdict = "worse than chance" if right.high < 0.5 else verdict
    said = f"Of held-out pairs{which} {shown(right)} are ranked right (n = {right.n}): {verdict}."
    context.finding(said)
    if ranks.is_main() and right.low <= 0.5:
        log.warning("%s: %s", context.name, said)
