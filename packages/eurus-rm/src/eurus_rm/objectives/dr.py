"""The direct pull on absolute rewards, alone: the second term of the Eurus reward objective."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import softplus

from eurus_rm.objectives.base import RewardObjective


def dr_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return -log sigma(r_c) - log sigma(-r_r) of each pair, shape (pairs,), in float32: chosen above 0, rejected below.

    Zeros cost 2 ln 2. Eurus, arXiv 2404.02078, section 3.2 (L_DR).
    """
    return softplus(-chosen) + softplus(rejected)


class DR(RewardObjective):
    """Chosen rewards above 0, rejected ones below; the margin follows."""

    @property
    def at_start(self) -> float:
        return 2 * math.log(2)

    def loss(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        return dr_loss(chosen, rejected)
