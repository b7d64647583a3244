"""Optimizer steps and the forests they consist of.

A step takes whole trees. They are packed into bins by their *unique* tokens, each bin becoming one forest; trees that begin alike
share what they share. A tree above the limit is cut between examples, and its history then computed once a piece.

A plan holds where examples are, not the examples, in eight bytes each: trees may lie on disk (:mod:`eurus_train.forest.token_file`) and
are read once to be packed, and again when their forest is planted.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from random import Random
from typing import Generic, overload

from eurus_core.records.seeds import derive
from eurus_train.forest.layout import E, Example
from eurus_train.forest.trie import Trie

OPEN_BINS = 64
"""Bins that first fit looks at: the last so many. Older ones are nearly full, and their tokens are let go."""


class Bin(Sequence[E]):
    """Examples of one forest, by tree and place. Each pass over them reads them anew: ``list`` one to work on it."""

    __slots__ = ("_places", "_trees")

    def __init__(self, trees: Sequence[Sequence[E]] = (), places: Iterable[tuple[int, int]] = ()):
        self._trees: Sequence[Sequence[E]] = trees
        self._places = array("i", itertools.chain.from_iterable(places))  # tree, place, tree, place, ...

    def __len__(self) -> int:
        return len(self._places) // 2

    def __iter__(self) -> Iterator[E]:
        each = zip(self._places[::2], self._places[1::2], strict=True)
        for tree, places in itertools.groupby(each, key=itemgetter(0)):
            examples = self._trees[tree]
            yield from (examples[place] for _, place in places)

    @overload
    def __getitem__(self, index: int) -> E: ...
    @overload
    def __getitem__(self, index: slice) -> list[E]: ...
    def __getitem__(self, index: int | slice) -> E | list[E]:
        return list(self)[index]


class _Filling:
    """A bin that is being filled, and the trie of its tokens."""

    def __init__(self) -> None:
        self.trie = Trie()
        self.places: list[tuple[int, int]] = []

    def add(self, example: Example, place: tuple[int, int]) -> None:
        _insert(self.trie, example)
        self.places.append(place)

    def size_with(self, other: Trie) -> int:
        """Return how many tokens the trie would hold with another's, too."""
        return self.trie.size + other.size - self.trie.overlap(other)


def pack(trees: Sequence[Sequence[E]], forest_tokens: int, order: Sequence[int] | None = None) -> list[Bin[E]]:
    """Put the examples of trees into as few bins as first fit finds, each of at most ``forest_tokens`` unique tokens.

    ``order`` takes some of the trees, one after the other, in place of all. A single example above the limit has a bin of its own.
    """
    full: list[Bin[E]] = []
    filling: deque[_Filling] = deque()
    for number in range(len(trees)) if order is None else order:
        tree = trees[number]
        for piece in _pieces(number, tree, forest_tokens):
            for open_bin in filling:
                if open_bin.size_with(piece.trie) <= forest_tokens:
                    for place in piece.places:
                        open_bin.add(tree[place[1]], place)
                    break
            else:
                filling.append(piece)
                if len(filling) > OPEN_BINS:
                    full.append(Bin(trees, filling.popleft().places))
    return full + [Bin(trees, one.places) for one in filling]


def _pieces(number: int, tree: Sequence[E], forest_tokens: int) -> Iterator[_Filling]:
    """Yield a tree whole where it fits, else cut between examples."""
    piece = _Filling()
    for place, example in enumerate(tree):
        if piece.places:
            alone = Trie()
            _insert(alone, example)
            if piece.size_with(alone) > forest_tokens:
                yield piece
                piece = _Filling()
        piece.add(example, (number, place))
    yield piece


def _insert(trie: Trie, example: Example) -> None:
    fork, history = trie.root, None
    for branch in example.branches:
        if branch.history is not history:  # siblings hold the same array
            fork, history = trie.insert(branch.history), branch.history
        trie.insert(branch.action, after=fork)


@dataclass(frozen=True, slots=True)
class StepPlan(Generic[E]):
    """All optimizer steps of a training, as bins of examples; every step has ``bins`` of them, some perhaps empty."""

    steps: list[list[Bin[E]]]
    bins: int

    def flat(self) -> list[Bin[E]]:
        """Return the bins in order, ``bins`` a step."""
        return [one for step in self.steps for one in step]


def plan(
    trees: Sequence[Sequence[E]],
    *,
    trees_per_step: int,
    forest_tokens: int,
    epochs: float = 1,
    max_steps: int | None = None,
    seed: int = 0,
    shown: Callable[[range], Iterable[int]] = iter,
) -> StepPlan[E]:
    """Order the trees by seed, anew each epoch, and cut them into steps. ``max_steps`` overrides ``epochs``.

    ``shown`` iterates over the steps' numbers and may tell how far it is.
    """
    an_epoch = math.ceil(len(trees) / trees_per_step)
    count = max_steps if max_steps is not None else max(1, round(epochs * an_epoch))
    steps: list[list[Bin[E]]] = []
    order: list[int] = []
    for number in shown(range(count)):
        epoch, place = divmod(number, an_epoch)
        if not place:
            order = list(range(len(trees)))
            Random(derive(seed, "order", epoch)).shuffle(order)  # noqa: S311 - no secret
        steps.append(pack(trees, forest_tokens, order[place * trees_per_step : (place + 1) * trees_per_step]))
    bins, empty = max(map(len, steps)), Bin(trees)
    return StepPlan([step + [empty] * (bins - len(step)) for step in steps], bins)
