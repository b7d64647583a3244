"""Held-out examples, measured while learning goes on, and the weights that did best on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from eurus_core.files.atomic import whole
from eurus_train.distributed import ranks
from eurus_train.forest.layout import E
from eurus_train.learning.loss_steps import LossStep
from eurus_train.monitoring.metrics import Tally


class Validation(Generic[E]):
    """Bins of examples that nothing is learnt from, dealt to the ranks."""

    def __init__(self, bins: Sequence[Sequence[E]], loss_step: LossStep[E]):
        self._bins: list[Sequence[E]] = ranks.dealt(bins, (), ranks.world_size())[ranks.rank()]
        self._loss_step: LossStep[E] = loss_step

    @torch.no_grad()
    def measure(self, model: Any) -> Tally:
        """Return what the examples of all ranks measure together; collective.

        Nothing of the training's own steps enters: KTO's z0 is that of the held-out couples.
        """
        tally = Tally()
        self._loss_step.before_step(model, self._bins)
        for examples in self._bins:
            if examples:
                self._loss_step.loss(model, self._loss_step.plant(list(examples)), tally)
            else:
                self._loss_step.idle(model)
        return over_ranks(tally)


@dataclass(frozen=True, slots=True)
class Best:
    """Where a training did best on held-out examples: the step, and all that was measured there."""

    step: int
    measured: dict[str, tuple[float, float]]

    @property
    def score(self) -> tuple[float, float]:
        """What is compared: accuracy, where there are pairs, then the loss."""
        means = _tally(self.measured).means()
        return means.get("accuracy", 0.0), -means["loss"]

    @property
    def tally(self) -> Tally:
        return _tally(self.measured)


def best_in(file: Path) -> Best | None:
    """Return what a file of weights says about itself; None where there is none."""
    if not file.exists():
        return None
    with safe_open(file, "pt") as weights:
        about = json.loads(weights.metadata()["eurus"])
    return Best(about["step"], {name: (total, count) for name, (total, count) in about["measured"].items()})


def write_best(file: Path, best: Best, weights: dict[str, Tensor]) -> None:
    """Write weights and what they measured; the file is there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    about = {"step": best.step, "measured": best.measured}
    with whole(file) as partial:
        save_file(
            {name: weight.contiguous() for name, weight in weights.items()}, partial, {"eurus": json.dumps(about)}
        )


def over_ranks(tally: Tally) -> Tally:
    """Return the tally of all ranks together; collective."""
    if ranks.world_size() == 1:
        return tally
    together = Tally()
    for part in ranks.all_gather(tally.sums()):
        _add(together, part)
    return together


def _tally(sums: dict[str, tuple[float, float]]) -> Tally:
    tally = Tally()
    _add(tally, sums)
    return tally


def _add(tally: Tally, sums: dict[str, tuple[float, float]]) -> None:
    for name, (total, count) in sums.items():
        tally.add_sum(name, total, count)
