"""What an objective is: settings plus one pure function from float32 tensors to unreduced losses.

Four kinds, by what they see. All return one loss an item, (items,), never reduced: the trainer weighs, sums and divides by the
count over the whole optimizer step, so that accumulation and ranks change nothing. A third party subclasses the kind it needs
and offers the class through ``eurus_objectives``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from eurus_core.parts.contracts import Part


class Objective(Part):
    """A learning objective. Subclass one of the four kinds below."""

    uses_reference: ClassVar[bool] = False
    """True asks for the starting policy's log-probabilities, a pass before training."""
    uses_baseline: ClassVar[bool] = False
    """True asks for KTO's z0, estimated before each optimizer step on mismatched (history, action) couples."""

    marks: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Rewards worth a labelled line in plots, such as the one that an objective settles at."""

    @property
    def at_start(self) -> float | None:
        """The loss of one item while the model still equals its start; None where that depends on the data."""
        return None


class ActionObjective(Objective):
    """Learns from single actions, as supervised fine-tuning does."""

    @abstractmethod
    def loss(self, logprobs: Tensor) -> Tensor:
        """Return one loss a token, (tokens,), from the log-probabilities of the actions' tokens, (tokens,), in nats."""


@dataclass(frozen=True, slots=True)
class PairLikelihoods:
    """What a policy objective sees of a batch of pairs: sums over the *final* action's tokens, (pairs,), float32, in nats.

    Earlier actions of the trajectory are wrong ones in UltraInteract and cancel only in DPO; they are never scored.
    """

    chosen: Tensor
    rejected: Tensor
    reference_chosen: Tensor  # zeros where the objective uses no reference
    reference_rejected: Tensor
    chosen_tokens: Tensor  # lengths of the final actions
    rejected_tokens: Tensor
    baseline: Tensor  # (), KTO's z0 for the whole optimizer step; 0 where the objective uses none

    def take(self, places: Tensor) -> PairLikelihoods:
        """Return the pairs at these places; the baseline is everybody's."""
        return PairLikelihoods(
            **{
                field.name: value[places] if (value := getattr(self, field.name)).ndim else value
                for field in fields(self)
            }
        )

    @property
    def chosen_ratio(self) -> Tensor:
        """s of the chosen side: log pi - log pi_ref."""
        return self.chosen - self.reference_chosen

    @property
    def rejected_ratio(self) -> Tensor:
        """s of the rejected side: log pi - log pi_ref."""
        return self.rejected - self.reference_rejected


class PolicyObjective(Objective):
    """Learns a policy from pairs of sibling actions."""

    uses_reference: ClassVar[bool] = True
    """False spares the pass that computes the starting policy's log-probabilities."""

    beta: float = Field(default=0.1, gt=0)
    """Scale of the implicit reward beta (log pi - log pi_ref); the paper's is 0.1."""

    def rewards(self, pairs: PairLikelihoods) -> tuple[Tensor, Tensor]:
        """Return the implicit rewards of both sides, (pairs,) each: R = beta s unless the objective defines its own."""
        return self.beta * pairs.chosen_ratio, self.beta * pairs.rejected_ratio

    @abstractmethod
    def loss(self, pairs: PairLikelihoods) -> Tensor:
        """Return one loss a pair, (pairs,)."""


@dataclass(frozen=True, slots=True)
class GroupLikelihoods:
    """What an objective on groups sees: the members of all groups one after another, (members,), float32, in nats."""

    likely: Tensor  # sums over each action's tokens
    reference: Tensor  # zeros where the objective uses no reference
    tokens: Tensor  # lengths of the actions
    scores: Tensor  # as the data give them; higher is better
    group: Tensor  # (members,), int64: 0, 0, 0, 1, 1, ...; groups are consecutive

    @property
    def ratio(self) -> Tensor:
        """s of each member: log pi - log pi_ref."""
        return self.likely - self.reference


class GroupObjective(Objective):
    """Learns a policy from groups of sibling actions with scores, as UltraFeedback's four responses to a prompt."""

    uses_reference: ClassVar[bool] = True
    """False spares the pass that computes the starting policy's log-probabilities."""

    beta: float = Field(default=0.1, gt=0)
    """Scale of the implicit reward beta (log pi - log pi_ref)."""

    def rewards(self, groups: GroupLikelihoods) -> Tensor:
        """Return the implicit reward of each member, (members,): R = beta s unless the objective defines its own."""
        return self.beta * groups.ratio

    @abstractmethod
    def loss(self, groups: GroupLikelihoods) -> Tensor:
        """Return one loss a group, (groups,)."""


class RewardObjective(Objective):
    """Learns a reward model from pairs of sibling actions."""

    @abstractmethod
    def loss(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        """Return one loss a pair, (pairs,), from the rewards of both sides, (pairs,), float32."""
