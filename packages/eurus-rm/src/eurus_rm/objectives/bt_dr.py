"""Bradley-Terry with a direct pull on the rewards: the Eurus reward objective for reasoning."""

from __future__ import annotations

import math

from torch import Tensor

from eurus_rm.objectives.base import RewardObjective
from eurus_rm.objectives.bt import bt_loss
from eurus_rm.objectives.dr import dr_loss


def bt_dr_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return -log sigma(r_c - r_r) - log sigma(r_c) - log sigma(-r_r) of each pair, shape (pairs,), in float32.

    Zero rewards cost 3 ln 2. Eurus, arXiv 2404.02078, section 3.2 (L_BT + L_DR).
    """
    return bt_loss(chosen, rejected) + dr_loss(chosen, rejected)


class BTDR(RewardObjective):
    """BT plus a direct pull of the chosen reward above 0 and the rejected one below."""

    @property
    def at_start(self) -> float:
        return 3 * math.log(2)

    def loss(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        return bt_dr_loss(chosen, rejected)
