"""How a forest is learnt from: the step from an objective on numbers to a loss on a model.

A lesson plants the examples of a bin, runs the model over the forest and returns the *sum* of the losses by weight; what it is
divided by, the weight of the whole optimizer step, is the trainer's. Which objective an item meets follows from its source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor

from eurus_core.models import Dtype
from eurus_train.distributed import ranks
from eurus_train.forest.layout import (
    Branch,
    E,
    Forest,
    Group,
    Pair,
    nothing,
    plant,
    plant_groups,
    plant_mismatches,
    plant_pairs,
)
from eurus_train.forest.likelihood import action_logprobs, naive_logprob, scored_logprobs
from eurus_train.learning.reference import References
from eurus_train.monitoring.metrics import Split, Tally, tally_divergence, tally_lengths, tally_losses, tally_rewards
from eurus_train.objectives import GroupLikelihoods, Objective, PairLikelihoods, Routes, kto_baseline


class Lesson(ABC, Generic[E]):
    """What the trainer asks for; ``model`` is whatever it was given to train."""

    routes: Routes
    _precision: Dtype

    @abstractmethod
    def plant(self, examples: Sequence[E]) -> Forest:
        """Lay the examples of one bin out."""

    def forests(self, examples: Sequence[E]) -> list[Forest]:
        """Return every forest that the model reads of a bin: the one that is learnt from, and what :meth:`before_step` looks at."""
        return [self.plant(list(examples))] if examples else []

    def count(self, examples: Sequence[E]) -> float:
        """Return the weight of the items that the examples' losses are a mean over."""
        return sum(self.weight(example) for example in examples)

    @abstractmethod
    def weight(self, example: E) -> float:
        """Return what an example counts for: its items, times its own weight, times its source's."""

    @abstractmethod
    def loss(self, model: Any, forest: Forest, tally: Tally) -> Tensor:
        """Return the sum of the forest's losses by weight, (), and record what it saw."""

    def read(self, model: Any, forest: Forest) -> Tensor:
        """Return what is learnt about each branch, (B,): the log-probability of its action, in nats."""
        return action_logprobs(scored_logprobs(model, forest, self._precision), forest)

    def read_alone(self, model: Any, branch: Branch) -> Tensor:
        """Return the same for one branch, (), through the model's plain forward in float32: what a forest must equal."""
        return naive_logprob(model, branch)

    def idle(self, model: Any) -> Tensor:
        """Return 0 with a gradient of 0 for every weight: what a rank adds that has no examples while others have."""
        return scored_logprobs(model, nothing(), self._precision).sum() * 0

    def before_step(self, model: Any, bins: Sequence[Sequence[E]]) -> None:
        """Look at all bins that are learnt from, or measured, together before the first loss; by default there is nothing to do."""


def routes(objectives: Routes | Objective) -> Routes:
    """Return routes as they are, and an objective as everybody's."""
    return objectives if isinstance(objectives, Routes) else Routes(default=objectives)


class ActionLesson(Lesson[Branch]):
    """Single actions: supervised fine-tuning. Items are tokens."""

    def __init__(self, objective: Routes | Objective, precision: Dtype):
        self.routes, self._precision = routes(objective), precision

    def plant(self, examples: Sequence[Branch]) -> Forest:
        return plant(examples)

    def weight(self, example: Branch) -> float:
        return len(example.action) * self.routes.weight(example.source)

    def loss(self, model: Any, forest: Forest, tally: Tally) -> Tensor:
        scored = scored_logprobs(model, forest, self._precision)
        tokens = scored[torch.from_numpy(forest.member_scored).to(scored.device)]
        sources = [forest.branches[branch].source for branch in forest.member_branch.tolist()]
        losses = torch.zeros_like(tokens)
        for objective, places in self.routes.shared_out(sources, tokens):
            losses = losses.index_add(0, places, objective.loss(tokens[places]))
        weights = tokens.new_tensor([self.routes.weight(source) for source in sources])
        tally_losses(tally, losses, weights, sources)
        return (losses * weights).sum()


class PairLesson(Lesson[Pair]):
    """Pairs of siblings under policy objectives. Items are pairs, by weight."""

    def __init__(self, objective: Routes | Objective, precision: Dtype, references: References | None):
        self.routes, self._precision, self._references = routes(objective), precision, references
        self._baseline = 0.0

    def plant(self, examples: Sequence[Pair]) -> Forest:
        return plant_pairs(examples)

    def forests(self, examples: Sequence[Pair]) -> list[Forest]:
        pairs = list(examples)
        coupled = self._coupled(pairs)
        return super().forests(pairs) + ([plant_mismatches(coupled)] if coupled else [])

    def weight(self, example: Pair) -> float:
        return example.weight * self.routes.weight(example.source)

    @torch.no_grad()
    def before_step(self, model: Any, bins: Sequence[Sequence[Pair]]) -> None:
        """Fix KTO's z0 for all of these bins, those of all ranks together, from their mismatched couples.

        A couple weighs as its pair does, so that a pair of weight 2 is a pair said twice.
        """
        if not self.routes.uses_baseline:
            return
        total, weight = 0.0, 0.0
        for pairs in bins:
            coupled = self._coupled(pairs)
            if coupled:
                forest = plant_mismatches(coupled)
                likely = action_logprobs(scored_logprobs(model, forest, self._precision), forest)
                weights = likely.new_tensor([self.weight(pair) for pair in coupled])
                total += ((likely - reference(self._references, forest, likely)) * weights).sum().item()
                weight += weights.sum().item()
            elif ranks.world() > 1:
                self.idle(model)
        self._baseline = kto_baseline(*ranks.total([total, weight]))

    def loss(self, model: Any, forest: Forest, tally: Tally) -> Tensor:
        likely = action_logprobs(scored_logprobs(model, forest, self._precision), forest)
        pairs = self._likelihoods(likely, forest)
        chosen, rejected = ([forest.branches[place] for place in side] for side in (forest.chosen, forest.rejected))
        sources = [branch.source for branch in chosen]
        losses, rewards = torch.zeros_like(pairs.chosen), torch.zeros(2, len(sources), device=likely.device)
        for objective, places in self.routes.shared_out(sources, likely):
            mine = pairs.take(places)
            losses = losses.index_add(0, places, objective.loss(mine))
            rewards[:, places] = torch.stack(objective.rewards(mine)).detach()
        weights = torch.from_numpy(forest.weights).to(losses)
        weights = weights * weights.new_tensor([self.routes.weight(source) for source in sources])
        tally_losses(tally, losses, weights, sources)
        tally_rewards(tally, rewards[0], rewards[1], traits(chosen, rejected))
        tally_lengths(tally, {"chosen": pairs.chosen_tokens, "rejected": pairs.rejected_tokens})
        if self._references is not None:
            ratios = torch.cat([pairs.chosen_ratio, pairs.rejected_ratio])
            tally_divergence(tally, ratios, torch.cat([pairs.chosen_tokens, pairs.rejected_tokens]))
        if self.routes.uses_baseline:
            tally.add_sum("z0", self._baseline, 1)
        return (losses * weights).sum()

    def _coupled(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Return the pairs whose mismatched actions z0 is estimated on."""
        return [pair for pair in pairs if pair.mismatch and self.routes.of(pair.source).uses_baseline]

    def _likelihoods(self, likely: Tensor, forest: Forest) -> PairLikelihoods:
        chosen, rejected = (torch.from_numpy(side).to(likely.device) for side in (forest.chosen, forest.rejected))
        start = reference(self._references, forest, likely)
        lengths = torch.from_numpy(forest.lengths).to(likely)
        return PairLikelihoods(
            chosen=likely[chosen],
            rejected=likely[rejected],
            reference_chosen=start[chosen],
            reference_rejected=start[rejected],
            chosen_tokens=lengths[chosen],
            rejected_tokens=lengths[rejected],
            baseline=likely.new_tensor(self._baseline),
        )


class GroupLesson(Lesson[Group]):
    """Groups of siblings with scores. Items are groups; a group's best and worst member are reported as a pair."""

    def __init__(self, objective: Routes | Objective, precision: Dtype, references: References | None):
        self.routes, self._precision, self._references = routes(objective), precision, references

    def plant(self, examples: Sequence[Group]) -> Forest:
        return plant_groups(examples)

    def weight(self, example: Group) -> float:
        return self.routes.weight(example.source)

    def loss(self, model: Any, forest: Forest, tally: Tally) -> Tensor:
        likely = action_logprobs(scored_logprobs(model, forest, self._precision), forest)
        start = reference(self._references, forest, likely)
        lengths = torch.from_numpy(forest.lengths).to(likely)
        scores = likely.new_tensor([score for group in forest.groups for score in group.scores])
        sizes = [len(group.branches) for group in forest.groups]
        starts = np.cumsum([0, *sizes[:-1]])
        sources = [group.source for group in forest.groups]
        losses, rewards = likely.new_zeros(len(sizes)), torch.zeros_like(likely)
        for objective, places in self.routes.shared_out(sources, likely):
            members = torch.cat([torch.arange(starts[g], starts[g] + sizes[g]) for g in places.tolist()])
            group = torch.repeat_interleave(torch.tensor([sizes[g] for g in places.tolist()]))
            members, group = members.to(likely.device), group.to(likely.device)
            mine = GroupLikelihoods(likely[members], start[members], lengths[members], scores[members], group)
            losses = losses.index_add(0, places, objective.loss(mine))
            rewards[members] = objective.rewards(mine).detach()
        weights = losses.new_tensor([self.routes.weight(source) for source in sources])
        tally_losses(tally, losses, weights, sources)
        begins = list(zip(starts.tolist(), forest.groups, strict=True))
        best, worst = (
            torch.tensor([begin + int(choose(group.scores)) for begin, group in begins])
            for choose in (np.argmax, np.argmin)
        )
        sides = ([forest.branches[place] for place in side.tolist()] for side in (best, worst))
        tally_rewards(tally, rewards[best], rewards[worst], traits(*sides))
        tally_lengths(tally, {"chosen": lengths[best], "rejected": lengths[worst]})
        if self._references is not None:
            tally_divergence(tally, likely - start, lengths)
        return (losses * weights).sum()


def traits(chosen: Sequence[Branch], rejected: Sequence[Branch]) -> dict[Split, list[object]]:
    """Return what the rewards of pairs are reported by: turn, source, and whether one side alone was written from ground truth."""
    return {
        "turn": [branch.turn for branch in chosen],
        "source": [branch.source for branch in chosen],
        "author": ["mixed" if a.assisted != b.assisted else "same" for a, b in zip(chosen, rejected, strict=True)],
    }


def reference(references: References | None, forest: Forest, like: Tensor) -> Tensor:
    """Return the reference's log-probabilities of the branches, (B,); zeros for objectives without one."""
    if references is None:
        return like.new_zeros(len(forest.branches))
    return like.new_tensor(references[forest])
