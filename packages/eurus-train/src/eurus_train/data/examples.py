"""What is learnt from a tree: its correct actions, its pairs of siblings, or its groups of scored siblings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Generic

import numpy as np

from eurus_core.errors import InputError
from eurus_core.records import REJECTABLE, Node, Preference, PreferenceTree
from eurus_core.records.pairs import pairable, parses
from eurus_core.records.pairs import pairs as pairs_of
from eurus_core.records.seeds import derive
from eurus_train.data.tree_tokens import LeftOut, Reading, TreeTokens, place, turns_before
from eurus_train.forest.layout import Branch, E, Group, Pair

UNTRUSTED = "correct actions whose own code could have shaped the verdict (untrusted = true admits them)"
OPINIONS = "actions judged by a model, which make no pair (opinion_pairs = true admits them)"


@dataclass(frozen=True, slots=True)
class Selection(Generic[E]):
    """What is to be learnt from a tree: the actions that have to be tokenised, and then the examples that they make."""

    nodes: Sequence[Node]
    examples: Callable[[TreeTokens], list[E]]


def correct_actions(tree: PreferenceTree, reading: Reading, left_out: LeftOut) -> Selection[Branch]:
    """Select every distinct correct action after its history, for supervised fine-tuning; InputError for an empty one."""
    nodes: dict[tuple[tuple[str, ...], str], Node] = {}
    for node in tree.nodes:
        if not node.verdict.correct:
            continue
        if not (node.verdict.trusted or reading.untrusted):
            left_out.add(UNTRUSTED, place(tree, node))
            continue
        _refuse_empty(tree, node)
        before = tuple(turn.id for turn in turns_before(tree, node, reading.history))
        if nodes.setdefault((before, node.action.text), node) is not node:
            left_out.add("correct actions said twice", place(tree, node))
    chosen = list(nodes.values())
    if reading.per_tree is not None and len(chosen) > reading.per_tree:
        left_out["correct actions over the limit of a tree"] += len(chosen) - reading.per_tree
        chosen = _rng(reading, "actions", tree).sample(chosen, reading.per_tree)

    def examples(tokens: TreeTokens) -> list[Branch]:
        return [branch for node in chosen for branch in tokens.branches([node], left_out).values()]

    return Selection(chosen, examples)


def preferences(tree: PreferenceTree, reading: Reading, left_out: LeftOut) -> Selection[Pair]:
    """Select a tree's pairs, only the final action of each side to be scored.

    InputError for an empty chosen action, and for a weight that is no positive number.
    """
    nodes = {node.id: node for node in tree.nodes}
    edges = _usable(tree, nodes, reading, left_out)
    if reading.per_tree is not None and len(edges) > reading.per_tree:
        left_out["pairs over the limit of a tree"] += len(edges) - reading.per_tree
        edges = spread(edges, nodes, reading.per_tree, _rng(reading, "pairs", tree))
    siblings: dict[str | None, dict[str, Node]] = {}
    for edge in edges:
        family = siblings.setdefault(nodes[edge.chosen].parent, {})
        family.update({side: nodes[side] for side in (edge.chosen, edge.rejected)})

    def examples(tokens: TreeTokens) -> list[Pair]:
        branches: dict[str, Branch] = {}
        for family in siblings.values():
            branches.update(tokens.branches(list(family.values()), left_out))
        return _pairs(tree, edges, branches, left_out)

    return Selection([node for family in siblings.values() for node in family.values()], examples)


def groups(tree: PreferenceTree, reading: Reading, left_out: LeftOut) -> Selection[Group]:
    """Select the siblings of every turn as groups with scores; those that nothing can be compared with are missing.

    A score is the verdict's where all members have one, else 1 for a correct action and 0 for an incorrect one. InputError for
    a score that is no finite number.
    """
    families: dict[str | None, dict[str, Node]] = {}
    for node in tree.nodes:
        if _stands(node) and parses(node) and _may_pair(tree, node, reading, left_out):
            if not node.action.text.strip():
                left_out.add("empty actions", place(tree, node))
            elif families.setdefault(node.parent, {}).setdefault(node.action.text, node) is not node:
                left_out.add("actions said twice", place(tree, node))
    found = [list(family.values()) for family in families.values() if len(family) > 1]
    if reading.per_tree is not None and len(found) > reading.per_tree:
        left_out["groups over the limit of a tree"] += len(found) - reading.per_tree
        found = _rng(reading, "groups", tree).sample(found, reading.per_tree)
    scored = [(family, _scores(tree, family)) for family in found]

    def examples(tokens: TreeTokens) -> list[Group]:
        kept = []
        for family, values in scored:
            branches = tokens.branches(family, left_out)
            scores = [score for node, score in zip(family, values, strict=True) if node.id in branches]
            if len(set(scores)) < 2:
                left_out.add("groups with less than two different scores", place(tree, family[0]))
            else:
                kept.append(Group(tuple(branches.values()), tuple(scores)))
        return kept

    return Selection([node for family in found for node in family], examples)


def spread(edges: Sequence[Preference], nodes: dict[str, Node], count: int, rng: Random) -> list[Preference]:
    """Choose ``count`` pairs so that each action stands in as few as possible, sampled chosen sides before assisted ones."""
    order = list(edges)
    rng.shuffle(order)
    used: Counter[str] = Counter()
    chosen: list[Preference] = []
    while order and len(chosen) < count:
        best = min(
            order, key=lambda edge: (used[edge.chosen] + used[edge.rejected], nodes[edge.chosen].action.assisted)
        )
        order.remove(best)
        used.update((best.chosen, best.rejected))
        chosen.append(best)
    return chosen


def _usable(tree: PreferenceTree, nodes: dict[str, Node], reading: Reading, left_out: LeftOut) -> list[Preference]:
    """Return a tree's pairs without empty, equal or repeated ones, and without mixed ones where they are not wanted."""
    kept: dict[tuple[str | None, str, str], Preference] = {}
    if tree.preferences is None:
        for node in tree.nodes:
            _may_pair(tree, node, reading, left_out)
    for edge in pairs_of(tree, untrusted=reading.untrusted, opinions=reading.opinions):
        chosen, rejected = nodes[edge.chosen], nodes[edge.rejected]
        _refuse_empty(tree, chosen)
        if not (math.isfinite(edge.weight) and edge.weight > 0):
            raise InputError(
                f"{place(tree, chosen)}: the pair with node {rejected.id!r} has the weight {edge.weight}",
                needed="A weight is a finite number above 0: mend or drop the pair.",
            )
        if not rejected.action.text.strip():
            left_out.add("pairs whose rejected action is empty", place(tree, rejected))
        elif chosen.action.text == rejected.action.text:
            left_out.add("pairs whose sides have equal text", place(tree, chosen))
        elif not reading.mixed and chosen.action.assisted != rejected.action.assisted:
            left_out.add("pairs of an assisted and a sampled action", place(tree, chosen))
        elif kept.setdefault((chosen.parent, chosen.action.text, rejected.action.text), edge) is not edge:
            left_out.add("pairs said twice", place(tree, chosen))
    return list(kept.values())


def _pairs(
    tree: PreferenceTree, edges: Sequence[Preference], branches: dict[str, Branch], left_out: LeftOut
) -> list[Pair]:
    """Return the pairs both of whose sides are there and differ in their tokens."""
    found = []
    for edge in edges:
        if edge.chosen in branches and edge.rejected in branches:
            pair = Pair(branches[edge.chosen], branches[edge.rejected], edge.weight)
            if np.array_equal(pair.chosen.action, pair.rejected.action):
                left_out.add("pairs whose sides have equal tokens", place(tree, tree.node(edge.chosen)))
            else:
                found.append(pair)
    return found


def _may_pair(tree: PreferenceTree, node: Node, reading: Reading, left_out: LeftOut) -> bool:
    """Say whether a node's verdict may stand in a pair, and count it where it may not."""
    if pairable(node.verdict, untrusted=reading.untrusted, opinions=reading.opinions):
        return True
    opinion = node.verdict.opinion and not reading.opinions
    left_out.add(OPINIONS if opinion else UNTRUSTED, place(tree, node))
    return False


def _stands(node: Node) -> bool:
    """Say whether a node may stand in a group: it has a score, or a verdict that tells right from wrong."""
    return node.verdict.score is not None or node.verdict.correct or node.verdict.outcome in REJECTABLE


def _scores(tree: PreferenceTree, family: Sequence[Node]) -> list[float]:
    scores = [node.verdict.score for node in family]
    if None in scores:
        return [float(node.verdict.correct) for node in family]
    for node, score in zip(family, scores, strict=True):
        if not math.isfinite(score or 0.0):
            raise InputError(f"{place(tree, node)}: the score {score}", needed="A score is a finite number.")
    return [float(score or 0.0) for score in scores]


def _rng(reading: Reading, draw: str, tree: PreferenceTree) -> Random:
    return Random(derive(reading.seed, draw, tree.problem.id))  # noqa: S311 - no secret


def _refuse_empty(tree: PreferenceTree, node: Node) -> None:
    if not node.action.text.strip():
        raise InputError(
            f"{place(tree, node)}: an empty action is marked correct",
            needed="Correct actions need text: mend or drop the node.",
        )
