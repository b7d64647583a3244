"""The objective: a hinge on the margin of likelihoods."""

from typing import ClassVar

from torch.nn import functional as F

from eurus_train import PairLikelihoods, PolicyObjective


class Hinge(PolicyObjective):
    """loss = relu(1 - (R_c - R_r)), R = log pi - log pi_ref; it begins at 1."""

    at_start: ClassVar = 1.0

    def rewards(self, pairs):
        return pairs.chosen - pairs.reference_chosen, pairs.rejected - pairs.reference_rejected

    def loss(self, pairs: PairLikelihoods):
        chosen, rejected = self.rewards(pairs)
        return F.relu(1 - (chosen - rejected))
