"""Pairs across turns: the paper's augmentation of reward-model data (appendix B).

Every correct action meets the incorrect ones of *other* turns; those of its own turn are pairs of the tree already. Both answer
the bare instruction: their histories differ. The rule as printed reaches fewer pairs than the paper reports (at most 6 an
instruction at N x N <= 10), hence its limits are settings and the count is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from eurus_core.records import REJECTABLE, Node, PreferenceTree
from eurus_core.records.pairs import pairable, parses
from eurus_core.records.seeds import derive
from eurus_train.data.examples import Selection, preferences
from eurus_train.data.tokenize import Read
from eurus_train.data.tree_tokens import LeftOut, Reading, TreeTokens
from eurus_train.forest.layout import Pair

SIBLINGS = Reading()
"""How pairs of siblings are read where nothing is set."""


@dataclass(frozen=True, slots=True)
class CrossTurn:
    """Limits: pairs of one tree, uses of one action, and couples (correct times incorrect) of a tree that is considered."""

    pairs: int = 9
    uses: int = 3
    grid: int = 10


def couples(
    tree: PreferenceTree, limits: CrossTurn, rng: Random, reading: Reading = SIBLINGS
) -> list[tuple[Node, Node]]:
    """Return correct and incorrect actions of different turns, drawn by ``rng`` within the limits.

    As for pairs of siblings, code that Python cannot parse, empty and equal texts make none, nor verdicts that no pair may rest on; a text
    counts once. Without ``reading.mixed`` both actions were sampled, or both written from ground truth.
    """
    said: set[str] = set()
    right, wrong = [], []
    for node in tree.nodes:
        rests = pairable(node.verdict, untrusted=reading.untrusted, opinions=reading.opinions)
        if rests and node.action.text.strip() and node.action.text not in said and parses(node):
            if node.verdict.correct:
                right.append(node)
            elif node.verdict.outcome in REJECTABLE:
                wrong.append(node)
            said.add(node.action.text)
    if len(right) * len(wrong) > limits.grid:
        return []
    crossing = [
        (chosen, rejected)
        for chosen in right
        for rejected in wrong
        if chosen.turn != rejected.turn and (reading.mixed or chosen.action.assisted == rejected.action.assisted)
    ]
    rng.shuffle(crossing)
    uses: Counter[str] = Counter()
    found: list[tuple[Node, Node]] = []
    for chosen, rejected in crossing:
        if len(found) < limits.pairs and max(uses[chosen.id], uses[rejected.id]) < limits.uses:
            uses.update((chosen.id, rejected.id))
            found.append((chosen, rejected))
    return found


def crossing_too(limits: CrossTurn) -> Read[Pair]:
    """Return what reads a tree's pairs of siblings and, where there are any, its pairs across turns after them."""

    def read(tree: PreferenceTree, reading: Reading, left_out: LeftOut) -> Selection[Pair]:
        siblings = preferences(tree, reading, left_out)
        rng = Random(derive(reading.seed, "cross-turn", tree.problem.id))  # noqa: S311 - no secret
        crossing = couples(tree, limits, rng, reading)

        def examples(tokens: TreeTokens) -> list[Pair]:
            pairs = siblings.examples(tokens)
            return pairs + across_turns(crossing, tokens, left_out) if pairs else []

        return Selection([*siblings.nodes, *(node for couple in crossing for node in couple)], examples)

    return read


def across_turns(crossing: Sequence[tuple[Node, Node]], tokens: TreeTokens, left_out: LeftOut) -> list[Pair]:
    """Return couples of a tree as pairs after the bare instruction."""
    pairs = []
    for chosen, rejected in crossing:
        branches = tokens.branches([chosen, rejected], left_out, alone=True)
        if len(branches) == 2:
            pair = Pair(branches[chosen.id], branches[rejected.id])
            if not np.array_equal(pair.chosen.action, pair.rejected.action):
                pairs.append(pair)
    return pairs
