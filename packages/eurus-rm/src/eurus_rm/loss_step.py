"""Pairs of siblings under reward objectives, as the trainer of eurus-train wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eurus_core.models import Dtype
from eurus_rm.model import forest_rewards
from eurus_train.forest.layout import Branch, Forest, Pair, nothing, plant_pairs
from eurus_train.learning.loss_steps import Lesson, routes, traits
from eurus_train.monitoring.metrics import Tally, tally_lengths, tally_losses, tally_rewards
from eurus_train.objectives import RewardObjective, Routes


class RewardLesson(Lesson[Pair]):
    """Pairs of siblings, each action's reward read once however many pairs it stands in. Items are pairs, by weight."""

    def __init__(self, objective: Routes | RewardObjective, precision: Dtype):
        self.routes, self._precision = routes(objective), precision

    def plant(self, examples: Sequence[Pair]) -> Forest:
        return plant_pairs(examples)

    def weight(self, example: Pair) -> float:
        return example.weight * self.routes.weight(example.source)

    def read(self, model: Any, forest: Forest) -> Tensor:
        return forest_rewards(model, forest, self._precision)

    def read_alone(self, model: Any, branch: Branch) -> Tensor:
        ids = torch.from_numpy(np.concatenate([branch.history, branch.action])).to(model.device)
        last = torch.tensor([len(ids) - 1], device=model.device)
        return model(input_ids=ids[None], use_cache=False, reward_positions=last)[0]  # type: ignore[no-any-return]

    def idle(self, model: Any) -> Tensor:
        return forest_rewards(model, nothing(), self._precision).sum() * 0

    def loss(self, model: Any, forest: Forest, tally: Tally) -> Tensor:
        rewards = forest_rewards(model, forest, self._precision)
        chosen, rejected = (
            rewards[torch.from_numpy(side).to(rewards.device)] for side in (forest.chosen, forest.rejected)
        )
        right, wrong = ([forest.branches[place] for place in side] for side in (forest.chosen, forest.rejected))
        sources = [branch.source for branch in right]
        losses = torch.zeros_like(chosen)
        for objective, places in self.routes.shared_out(sources, rewards):
            losses = losses.index_add(0, places, objective.loss(chosen[places], rejected[places]))
        weights = torch.from_numpy(forest.weights).to(losses)
        weights = weights * weights.new_tensor([self.routes.weight(source) for source in sources])
        tally_losses(tally, losses, weights, sources)
        tally_rewards(tally, chosen, rejected, traits(right, wrong))
        lengths = torch.from_numpy(forest.lengths).to(rewards)
        tally_lengths(tally, {"chosen": lengths[forest.chosen], "rejected": lengths[forest.rejected]})
        return (losses * weights).sum()
