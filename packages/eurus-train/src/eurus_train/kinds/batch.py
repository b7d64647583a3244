"""What a kind sees of a forest: some of its examples, and what the model and its reference say of their branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, cast

import numpy as np
import torch
from torch import Tensor

from eurus_train.forest.layout import E, Forest
from eurus_train.forest.trie import Ids


@dataclass(frozen=True, slots=True, eq=False)
class Batch(Generic[E]):
    """Examples of a forest with B branches. What is measured stands once a branch; ``places`` leads from examples to it.

    The branches of an example may be those of others, too: index ``value`` and its like by ``places``, then gradients add up.
    """

    forest: Forest
    taken: Ids  # which of the forest's examples these are
    value: Tensor  # (B,), float32: the log-probability of each action, in nats; of a reward model its reward
    reference: Tensor  # (B,), the same by the reference; zeros where there is none
    scored: Tensor  # (S,), the log-probabilities of the forest's scored tokens; empty under a reward model
    baseline: Tensor  # (), KTO's z0 for the whole optimizer step; 0 where no objective uses one
    compared: bool = False
    """Whether there is a reference."""

    @property
    def examples(self) -> tuple[E, ...]:
        return tuple(cast("E", self.forest.examples[number]) for number in self.taken.tolist())

    @property
    def places(self) -> Tensor:
        """(P,), int64: the branches of the first example, of the second, and so on, as indices into B."""
        return self._tensor(cut(self.forest.places, self.forest.sizes, self.taken))

    @property
    def group(self) -> Tensor:
        """(P,), int64: the example of each place, counted among these: 0, 0, 1, 1, 1, ..."""
        return self._tensor(np.repeat(np.arange(len(self.taken)), self.forest.sizes[self.taken]))

    @property
    def lengths(self) -> Tensor:
        """(B,), float32: tokens of each action."""
        return self._tensor(self.forest.lengths).to(self.value)

    @property
    def tokens(self) -> Tensor:
        """(T,): the log-probabilities of all tokens of these examples' actions, place after place."""
        branches = cut(self.forest.places, self.forest.sizes, self.taken)
        return self.scored[self._tensor(cut(self.forest.member_scored, self.forest.lengths, branches))]

    def take(self, numbers: Sequence[int]) -> Batch[E]:
        """Return some of these examples, by their numbers among them."""
        return replace(self, taken=self.taken[np.array(numbers, dtype=np.int64)])

    def detached(self) -> Batch[E]:
        """Return the same numbers without gradients, to be counted."""
        return replace(self, value=self.value.detach(), scored=self.scored.detach())

    def _tensor(self, values: Any) -> Tensor:
        return torch.from_numpy(values).to(self.value.device)


def cut(values: Ids, sizes: Ids, chosen: Ids) -> Ids:
    """Return the values of some stretches, one after another, of those that ``sizes`` cuts ``values`` into."""
    begins = np.cumsum(sizes) - sizes
    taken = sizes[chosen]
    steps = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
    found: Ids = values[np.repeat(begins[chosen], taken) + steps]
    return found
