"""Identity preference optimization (arXiv 2310.12036, equation 17)."""

from __future__ import annotations

from torch import Tensor

from eurus_train.kinds.pairs import PairLikelihoods
from eurus_train.objectives.base import PolicyObjective


def ipo_loss(chosen_ratio: Tensor, rejected_ratio: Tensor, *, beta: float) -> Tensor:
    """Return (s_c - s_r - 1 / (2 beta))^2, (pairs,), from s = log pi - log pi_ref of both sides; beta is the paper's tau.

    At step 0: 1 / (4 beta^2). The margin is drawn to a number and not beyond, so that certain pairs are not overfitted.
    """
    return (chosen_ratio - rejected_ratio - 1 / (2 * beta)).square()


class IPO(PolicyObjective):
    """Draw the difference of log-ratios to 1 / (2 beta)."""

    per_token: bool = False
    """Use means over each action's tokens instead of sums, as TRL does; the paper states sums."""

    @property
    def at_start(self) -> float:
        return 1 / (4 * self.beta**2)

    def rewards(self, pairs: PairLikelihoods) -> tuple[Tensor, Tensor]:
        chosen, rejected = self._ratios(pairs)
        return self.beta * chosen, self.beta * rejected

    def loss(self, pairs: PairLikelihoods) -> Tensor:
        return ipo_loss(*self._ratios(pairs), beta=self.beta)

    def _ratios(self, pairs: PairLikelihoods) -> tuple[Tensor, Tensor]:
        if not self.per_token:
            return pairs.chosen_ratio, pairs.rejected_ratio
        return pairs.chosen_ratio / pairs.chosen_tokens, pairs.rejected_ratio / pairs.rejected_tokens
