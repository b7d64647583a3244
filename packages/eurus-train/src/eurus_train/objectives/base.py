"""What an objective is: settings plus one pure function from float32 tensors to unreduced losses.

Its **kind** says what that function is given (:mod:`eurus_train.kinds`). The loss is one number an item, (items,), never reduced: the
trainer weighs, sums and divides by the count over the whole optimizer step, so that accumulation and ranks change nothing. A third
party subclasses the base class of a kind, or :class:`Objective` with ``kind = ...``, and offers the class through ``eurus_objectives``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from eurus_core.parts.contracts import Part
from eurus_train.kinds import Actions, GroupLikelihoods, Groups, Kind, PairLikelihoods, Pairs


class Objective(Part):
    """A learning objective of any kind."""

    kind: ClassVar[type[Kind[Any]]]
    """What it learns from, and what is told of it."""
    uses_reference: ClassVar[bool] = False
    """True asks for the starting policy's log-probabilities, a pass before training."""
    uses_baseline: ClassVar[bool] = False
    """True asks for KTO's z0, estimated before each optimizer step on mismatched (history, action) couples: ``Batch.baseline``."""

    marks: ClassVar[Mapping[str, float]] = MappingProxyType({})
    """Rewards worth a labelled line in plots, such as the one that an objective settles at."""

    @property
    def at_start(self) -> float | None:
        """The loss of one item while the model still equals its start; None where that depends on the data."""
        return None

    @abstractmethod
    def loss(self, *given: Any, **named: Any) -> Tensor:
        """Return one loss an item, (items,), from what the kind gives (``Kind.given``)."""


class ActionObjective(Objective):
    """Learns from single actions, as supervised fine-tuning does."""

    kind = Actions

    @abstractmethod
    def loss(self, logprobs: Tensor) -> Tensor:
        """Return one loss a token, (tokens,), from the log-probabilities of the actions' tokens, (tokens,), in nats."""


class PolicyObjective(Objective):
    """Learns a policy from pairs of sibling actions."""

    kind = Pairs
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


class GroupObjective(Objective):
    """Learns a policy from groups of sibling actions with scores, as UltraFeedback's four responses to a prompt."""

    kind = Groups
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
