"""Noise contrastive alignment, the form for preference pairs (arXiv 2402.05369, section 4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from eurus_train.kinds.pairs import PairLikelihoods
from eurus_train.objectives.base import PolicyObjective


def nca_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Return softplus(-R_c) + softplus(R_c) / 2 + softplus(R_r) / 2, (pairs,), with R = beta (log pi - log pi_ref).

    At step 0: 2 ln 2. The rewards count absolutely, hence chosen ones do not fall; the chosen terms have their minimum where
    sigma(R_c) = 2/3, so that R_c settles at ln 2.
    """
    return F.softplus(-chosen) + (F.softplus(chosen) + F.softplus(rejected)) / 2


class NCA(PolicyObjective):
    """Raise what was chosen to a fixed reward and lower what was rejected."""

    marks: ClassVar[Mapping[str, float]] = {"ln 2 (NCA settles here)": math.log(2)}

    @property
    def at_start(self) -> float:
        return 2 * math.log(2)

    def loss(self, pairs: PairLikelihoods) -> Tensor:
        return nca_loss(*self.rewards(pairs))
