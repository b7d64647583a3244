"""Direct preference optimization (arXiv 2305.18290, equation 7), with its two ways of doubting the labels."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from eurus_train.kinds.pairs import PairLikelihoods
from eurus_train.objectives.base import PolicyObjective


def dpo_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return -log sigma(R_c - R_r), (pairs,), from the rewards R = beta (log pi - log pi_ref) of both sides.

    At step 0 both are zero: ln 2. Only the difference is fixed: both rewards may fall together (paper, figure 5).
    """
    return F.softplus(rejected - chosen)


def conservative_dpo_loss(chosen: Tensor, rejected: Tensor, *, flipped: float) -> Tensor:
    """Return (1 - e) DPO(chosen, rejected) + e DPO(rejected, chosen), (pairs,): the expected loss if a share e is mislabelled.

    At step 0: ln 2. Its minimum is the margin ln((1 - e) / e), beyond which a pair is pushed back (arXiv 2305.18290, cDPO note).
    """
    return (1 - flipped) * dpo_loss(chosen, rejected) + flipped * dpo_loss(rejected, chosen)


def robust_dpo_loss(chosen: Tensor, rejected: Tensor, *, flipped: float) -> Tensor:
    """Return ((1 - e) DPO(chosen, rejected) - e DPO(rejected, chosen)) / (1 - 2e), (pairs,).

    Its mean over labels of which a share e is flipped is DPO's loss on the true ones (arXiv 2403.00409, equation 12).
    At step 0: ln 2. Single losses may be negative.
    """
    right, wrong = dpo_loss(chosen, rejected), dpo_loss(rejected, chosen)
    return ((1 - flipped) * right - flipped * wrong) / (1 - 2 * flipped)


class DPO(PolicyObjective):
    """Widen the margin between chosen and rejected."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Share of pairs presumed mislabelled; 0 is plain DPO."""
    smoothing: Literal["conservative", "robust"] = "conservative"
    """What to do about that share: "conservative" bounds the margin; "robust" removes the bias of flipped labels."""

    @property
    def at_start(self) -> float:
        return math.log(2)

    def loss(self, pairs: PairLikelihoods) -> Tensor:
        if not self.label_smoothing:
            return dpo_loss(*self.rewards(pairs))
        smoothed = conservative_dpo_loss if self.smoothing == "conservative" else robust_dpo_loss
        return smoothed(*self.rewards(pairs), flipped=self.label_smoothing)
