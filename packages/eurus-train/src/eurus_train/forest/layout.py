"""A forest: many trajectories as one sequence, every shared prefix computed once.

A **branch** is an action after its history. Branches that begin alike share their tokens, whichever trees they belong to:
a tree's spine, the task prompt of several problems, the opening words of two siblings. A token sees its ancestors only, and its
position is its depth, so that each branch reads exactly as it would alone.

Targets are no roll of the inputs: the last token of a history has several children. Scored tokens are therefore addressed by
the row of the logits that predicts them and by their id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from eurus_train.forest.trie import Ids, Trie, path


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """An action after its history, in tokens; the history ends where the model starts to write."""

    history: Ids
    action: Ids
    tree: str = ""
    node: str = ""
    turn: int = 1
    source: str = ""
    assisted: bool = False  # written from ground truth, not sampled

    def __len__(self) -> int:
        return len(self.history) + len(self.action)

    @property
    def branches(self) -> tuple[Branch, ...]:
        return (self,)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two sibling actions. ``mismatch`` is an action of another problem after this history, for objectives with a baseline."""

    chosen: Branch
    rejected: Branch
    weight: float = 1.0
    mismatch: Branch | None = None

    @property
    def source(self) -> str:
        return self.chosen.source

    @property
    def branches(self) -> tuple[Branch, ...]:
        return (self.chosen, self.rejected)

    @property
    def mixed(self) -> bool:
        """Whether one side alone was written from ground truth: who wrote them tells the sides apart."""
        return self.chosen.assisted != self.rejected.assisted


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Sibling actions with one score each, higher is better."""

    branches: tuple[Branch, ...]
    scores: tuple[float, ...]

    @property
    def source(self) -> str:
        return self.branches[0].source


E = TypeVar("E", Branch, Pair, Group)
"""An example: what is learnt from at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Branches laid out depth-first as one sequence of L tokens."""

    tokens: Ids  # (L,)
    depth: Ids  # (L,), the position on the token's own path
    exits: Ids  # (L,), first position after the token's descendants
    rows: Ids  # (R,), positions whose prediction is scored, each once
    scored_row: Ids  # (S,), index into rows
    scored_token: Ids  # (S,), the id to be predicted there
    member_scored: Ids  # (M,), index into the S scored tokens; one that opens two actions appears twice
    member_branch: Ids  # (M,), the branch it counts for
    ends: Ids  # (B,), position of each branch's last token, where a reward is read
    lengths: Ids  # (B,), tokens of each action
    branches: tuple[Branch, ...]
    chosen: Ids  # (P,), index into branches
    rejected: Ids  # (P,)
    weights: NDArray[np.float32]  # (P,)
    groups: tuple[Group, ...] = ()  # their branches, one group after another, are all of ``branches``

    def __len__(self) -> int:
        return len(self.tokens)

    def digest(self) -> bytes:
        """Return 16 bytes that stand for what a model computes of this forest, in this layout: its branches' log-probabilities."""
        found = hashlib.blake2b(digest_size=16)
        for part in (
            self.tokens,
            self.depth,
            self.exits,
            self.rows,
            self.scored_row,
            self.scored_token,
            self.member_scored,
            self.member_branch,
        ):
            found.update(len(part).to_bytes(8, "big") + part.tobytes())
        return found.digest()

    @property
    def logical_tokens(self) -> int:
        """Tokens that the same work takes without sharing: both sides of each pair in full, or each branch in full."""
        lengths = np.array([len(branch) for branch in self.branches], dtype=np.int64)
        if len(self.chosen):
            return int(lengths[self.chosen].sum() + lengths[self.rejected].sum())
        return int(lengths.sum())


def plant(branches: Sequence[Branch], edges: Iterable[tuple[int, int, float]] = ()) -> Forest:
    """Lay branches out as a forest. ``edges`` are pairs: index of chosen, index of rejected, weight.

    ValueError for an empty history or action: nothing would predict, or nothing would be predicted.
    """
    trie = Trie()
    spans = []
    fork, history = trie.root, None
    for branch in branches:
        if not len(branch.history) or not len(branch.action):
            raise ValueError(f"tree {branch.tree!r}, node {branch.node!r}: empty history or action")
        if branch.history is not history:  # siblings hold the same array
            fork, history = trie.insert(branch.history), branch.history
        spans.append((fork, trie.insert(branch.action, after=fork)))
    tokens, depth, exits = trie.layout()

    places, sources, members = [], [], []
    for index, (fork, end) in enumerate(spans):
        place = path(end, fork)
        places.append(place)
        sources.append(np.concatenate(([fork.start + len(fork.tokens) - 1], place[:-1])))
        members.append(np.full(len(place), index))
    # A token has one predecessor, so its place alone tells scored tokens apart.
    scored, first, member_scored = np.unique(_join(places), return_index=True, return_inverse=True)
    rows, scored_row = np.unique(_join(sources)[first], return_inverse=True)
    chosen, rejected, weights = zip(*edges, strict=True) if (edges := list(edges)) else ((), (), ())
    return Forest(
        tokens=tokens,
        depth=depth,
        exits=exits,
        rows=rows,
        scored_row=scored_row,
        scored_token=tokens[scored],
        member_scored=member_scored,
        member_branch=_join(members),
        ends=np.array([place[-1] for place in places], dtype=np.int64),
        lengths=np.array([len(place) for place in places], dtype=np.int64),
        branches=tuple(branches),
        chosen=np.array(chosen, dtype=np.int64),
        rejected=np.array(rejected, dtype=np.int64),
        weights=np.array(weights, dtype=np.float32),
    )


def nothing() -> Forest:
    """Return the smallest forest, for one of several processes that has no work while the others have."""
    token = np.zeros(1, dtype=np.int64)
    return plant([Branch(token, token)])


def plant_pairs(pairs: Sequence[Pair]) -> Forest:
    """Lay pairs out as a forest; a branch that stands in several pairs is laid once."""
    index: dict[Branch, int] = {}
    for pair in pairs:
        for side in (pair.chosen, pair.rejected):
            index.setdefault(side, len(index))
    return plant(list(index), [(index[pair.chosen], index[pair.rejected], pair.weight) for pair in pairs])


def plant_groups(groups: Sequence[Group]) -> Forest:
    """Lay groups of siblings out as a forest, its branches in the order of the groups."""
    forest = plant([branch for group in groups for branch in group.branches])
    return replace(forest, groups=tuple(groups))


def plant_mismatches(pairs: Sequence[Pair]) -> Forest:
    """Lay out only the mismatched branches of pairs, which a baseline is estimated on; empty where there are none."""
    return plant([pair.mismatch for pair in pairs if pair.mismatch is not None])


def _join(parts: list[Ids]) -> Ids:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
