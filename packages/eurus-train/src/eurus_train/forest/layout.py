"""A forest: many trajectories as one sequence, every shared prefix computed once.

A **branch** is an action after its history. Branches that begin alike share their tokens, whichever trees they belong to:
a tree's spine, the task prompt of several problems, the opening words of two siblings. A token sees its ancestors only, and its
position is its depth, so that each branch reads exactly as it would alone.

Targets are no roll of the inputs: the last token of a history has several children. Scored tokens are therefore addressed by
the row of the logits that predicts them and by their id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import numpy as np

from eurus_train.forest.trie import Ids, Trie, path


class Example(Protocol):
    """What is learnt from at once: branches that are laid into one forest, and the numbers that the data say of them.

    Ours are a branch alone, a :class:`Pair` and a :class:`Group`. A kind of objective may bring a class of its own.
    """

    @property
    def branches(self) -> tuple[Branch, ...]:
        """What the model reads. A branch object that several examples hold is read once."""

    @property
    def mismatch(self) -> Branch | None:
        """An action of another problem after this history, for objectives with a baseline; never learnt from."""

    @property
    def numbers(self) -> tuple[float, ...]:
        """What a file of examples keeps besides the branches."""

    @classmethod
    def of(cls, branches: Sequence[Branch], numbers: Sequence[float], mismatch: Branch | None) -> Self:
        """Return the example that a file kept."""

    @property
    def source(self) -> str:
        """Which objective it meets, and what it is reported by."""

    @property
    def weight(self) -> float:
        """What it counts for beside others of its source."""

    def role(self, place: int, number: int) -> str:
        """Say what the branch at ``place`` is compared as in this example, the ``number``-th of its forest."""


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

    @property
    def mismatch(self) -> None:
        return None

    @property
    def numbers(self) -> tuple[float, ...]:
        return ()

    @property
    def weight(self) -> float:
        return 1.0

    @classmethod
    def of(cls, branches: Sequence[Branch], numbers: Sequence[float], mismatch: Branch | None) -> Branch:
        (branch,) = branches
        return branch

    def role(self, place: int, number: int) -> str:
        return "imitated"


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
    def numbers(self) -> tuple[float, ...]:
        return (self.weight,)

    @classmethod
    def of(cls, branches: Sequence[Branch], numbers: Sequence[float], mismatch: Branch | None) -> Self:
        return cls(branches[0], branches[1], numbers[0], mismatch)

    def role(self, place: int, number: int) -> str:
        return f"{('chosen', 'rejected')[place]} in pair {number}, weight {np.float32(self.weight):g}"

    @property
    def mixed(self) -> bool:
        """Whether one side alone was written from ground truth: who wrote them tells the sides apart."""
        return self.chosen.assisted != self.rejected.assisted


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Actions with one score each, mostly siblings, and higher is better. A kind may give scores another meaning."""

    branches: tuple[Branch, ...]
    scores: tuple[float, ...]
    mismatch: Branch | None = None

    @property
    def source(self) -> str:
        return self.branches[0].source

    @property
    def weight(self) -> float:
        return 1.0

    @property
    def numbers(self) -> tuple[float, ...]:
        return self.scores

    @classmethod
    def of(cls, branches: Sequence[Branch], numbers: Sequence[float], mismatch: Branch | None) -> Self:
        return cls(tuple(branches), tuple(numbers), mismatch)

    def role(self, place: int, number: int) -> str:
        return f"score {self.scores[place]:g} in group {number}"


E = TypeVar("E", bound=Example)


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
    examples: tuple[Example, ...]
    places: Ids  # (P,), index into branches: those of the first example, of the second, ...
    sizes: Ids  # (E,), how many of the places are each example's

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
        """Tokens that the same work takes without sharing: each branch of each example in full."""
        lengths = np.array([len(branch) for branch in self.branches], dtype=np.int64)
        return int(lengths[self.places].sum())


def plant(examples: Sequence[Example]) -> Forest:
    """Lay examples out as a forest; a branch that stands in several of them is laid once.

    ValueError for an empty history or action: nothing would predict, or nothing would be predicted.
    """
    order: dict[Branch, int] = {}
    for example in examples:
        for branch in example.branches:
            order.setdefault(branch, len(order))
    branches = tuple(order)
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
        branches=branches,
        examples=tuple(examples),
        places=np.array([order[branch] for example in examples for branch in example.branches], dtype=np.int64),
        sizes=np.array([len(example.branches) for example in examples], dtype=np.int64),
    )


def nothing() -> Forest:
    """Return the smallest forest, for one of several processes that has no work while the others have."""
    token = np.zeros(1, dtype=np.int64)
    return plant([Branch(token, token)])


def plant_mismatches(examples: Sequence[Example]) -> Forest:
    """Lay out only the mismatched branches of examples, which a baseline is estimated on; empty where there are none."""
    return plant([example.mismatch for example in examples if example.mismatch is not None])


def _join(parts: list[Ids]) -> Ids:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
