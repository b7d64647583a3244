"""What can be read off a preference tree: its pairs, its leaves, the history that an action answers."""

from __future__ import annotations

import ast

from eurus_core.records.action import REJECTABLE, Verdict
from eurus_core.records.prompts import opening
from eurus_core.records.request import Message
from eurus_core.records.tree import Node, Preference, PreferenceTree
from eurus_core.records.turns import feedback


def pairs(tree: PreferenceTree, *, untrusted: bool = False, opinions: bool = False) -> tuple[Preference, ...]:
    """Return the pairs that the tree states, else every correct-incorrect pair of siblings at every turn, in the order of nodes.

    Of the latter those with a side whose code Python cannot parse are left out, so that no shortcut by surface is learnt
    (paper, section 2.3); the nodes stay in the tree. Equal texts make no pair. Nor do sides that :func:`pairable` leaves out.
    """
    if tree.preferences is not None:
        return tree.preferences
    found = []
    siblings: dict[str | None, list[Node]] = {}
    for node in tree.nodes:
        siblings.setdefault(node.parent, []).append(node)
    for group in siblings.values():
        sides = [node for node in group if pairable(node.verdict, untrusted=untrusted, opinions=opinions)]
        chosen = [node for node in sides if node.verdict.correct and parses(node)]
        rejected = [node for node in sides if node.verdict.outcome in REJECTABLE and parses(node)]
        found += [
            Preference(c.id, r.id, source=tree.problem.dataset)
            for c in chosen
            for r in rejected
            if c.action.text != r.action.text
        ]
    return tuple(found)


def pairable(verdict: Verdict, *, untrusted: bool = False, opinions: bool = False) -> bool:
    """Say whether an action with this verdict may stand in a pair.

    Not where it is correct by the word of its own code, unless ``untrusted``; an incorrect one counts however it was made. Not where a
    model judged it, unless ``opinions``: the paper learns from such actions alone (section 2, Magicoder-Evol).
    """
    return (opinions or not verdict.opinion) and (untrusted or verdict.trusted or not verdict.correct)


def disorder(tree: PreferenceTree) -> str:
    """Say what keeps a tree from being one; "" where nothing does.

    That is an id that stands twice, a parent that does not stand before its child, a stated pair that is none of siblings.
    """
    seen: set[str | None] = {None}
    for node in tree:
        if node.id in seen:
            return f"two nodes {node.id!r}"
        if node.parent not in seen:
            return f"node {node.id!r} has the parent {node.parent!r}, which does not stand before it"
        seen.add(node.id)
    parent = {node.id: node.parent for node in tree}
    for one in tree.preferences or ():
        for side in (one.chosen, one.rejected):
            if side not in parent:
                return f"a pair names the node {side!r}, which is not there"
        if one.chosen == one.rejected or parent[one.chosen] != parent[one.rejected]:
            return f"the pair of {one.chosen!r} and {one.rejected!r} is none of siblings"
    return ""


def parses(node: Node) -> bool:
    """Say whether Python's parser accepts every cell of the node's code (no code: yes)."""
    try:
        for cell in node.action.code:
            ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def leaves(tree: PreferenceTree) -> tuple[Node, ...]:
    """Return the nodes without children."""
    parents = {node.parent for node in tree.nodes}
    return tuple(node for node in tree.nodes if node.id not in parents)


def history(tree: PreferenceTree, parent: str | None) -> tuple[Message, ...]:
    """Return the messages that an action after ``parent`` answers; the first holds the task prompt, once."""
    messages = [*opening(tree.problem)]
    if parent is not None:
        for node in tree.path(parent):
            messages += [Message("assistant", node.action.text), feedback(node)]
    return tuple(messages)
