"""Kahneman-Tversky optimization on both sides of a pair (arXiv 2402.01306, section 4)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from eurus_train.kinds.pairs import PairLikelihoods
from eurus_train.objectives.base import PolicyObjective


def kto_loss(
    chosen_ratio: Tensor,
    rejected_ratio: Tensor,
    z0: Tensor,
    *,
    beta: float,
    lambda_chosen: float,
    lambda_rejected: float,
) -> Tensor:
    """Return the mean of a pair's two example losses, (pairs,), from s = log pi - log pi_ref of both sides.

    chosen:   lambda_chosen   (1 - sigma(beta (s - z0)))
    rejected: lambda_rejected (1 - sigma(beta (z0 - s)))

    At step 0 each example costs lambda / 2. ``z0`` carries no gradient.
    """
    desirable = lambda_chosen * torch.sigmoid(beta * (z0 - chosen_ratio))  # 1 - sigma(x) = sigma(-x)
    undesirable = lambda_rejected * torch.sigmoid(beta * (rejected_ratio - z0))
    return (desirable + undesirable) / 2


def kto_baseline(log_ratio_sum: float, weight: float) -> float:
    """Return z0 = max(0, mean log-ratio of mismatched couples) from sums over the whole optimizer step, in nats.

    A ratio of sums, not a mean of the micro-batches' means: those would clamp and weigh each micro-batch on its own.
    """
    return max(0.0, log_ratio_sum / weight) if weight else 0.0


class KTO(PolicyObjective):
    """Judge each action against a baseline, losses weighing more than gains or the reverse."""

    uses_baseline: ClassVar[bool] = True

    lambda_chosen: float = Field(default=1.33, gt=0)
    """Weight of chosen actions; the paper states the ratio of the two, 1.33."""
    lambda_rejected: float = Field(default=1.0, gt=0)
    """Weight of rejected actions."""

    @property
    def at_start(self) -> float:
        return (self.lambda_chosen + self.lambda_rejected) / 4

    def loss(self, pairs: PairLikelihoods) -> Tensor:
        return kto_loss(
            pairs.chosen_ratio,
            pairs.rejected_ratio,
            pairs.baseline.detach(),
            beta=self.beta,
            lambda_chosen=self.lambda_chosen,
            lambda_rejected=self.lambda_rejected,
        )
