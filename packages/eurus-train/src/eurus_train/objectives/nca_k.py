"""Noise contrastive alignment over K scored responses of a prompt (arXiv 2402.05369, the form for explicit rewards)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from eurus_train.kinds.groups import GroupLikelihoods
from eurus_train.objectives.base import GroupObjective


def shares(scores: Tensor, group: Tensor, *, alpha: float) -> Tensor:
    """Return the softmax of scores / alpha within each group, (members,); a group's shares sum to 1."""
    count = _count(group)
    scaled = scores / alpha
    best = scaled.new_full((count,), -math.inf).scatter_reduce(0, group, scaled, "amax")
    weight = (scaled - best[group]).exp()
    return weight / _sums(weight, group, count)[group]


def nca_k_loss(rewards: Tensor, scores: Tensor, group: Tensor, *, alpha: float) -> Tensor:
    """Return the sum over a group of p softplus(-R) + softplus(R) / K, (groups,), with p = softmax(scores / alpha).

    R = beta (log pi - log pi_ref), K the group's size. At step 0: 2 ln 2. For two responses and alpha near 0 it is the form
    for pairs. A response settles where sigma(R) = p / (p + 1/K): at R = ln(K p), which is ln K for one that takes all.
    """
    count = _count(group)
    sizes = _sums(rewards.new_ones(len(rewards)), group, count)
    members = shares(scores, group, alpha=alpha) * F.softplus(-rewards) + F.softplus(rewards) / sizes[group]
    return _sums(members, group, count)


class NCAK(GroupObjective):
    """Raise each response in proportion to its share of the scores' softmax and lower all alike."""

    marks: ClassVar[Mapping[str, float]] = {"0": 0.0}

    alpha: float = Field(default=0.1, gt=0)
    """Temperature of the scores (ours): near 0 only the best response counts."""

    @property
    def at_start(self) -> float:
        return 2 * math.log(2)

    def loss(self, groups: GroupLikelihoods) -> Tensor:
        return nca_k_loss(self.rewards(groups), groups.scores, groups.group, alpha=self.alpha)


def _count(group: Tensor) -> int:
    return int(group[-1]) + 1 if len(group) else 0


def _sums(values: Tensor, group: Tensor, count: int) -> Tensor:
    return values.new_zeros(count).index_add(0, group, values)
