"""What reward objectives are: a loss on the rewards of both sides of pairs."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from eurus_rm.kind import RewardPairs
from eurus_train.objectives import Objective


class RewardObjective(Objective):
    """Learns a reward model from pairs of sibling actions."""

    kind = RewardPairs

    @abstractmethod
    def loss(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        """Return one loss a pair, (pairs,), from the rewards of both sides, (pairs,), float32."""
