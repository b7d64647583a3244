"""Groups of siblings with scores, as UltraFeedback's four responses to a prompt. Items are groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from eurus_core.records import PreferenceTree
from eurus_core.stages import Context
from eurus_train.data.examples import Selection, groups
from eurus_train.data.tree_tokens import LeftOut, Reading
from eurus_train.forest.layout import Group
from eurus_train.kinds.batch import Batch
from eurus_train.kinds.kind import Kind, Trained
from eurus_train.kinds.pairs import show_policy, traits
from eurus_train.monitoring import curves
from eurus_train.monitoring.metrics import Tally, tally_divergence, tally_lengths, tally_rewards


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


class Groups(Kind[Group]):
    """The siblings of every turn that have different scores. A group's best and worst member are reported as a pair."""

    name, one = "groups", "group of siblings with different scores"
    quantities: ClassVar[tuple[str, ...]] = ("margin", "accuracy")

    def select(self, tree: PreferenceTree, reading: Reading, left_out: LeftOut) -> Selection[Group]:
        return groups(tree, reading, left_out)

    def given(self, batch: Batch[Group]) -> tuple[Any, ...]:
        places = batch.places
        scores = batch.value.new_tensor([score for group in batch.examples for score in group.scores])
        reference, lengths = batch.reference[places], batch.lengths[places]
        return (GroupLikelihoods(batch.value[places], reference, lengths, scores, batch.group),)

    def rewards(self, objective: Any, *given: Any) -> Tensor | None:
        rewards: Tensor = objective.rewards(*given)
        return rewards

    def tally(self, tally: Tally, batch: Batch[Group], rewards: Tensor | None) -> None:
        if rewards is None:
            return
        places, found = batch.places, batch.examples
        lengths = batch.lengths[places]
        begins = np.cumsum([0, *(len(group.branches) for group in found[:-1])]).tolist()
        tops, bottoms = ([int(choose(group.scores)) for group in found] for choose in (np.argmax, np.argmin))
        best, worst = (
            torch.tensor([begin + one for begin, one in zip(begins, chosen, strict=True)], device=places.device)
            for chosen in (tops, bottoms)
        )
        members = [
            [group.branches[one] for group, one in zip(found, chosen, strict=True)] for chosen in (tops, bottoms)
        ]
        tally_rewards(tally, rewards[best], rewards[worst], traits(*members))
        tally_lengths(tally, {"chosen": lengths[best], "rejected": lengths[worst]})
        if batch.compared:
            tally_divergence(tally, (batch.value - batch.reference)[places], lengths)

    def show(self, context: Context, trained: Trained) -> None:
        show_policy(context, trained)

    def show_validation(self, context: Context, validation: Tally) -> None:
        curves.show_validation(context, validation.means(), validation.count)
