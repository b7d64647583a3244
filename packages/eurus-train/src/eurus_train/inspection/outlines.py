"""A forest cut into stretches, for people to read: which tokens stand where, which are scored for whom, who sees whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eurus_train.forest.layout import Forest


@dataclass(frozen=True, slots=True)
class Stretch:
    """Tokens from ``start`` to ``end`` without a fork that count for the same branches.

    ``parent`` is the index of the stretch before them on their path: they see that one, its parents, and what stands before in
    their own. ``scored_for`` are indices of branches; none for history and feedback.
    """

    start: int
    end: int
    depth: int
    level: int
    parent: int | None
    scored_for: tuple[int, ...]
    ends: tuple[int, ...]


def stretches(forest: Forest) -> tuple[Stretch, ...]:
    """Return the stretches of a forest in the order of its layout."""
    parents = parents_of(forest)
    children = np.bincount(parents[parents >= 0], minlength=len(forest))
    scored = scored_for(forest)
    ends: dict[int, list[int]] = {}
    for branch, end in enumerate(forest.ends.tolist()):
        ends.setdefault(end, []).append(branch)
    found: list[Stretch] = []
    of_token: dict[int, int] = {}
    start = 0
    for at in range(len(forest)):
        last = at + 1 == len(forest)
        if last or parents[at + 1] != at or children[at] > 1 or scored[at + 1] != scored[at] or at in ends:
            before = of_token.get(int(parents[start]))
            level = 0 if before is None else found[before].level + (children[found[before].end - 1] > 1)
            of_token[at] = len(found)
            one = Stretch(
                start, at + 1, int(forest.depth[start]), int(level), before, scored[at], tuple(ends.get(at, ()))
            )
            found.append(one)
            start = at + 1
    return tuple(found)


def parents_of(forest: Forest) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the token before each token on its path, (L,); -1 where a path begins."""
    parents = np.full(len(forest), -1, dtype=np.int64)
    path: list[int] = []
    for at, depth in enumerate(forest.depth.tolist()):
        del path[depth:]
        parents[at] = path[-1] if path else -1
        path.append(at)
    return parents


def scored_for(forest: Forest) -> list[tuple[int, ...]]:
    """Return for each token the branches whose action it belongs to."""
    parents = parents_of(forest)
    found: list[list[int]] = [[] for _ in range(len(forest))]
    for branch, (end, length) in enumerate(zip(forest.ends.tolist(), forest.lengths.tolist(), strict=True)):
        at = end
        for _ in range(length):
            found[at].append(branch)
            at = int(parents[at])
    return [tuple(branches) for branches in found]


def roles(forest: Forest) -> list[str]:
    """Return for each branch what it is compared as: ``chosen in pair 0, weight 1``, ``score 4.5 in group 2``."""
    said: list[list[str]] = [[] for _ in forest.branches]
    places = iter(forest.places.tolist())
    for number, example in enumerate(forest.examples):
        for place in range(len(example.branches)):
            said[next(places)].append(example.role(place, number))
    return ["; ".join(parts) for parts in said]


def sides(forest: Forest) -> list[set[str]]:
    """Return for each branch the sides on which it stands in comparisons, the first word of each role."""
    return [{part.partition(" ")[0] for part in role.split("; ")} for role in roles(forest)]
