"""A preference tree laid out as in the paper's figure 2: turns from left to right, the expanded action on the spine."""

from __future__ import annotations

from dataclasses import dataclass

from eurus_core.records import REJECTABLE, Node, PreferenceTree

COLUMN, ROW, MARGIN = 148, 40, 30
"""Pixels between turns, between siblings, and around."""

LABEL_LETTERS = 14


@dataclass(frozen=True, slots=True)
class Dot:
    """A node on the page, in pixels. ``look`` is ``correct``, ``wrong`` or ``other``."""

    node: Node
    x: float
    y: float
    look: str
    expanded: bool
    label: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A link from a parent (or the problem) to a node; ``spine`` where the node was expanded."""

    x1: float
    y1: float
    x2: float
    y2: float
    spine: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """The laid-out tree, in pixels; the problem stands at ``(root_x, root_y)``, ``turns`` are where their headings stand."""

    tree: PreferenceTree
    dots: tuple[Dot, ...]
    edges: tuple[Edge, ...]
    root_x: float
    root_y: float
    width: float
    height: float
    turns: tuple[float, ...]


def lay_out(tree: PreferenceTree) -> Drawing:
    """Place every node: one column a turn, correct actions above the expanded one and the other wrong ones below.

    A caterpillar gets a straight spine. Siblings never overlap, whatever the tree's shape.
    """
    parents = {node.parent for node in tree.nodes}
    rows, turns = _rows(tree, parents)
    top, bottom = min(rows.values()), max(rows.values())
    height = {key: MARGIN + 24 + (row - top) * ROW for key, row in rows.items()}
    dots = tuple(
        Dot(node, _x(node.turn), height[node.id], _look(node), node.id in parents, _label(node)) for node in tree.nodes
    )
    at = {dot.node.id: dot.x for dot in dots}
    root_x = MARGIN + 24
    edges = tuple(
        Edge(
            x1=root_x if dot.node.parent is None else at[dot.node.parent],
            y1=height[dot.node.parent],
            x2=dot.x,
            y2=dot.y,
            spine=dot.expanded,
        )
        for dot in dots
    )
    return Drawing(
        tree,
        dots,
        edges,
        root_x,
        root_y=height[None],
        width=2 * MARGIN + max(at.values(), default=0) + 90,
        height=2 * MARGIN + 24 + (bottom - top) * ROW,
        turns=tuple(_x(turn) for turn in range(1, turns + 1)),
    )


def _x(turn: int) -> float:
    return MARGIN + turn * COLUMN


def _rows(tree: PreferenceTree, parents: set[str | None]) -> tuple[dict[str | None, float], int]:
    """Return the row of each node, the problem's under None, and the number of turns; rows are a step apart."""
    rows: dict[str | None, float] = {None: 0.0}
    column: list[str | None] = [None]
    turns = 0
    while column:
        free = float("-inf")
        following: list[str | None] = []
        for parent in column:
            children = sorted(tree.children(parent), key=lambda node: _rank(node, node.id in parents))
            spine = next((i for i, node in enumerate(children) if node.id in parents), None)
            middle = (len(children) - 1) / 2 if spine is None else spine
            first = max(rows[parent] - middle, free)
            for i, node in enumerate(children):
                rows[node.id] = first + i
                following.append(node.id)
            if children:
                free = first + len(children)
        turns += bool(following)
        column = following
    return rows, turns


def _rank(node: Node, expanded: bool) -> tuple[int, bool]:
    return (0 if node.verdict.correct else 1 if expanded else 2, node.action.assisted)


def _look(node: Node) -> str:
    if node.verdict.correct:
        return "correct"
    return "wrong" if node.verdict.outcome in REJECTABLE else "other"


def _label(node: Node) -> str:
    """Return the node's answer, or how it ended, in a few letters."""
    text = node.verdict.parsed_prediction
    if not text:
        failed = node.observation is not None and node.observation.status != "ok"
        text = node.observation.status if failed and node.observation else node.verdict.outcome
    text = " ".join(text.split())
    return text if len(text) <= LABEL_LETTERS else text[: LABEL_LETTERS - 1] + "…"
