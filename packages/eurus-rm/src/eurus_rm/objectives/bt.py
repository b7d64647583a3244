"""Bradley-Terry: the chosen action's reward above the rejected one's."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import softplus

from eurus_rm.objectives.base import RewardObjective


def bt_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return -log sigma(r_c - r_r) of each pair, shape (pairs,), from rewards of that shape in float32.

    Only the difference counts, so rewards may drift together. Equal rewards cost ln 2. Eurus, arXiv 2404.02078, section 3.2
    (the first term of L_ultrainteract, and all of the loss on other data).
    """
    return softplus(rejected - chosen)


class BT(RewardObjective):
    """Bradley-Terry loss on the difference of two rewards."""

    @property
    def at_start(self) -> float:
        return math.log(2)

    def loss(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        return bt_loss(chosen, rejected)
