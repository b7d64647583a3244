"""What the trainer iterates over: one rank's bins of examples, each planted as a forest when it is needed."""

from __future__ import annotations

from typing import Any

from torch.utils.data import DataLoader, Dataset

from eurus_train.distributed import ranks
from eurus_train.forest.steps import StepPlan
from eurus_train.learning.loss_steps import LossStep


class Bins(Dataset[dict[str, Any]]):
    """This rank's bins in the order of their steps; every step has ``a_step`` of them, on every rank, some perhaps empty."""

    def __init__(self, plan: StepPlan[Any], loss_step: LossStep[Any]):
        hands = [ranks.dealt(step, [], ranks.world_size())[ranks.rank()] for step in plan.steps]
        self.a_step = max(map(len, hands))
        self._bins = [examples for hand in hands for examples in hand + [[]] * (self.a_step - len(hand))]
        self._loss_step = loss_step

    def __len__(self) -> int:
        return len(self._bins)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a bin's ``examples`` and their ``forest``, None where there are none."""
        examples = list(self._bins[index])
        return {"examples": examples, "forest": self._loss_step.plant(examples) if examples else None}

    def loader(self) -> DataLoader[dict[str, Any]]:
        """Return what yields the bins one by one, in batches of one: a resumed Trainer skips batches."""
        return DataLoader(self, batch_size=1, collate_fn=_only)


def _only(items: list[dict[str, Any]]) -> dict[str, Any]:
    return items[0]
