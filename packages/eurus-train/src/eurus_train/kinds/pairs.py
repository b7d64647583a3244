"""Pairs of siblings, one of them better than the other. Items are pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from eurus_core.records import PreferenceTree
from eurus_core.stages import Context
from eurus_train.data.examples import Selection, preferences
from eurus_train.data.tree_tokens import LeftOut, Reading
from eurus_train.forest.layout import Branch, Pair
from eurus_train.kinds.batch import Batch
from eurus_train.kinds.kind import Kind, Trained
from eurus_train.monitoring import curves
from eurus_train.monitoring.metrics import Split, Tally, tally_divergence, tally_lengths, tally_rewards

PAIR = "pair of a correct and an incorrect action after the same prompt"


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

    @property
    def chosen_ratio(self) -> Tensor:
        """s of the chosen side: log pi - log pi_ref."""
        return self.chosen - self.reference_chosen

    @property
    def rejected_ratio(self) -> Tensor:
        """s of the rejected side: log pi - log pi_ref."""
        return self.rejected - self.reference_rejected


class Pairs(Kind[Pair]):
    """Every pair of a correct and an incorrect sibling, or those that published rows state."""

    name, one = "pairs", PAIR
    example = Pair
    quantities: ClassVar[tuple[str, ...]] = ("margin", "accuracy")

    def select(self, tree: PreferenceTree, reading: Reading, left_out: LeftOut) -> Selection[Pair]:
        return preferences(tree, reading, left_out)

    def given(self, batch: Batch[Pair]) -> tuple[Any, ...]:
        chosen, rejected = sides(batch)
        lengths = batch.lengths
        return (
            PairLikelihoods(
                chosen=batch.value[chosen],
                rejected=batch.value[rejected],
                reference_chosen=batch.reference[chosen],
                reference_rejected=batch.reference[rejected],
                chosen_tokens=lengths[chosen],
                rejected_tokens=lengths[rejected],
                baseline=batch.baseline,
            ),
        )

    def rewards(self, objective: Any, *given: Any) -> Tensor:
        return torch.stack(objective.rewards(*given), 1).flatten()

    def tally(self, tally: Tally, batch: Batch[Pair], rewards: Tensor | None) -> None:
        if rewards is None:
            return
        chosen, rejected = sides(batch)
        pairs, lengths = batch.examples, batch.lengths
        tally_rewards(
            tally, rewards[::2], rewards[1::2], traits([p.chosen for p in pairs], [p.rejected for p in pairs])
        )
        tally_lengths(tally, {"chosen": lengths[chosen], "rejected": lengths[rejected]})
        if batch.compared:
            both = torch.cat([chosen, rejected])
            tally_divergence(tally, (batch.value - batch.reference)[both], lengths[both])

    def show(self, context: Context, trained: Trained) -> None:
        show_policy(context, trained)

    def show_validation(self, context: Context, validation: Tally) -> None:
        curves.show_validation(context, validation.means(), validation.count)


def sides(batch: Batch[Pair]) -> tuple[Tensor, Tensor]:
    """Return the branches of both sides, (pairs,) each."""
    places = batch.places.view(-1, 2)
    return places[:, 0], places[:, 1]


def traits(chosen: Sequence[Branch], rejected: Sequence[Branch]) -> dict[Split, list[object]]:
    """Return what the rewards of pairs are reported by: turn, source, and whether one side alone was written from ground truth."""
    return {
        "turn": [branch.turn for branch in chosen],
        "source": [branch.source for branch in chosen],
        "author": ["mixed" if a.assisted != b.assisted else "same" for a, b in zip(chosen, rejected, strict=True)],
    }


def show_policy(context: Context, trained: Trained) -> None:
    """Plot the implicit rewards of a policy, as the paper's figure 5 does, and its loss."""
    curves.show_rewards(context, trained.history, marks=trained.marks)
    context.define(curves.POLICY_TERMS)
    curves.show_loss(context, trained.history)
    if trained.compared:
        curves.show_absolute(context, trained.history, trained.validation)
