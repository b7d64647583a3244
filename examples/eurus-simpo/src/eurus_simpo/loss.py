"""SimPO: preference learning without a reference model (arXiv 2405.14734, equation 6)."""

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from eurus_train import PairLikelihoods, PolicyObjective


class SimPO(PolicyObjective):
    """Raise the mean log-probability of chosen tokens above that of rejected ones by a margin.

    R = beta log pi / |y|;  loss = -log sigma(R_c - R_r - margin). Its start depends on the model, hence no ``at_start``.
    """

    uses_reference: ClassVar[bool] = False

    beta: float = Field(default=2.0, gt=0)
    """The factor on mean log-probabilities."""
    margin: float = Field(default=1.0, ge=0)
    """How far a chosen reward is to lie above the rejected one."""

    def rewards(self, pairs: PairLikelihoods) -> tuple[Tensor, Tensor]:
        return self.beta * pairs.chosen / pairs.chosen_tokens, self.beta * pairs.rejected / pairs.rejected_tokens

    def loss(self, pairs: PairLikelihoods) -> Tensor:
        chosen, rejected = self.rewards(pairs)
        return F.softplus(self.margin - (chosen - rejected))
