"""KTO's mismatched couples: each pair's history followed by an action of another instruction.

Neighbours in a tree share their instruction, hence rotating a batch, as is usual, would couple a history with its own actions; a
batch of one could not be rotated at all. The draw is made once, by seed, when data is prepared (arXiv 2402.01306, section 4.1).
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from eurus_core.errors import InputError
from eurus_core.records.seeds import derive
from eurus_train.data.tokenize import Examples
from eurus_train.forest.layout import Branch, Pair
from eurus_train.forest.token_file import write_tokens

TRIES = 100
"""Draws before a pair goes without."""


def with_mismatches(
    examples: Examples[Pair], file: Path | None = None, *, max_length: int, seed: int, required: bool = True
) -> Examples[Pair]:
    """Return the same pairs, each with a mismatched branch where one fits ``max_length``; with a file they go there.

    InputError where all pairs answer one instruction, unless mismatches are not ``required``.
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


def _coupled(examples: Examples[Pair], max_length: int, seed: int) -> Iterator[list[Pair]]:
    """Yield each tree's pairs with their mismatches.

    What is drawn from are both sides of all pairs, one after another; a place among them leads to the tree, which is then read.
    """
    trees, instructions = examples.trees, examples.counts.instructions
    begins = array("q", itertools.accumulate((2 * len(pairs) for pairs in trees), initial=0))
    total = begins.pop()

    def mismatch(branch: Branch, instruction: int, rng: Random) -> Branch | None:
        room = max_length - len(branch.history)
        for _ in range(TRIES):
            drawn = rng.randrange(total)
            tree = bisect_right(begins, drawn) - 1
            if instructions[tree] == instruction:
                continue
            pair, side = divmod(drawn - begins[tree], 2)
            other = trees[tree][pair].branches[side]
            if len(other.action) <= room:
                return replace(branch, action=other.action, node=f"{branch.node} answered by {other.tree} {other.node}")
        return None

    for pairs, instruction in zip(trees, instructions, strict=True):
        rng = Random(derive(seed, "mismatch", pairs[0].chosen.tree))  # noqa: S311 - no secret
        yield [replace(pair, mismatch=mismatch(pair.chosen, instruction, rng)) for pair in pairs]
