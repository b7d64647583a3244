"""Odds ratio preference optimization: fine-tuning and preference in one, without a reference (arXiv 2403.07691)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from eurus_train.kinds.pairs import PairLikelihoods
from eurus_train.objectives.base import PolicyObjective


def log_odds(logprob: Tensor) -> Tensor:
    """Return log p / (1 - p) from log p <= 0, elementwise, exact at both ends.

    A probability that rounds to 1 is taken for the largest below it: its odds would be infinite.
    """
    below_one = logprob.clamp(max=-torch.finfo(logprob.dtype).eps)
    # log(1 - e^x): each form is exact where the other cancels (Maechler, Rmpfr's log1mexp note)
    complement = torch.where(
        below_one > -math.log(2), torch.log(-torch.expm1(below_one)), torch.log1p(-torch.exp(below_one))
    )
    return below_one - complement


def orpo_loss(chosen: Tensor, rejected: Tensor, *, beta: float) -> Tensor:
    """Return -l_c - beta log sigma(odds_c - odds_r), (pairs,), from mean log-probabilities l of a token of both sides.

    ``odds`` are log-odds of exp(l) (equations 4 to 7; beta is the paper's lambda). Equal sides cost -l_c + beta ln 2.
    """
    return -chosen + beta * F.softplus(log_odds(rejected) - log_odds(chosen))


class ORPO(PolicyObjective):
    """Imitate chosen actions and raise their odds above those of rejected ones."""

    uses_reference: ClassVar[bool] = False

    beta: float = Field(default=0.1, gt=0)
    """Weight of the odds-ratio term, the paper's lambda."""

    def rewards(self, pairs: PairLikelihoods) -> tuple[Tensor, Tensor]:
        """Return beta times the mean log-probability of a token: there is no reference to measure from."""
        chosen, rejected = _per_token(pairs)
        return self.beta * chosen, self.beta * rejected

    def loss(self, pairs: PairLikelihoods) -> Tensor:
        return orpo_loss(*_per_token(pairs), beta=self.beta)


def _per_token(pairs: PairLikelihoods) -> tuple[Tensor, Tensor]:
    return pairs.chosen / pairs.chosen_tokens, pairs.rejected / pairs.rejected_tokens
