"""Preference trees, samples, and what one published row says of a tree.

A preference tree is a tuple of nodes in the order in which they were made; a node names its parent, so that the same records hold
the paper's caterpillars (arXiv 2404.02078, figure 2), the stars of UltraFeedback, and anything between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from eurus_core.records.action import Action, Critique, Observation, Verdict
from eurus_core.records.problem import Problem


@dataclass(frozen=True, slots=True)
class Node:
    """One action in its tree. ``id`` is the path from the root (``1.0`` is the first child of ``1``); turns count from 1."""

    id: str
    parent: str | None
    turn: int
    action: Action
    verdict: Verdict
    observation: Observation | None = None
    critique: Critique | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """An edge between two siblings of one tree, by node id. ``source`` is the data set's name."""

    chosen: str
    rejected: str
    source: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PreferenceTree:
    """A problem and every action tried on it; parents stand before their children.

    ``preferences`` are the pairs that published rows state; None where they follow from the verdicts. ``origin`` is for messages.
    """

    problem: Problem
    nodes: tuple[Node, ...] = ()
    preferences: tuple[Preference, ...] | None = None
    origin: str = field(default="", compare=False)  # file and line of the first row that it was made of; in no file

    def node(self, node_id: str) -> Node:
        """Return the node of that id; KeyError where there is none."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def children(self, parent: str | None) -> tuple[Node, ...]:
        """Return the actions tried after ``parent`` (None: at the first turn)."""
        return tuple(node for node in self.nodes if node.parent == parent)

    def path(self, node_id: str) -> tuple[Node, ...]:
        """Return the nodes from the first turn to ``node_id``, both included."""
        by_id = {node.id: node for node in self.nodes}
        path: list[Node] = []
        step: str | None = node_id
        while step is not None:
            path.append(by_id[step])
            step = by_id[step].parent
        return tuple(reversed(path))

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)


@dataclass(frozen=True, slots=True)
class FragmentTurn:
    """An action in a row, how it was judged, and what followed it, if anything did."""

    text: str
    verdict: Verdict
    observation: Observation | None = None
    critique: Critique | None = None

    @property
    def ends(self) -> bool:
        """Whether nothing is known of what followed."""
        return self.observation is None and self.critique is None


@dataclass(frozen=True, slots=True)
class TreeFragment:
    """What one row says of a tree: a path below a problem and the sibling actions at its end; ``edges`` are (chosen, rejected, weight) by index."""

    problem: Problem
    history: tuple[FragmentTurn, ...]
    siblings: tuple[FragmentTurn, ...]
    edges: tuple[tuple[int, int, float], ...] = ()
    origin: str = ""  # file and line, which the reader of the rows fills in


@dataclass(frozen=True, slots=True)
class Sample:
    """One attempt at a problem, kept by evaluation so that scores can be recomputed without a model."""

    problem: Problem
    action: Action
    verdict: Verdict
    observation: Observation | None = None
    index: int = 0  # 0 .. N-1 among the samples of one problem
