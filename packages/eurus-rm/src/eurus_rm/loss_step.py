"""How a reward model reads a forest: one number an action, at the token that ends it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from eurus_rm.model import forest_rewards
from eurus_train.forest.layout import Branch, E, Forest, nothing
from eurus_train.learning.loss_steps import LossStep


class RewardLossStep(LossStep[E]):
    """Examples of any kind whose branches have rewards, each read once however many examples it stands in."""

    def measured(self, model: Any, forest: Forest) -> tuple[Tensor, Tensor]:
        rewards = forest_rewards(model, forest, self._precision)
        return rewards, rewards.new_empty(0)

    def read_alone(self, model: Any, branch: Branch) -> Tensor:
        ids = torch.from_numpy(np.concatenate([branch.history, branch.action])).to(model.device)
        last = torch.tensor([len(ids) - 1], device=model.device)
        return model(input_ids=ids[None], use_cache=False, reward_positions=last)[0]  # type: ignore[no-any-return]

    def idle(self, model: Any) -> Tensor:
        return forest_rewards(model, nothing(), self._precision).sum() * 0
