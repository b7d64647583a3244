"""KTO's mismatched couples: each example's history followed by an action of another instruction.

Neighbours in a tree share their instruction, hence rotating a batch, as is usual, would couple a history with its own actions; a
batch of one could not be rotated at all. The draw is made once, by seed, when data is prepared (arXiv 2402.01306, section 4.1).
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from eurus_core.errors import InputError
from eurus_core.records.seeds import derive
from eurus_train.data.tokenize import Examples
from eurus_train.forest.layout import Branch, E, Example
from eurus_train.forest.token_file import write_tokens

TRIES = 100
"""Draws before a pair goes without."""


def with_mismatches(
    examples: Examples[E], file: Path | None = None, *, max_length: int, seed: int, required: bool = True
) -> Examples[E]:
    """Return the same examples, each with a mismatched branch where one fits ``max_length``; with a file they go there.

    They are frozen dataclasses with a field ``mismatch``. InputError where all of them answer one instruction, unless mismatches are
    not ``required``.
    """
    if required and len(set(examples.counts.instructions)) < 2:
        left_out = f" ({examples.left_out})" if examples.left_out else ""
        raise InputError(
            f"all pairs answer the same instruction{left_out}",
            needed="KTO compares with actions of another instruction: give pairs of two problems or more.",
        )
    coupled = _coupled(examples, max_length, seed)
    trees = list(coupled) if file is None else write_tokens(file, coupled, about=examples.counts.to_json)
    return replace(examples, trees=trees)


def _coupled(examples: Examples[E], max_length: int, seed: int) -> Iterator[list[E]]:
    """Yield each tree's examples with their mismatches.

    What is drawn from are the branches of all examples, one after another; a place among them leads to the tree, which is then read.
    """
    trees, instructions = examples.trees, examples.counts.instructions
    begins = array("q", itertools.accumulate((len(_branches(tree)) for tree in trees), initial=0))
    total = begins.pop()

    def mismatch(branch: Branch, instruction: int, rng: Random) -> Branch | None:
        room = max_length - len(branch.history)
        for _ in range(TRIES):
            drawn = rng.randrange(total)
            tree = bisect_right(begins, drawn) - 1
            if instructions[tree] == instruction:
                continue
            other = _branches(trees[tree])[drawn - begins[tree]]
            if len(other.action) <= room:
                return replace(branch, action=other.action, node=f"{branch.node} answered by {other.tree} {other.node}")
        return None

    for tree, instruction in zip(trees, instructions, strict=True):
        rng = Random(derive(seed, "mismatch", tree[0].branches[0].tree))  # noqa: S311 - no secret
        yield [coupled(one, mismatch(one.branches[0], instruction, rng)) for one in tree]


def coupled(example: E, mismatch: Branch | None) -> E:
    """Return the example with a mismatch."""
    return replace(example, mismatch=mismatch)  # type: ignore[type-var] # a frozen dataclass


def _branches(tree: Sequence[Example]) -> list[Branch]:
    return [branch for example in tree for branch in example.branches]
