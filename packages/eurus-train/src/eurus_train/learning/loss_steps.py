"""How a forest is learnt from: the step from an objective on numbers to a loss on a model.

A loss step plants the examples of a bin, runs the model over the forest and returns the *sum* of the losses by weight; what it is
divided by, the weight of the whole optimizer step, is the trainer's. What is specific to a kind of objective is the kind's
(:mod:`eurus_train.kinds`); which objective an example meets follows from its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor

from eurus_core.models import Dtype
from eurus_train.distributed import ranks
from eurus_train.forest.layout import Branch, E, Forest, nothing, plant, plant_mismatches
from eurus_train.forest.likelihood import action_logprobs, naive_logprob, scored_logprobs
from eurus_train.forest.trie import Ids
from eurus_train.kinds import Batch, Kind
from eurus_train.kinds.batch import cut
from eurus_train.learning.reference import References
from eurus_train.monitoring.metrics import Tally, tally_losses
from eurus_train.objectives import Objective, Routes, kto_baseline


class LossStep(Generic[E]):
    """What the trainer asks for, of a policy; ``model`` is whatever it was given to train.

    What reads forests otherwise, as a reward model does, overrides :meth:`measured`, :meth:`read_alone` and :meth:`idle`.
    """

    def __init__(self, objective: Routes | Objective, precision: Dtype, references: References | None = None):
        self.routes = objective if isinstance(objective, Routes) else Routes(default=objective)
        self.kind: Kind[E] = self.routes.kind
        self._precision, self._references = precision, references
        self._baseline = 0.0

    def plant(self, examples: Sequence[E]) -> Forest:
        """Lay the examples of one bin out."""
        return plant(examples)

    def forests(self, examples: Sequence[E]) -> list[Forest]:
        """Return every forest that the model reads of a bin: the one that is learnt from, and what :meth:`before_step` looks at."""
        found = list(examples)
        forests = [plant(found)] if found else []
        if coupled := self._coupled(found):
            forests.append(plant_mismatches(coupled))
        return forests

    def count(self, examples: Sequence[E]) -> float:
        """Return the weight of the items that the examples' losses are a mean over."""
        return sum(self.weight(example) for example in examples)

    def weight(self, example: E) -> float:
        """Return what an example counts for: its items, times its own weight, times its source's."""
        return self.kind.items(example) * example.weight * self.routes.weight(example.source)

    def measured(self, model: Any, forest: Forest) -> tuple[Tensor, Tensor]:
        """Return what is learnt about each branch, (B,), and the log-probabilities of the scored tokens, (S,), if there are any."""
        scored = scored_logprobs(model, forest, self._precision)
        return action_logprobs(scored, forest), scored

    def read(self, model: Any, forest: Forest) -> Tensor:
        """Return what is learnt about each branch, (B,): the log-probability of its action, in nats."""
        return self.measured(model, forest)[0]

    def read_alone(self, model: Any, branch: Branch) -> Tensor:
        """Return the same for one branch, (), through the model's plain forward in float32: what a forest must equal."""
        return naive_logprob(model, branch)

    def idle(self, model: Any) -> Tensor:
        """Return 0 with a gradient of 0 for every weight: what a rank adds that has no examples while others have."""
        return scored_logprobs(model, nothing(), self._precision).sum() * 0

    def loss(self, model: Any, forest: Forest, tally: Tally) -> Tensor:
        """Return the sum of the forest's losses by weight, (), and record what it saw."""
        batch = self._batch(model, forest)
        examples = batch.examples
        sizes = np.array([self.kind.items(example) for example in examples], dtype=np.int64)
        losses, rewards = batch.value.new_zeros(int(sizes.sum())), None
        for objective, mine in self.routes.shared_out([example.source for example in examples]):
            part = batch.take(mine)
            given = self.kind.given(part)
            items = _stretches(sizes, mine, losses)
            found = objective.loss(*given)
            if found.shape != items.shape:
                raise ValueError(
                    f"{type(objective).__name__}.loss returned {tuple(found.shape)}: needed is one loss an item, {tuple(items.shape)}"
                )
            losses = losses.index_add(0, items, found)
            if (credited := self.kind.rewards(objective, *given)) is not None:
                rewards = batch.value.new_zeros(len(forest.places)) if rewards is None else rewards
                rewards[_stretches(forest.sizes, mine, rewards)] = credited.detach()
        sources = [example.source for example, size in zip(examples, sizes, strict=True) for _ in range(size)]
        own = [example.weight for example, size in zip(examples, sizes, strict=True) for _ in range(size)]
        weights = losses.new_tensor(own) * losses.new_tensor([self.routes.weight(source) for source in sources])
        tally_losses(tally, losses, weights, sources)
        self.kind.tally(tally, batch.detached(), rewards)
        if self.routes.uses_baseline:
            tally.add_sum("z0", self._baseline, 1)
        return (losses * weights).sum()

    @torch.no_grad()
    def before_step(self, model: Any, bins: Sequence[Sequence[E]]) -> None:
        """Look at all bins that are learnt from, or measured, together before the first loss: fix KTO's z0 for them, those of all
        ranks together, from their mismatched couples.

        A couple weighs as its example does, so that a pair of weight 2 is a pair said twice.
        """
        if not self.routes.uses_baseline:
            return
        total, weight = 0.0, 0.0
        for examples in bins:
            coupled = self._coupled(examples)
            if coupled:
                forest = plant_mismatches(coupled)
                value = self.read(model, forest)
                places = torch.from_numpy(forest.places).to(value.device)
                weights = value.new_tensor([self.weight(example) for example in coupled])
                total += ((value - self._reference(forest, value))[places] * weights).sum().item()
                weight += weights.sum().item()
            elif ranks.world_size() > 1:
                self.idle(model)
        self._baseline = kto_baseline(*ranks.all_reduce([total, weight]))

    def _batch(self, model: Any, forest: Forest) -> Batch[E]:
        value, scored = self.measured(model, forest)
        return Batch(
            forest=forest,
            taken=np.arange(len(forest.examples)),
            value=value,
            reference=self._reference(forest, value),
            scored=scored,
            baseline=value.new_tensor(self._baseline),
            compared=self._references is not None,
        )

    def _coupled(self, examples: Iterable[E]) -> list[E]:
        """Return the examples whose mismatched actions z0 is estimated on."""
        return [one for one in examples if one.mismatch and self.routes.of(one.source).uses_baseline]

    def _reference(self, forest: Forest, like: Tensor) -> Tensor:
        """Return the reference's log-probabilities of the branches, (B,); zeros for objectives without one."""
        if self._references is None:
            return like.new_zeros(len(forest.branches))
        return like.new_tensor(self._references[forest])


def _stretches(sizes: Ids, chosen: Sequence[int], like: Tensor) -> Tensor:
    """Return the places of some examples' items, or branches, among all, ``sizes`` being how many each example has."""
    return torch.from_numpy(cut(np.arange(sizes.sum()), sizes, np.array(chosen, dtype=np.int64))).to(like.device)
