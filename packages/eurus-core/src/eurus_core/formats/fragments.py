"""The trees that rows make together.

A row knows one path of its tree and the actions at its end. Rows of one problem are laid over each other: turns that are alike
become one node, whatever is missing between them stays missing.
"""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from eurus_core.records import (
    Critique,
    FragmentTurn,
    Message,
    Node,
    Observation,
    Preference,
    PreferenceTree,
    TreeFragment,
    Verdict,
)
from eurus_core.records.turns import RIGHT, WRONG, feedback, parse

IN_MEMORY_BYTES = 1 << 26
"""What rows say lies in a temporary file beyond that."""


def problem_id(source: str, *messages: Message) -> str:
    """Return an id for a problem whose row has none: rows that open alike belong to one tree."""
    digest = hashlib.blake2b(digest_size=8)
    for message in messages:
        digest.update(f"{message.role}\0{message.content}\0".encode())
    return f"{source}-{digest.hexdigest()}"


def answered(text: str, reply: str) -> FragmentTurn:
    """Return the turn of an action that the user answered with ``reply``, kept to the letter.

    A reply in the released wording (observation, verdict line, critique) is read into its parts. Any other is the user's word on
    an action that goes on: neither right nor wrong, for all we know.
    """
    for line, outcome in ((WRONG, "incorrect"), (RIGHT, "correct")):
        before, found, after = f"\n{reply}\n".partition(f"\n{line}\n")
        if not found:
            continue
        turn = FragmentTurn(
            text,
            Verdict(outcome, rule="published"),  # type: ignore[arg-type] # one of two literals
            Observation(before[1:]) if before[1:] else None,
            Critique(after[:-1]) if after[:-1] else None,
        )
        if feedback(_node(turn, "", None, 1)).content == reply:
            return turn
    return FragmentTurn(text, Verdict("continued"), critique=Critique(reply, critic="user"))


def trees(fragments: Iterable[TreeFragment], source: str) -> Iterator[PreferenceTree]:
    """Yield a tree a problem, in the order in which problems first appear. ``source`` names the data set on their pairs.

    All rows are read before the first tree, since those of one problem may stand anywhere. Where an instruction differs between
    rows of one id, as histories kept in it do, each has a tree of its own.
    """
    places: dict[bytes, array[int]] = {}
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as shelf:
        for fragment in fragments:
            key = repr((fragment.problem.id, fragment.problem.system, fragment.problem.instruction)).encode()
            places.setdefault(hashlib.blake2b(key, digest_size=16).digest(), array("Q")).append(shelf.tell())
            try:
                pickle.dump(fragment, shelf)
            except OSError as error:  # when it is told, the file is gone and its device has room again
                raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error
        for mine in places.values():
            found = []
            for place in mine:
                shelf.seek(place)
                found.append(pickle.load(shelf))  # noqa: S301 - our own, of a moment ago
            yield _tree(found, source)


@dataclass(slots=True, eq=False)
class _Draft:
    turn: FragmentTurn
    id: str
    parent: str | None
    depth: int
    children: list[_Draft] = field(default_factory=list)


def _tree(fragments: list[TreeFragment], source: str) -> PreferenceTree:
    root = _Draft(FragmentTurn("", Verdict("continued")), "", None, 0)
    order: list[_Draft] = []
    pairs: dict[tuple[str, str], Preference] = {}
    stated = False
    for fragment in fragments:
        at = root
        for turn in fragment.history:
            at = _child(at, turn, order)
        ends = [_child(at, turn, order).id for turn in fragment.siblings]
        stated = stated or bool(fragment.edges)
        for chosen, rejected, weight in fragment.edges:
            pair = Preference(ends[chosen], ends[rejected], source, weight)
            pairs.setdefault((pair.chosen, pair.rejected), pair)
    nodes = tuple(_node(draft.turn, draft.id, draft.parent, draft.depth) for draft in order)
    return PreferenceTree(fragments[0].problem, nodes, tuple(pairs.values()) if stated else None, fragments[0].origin)


def _child(parent: _Draft, turn: FragmentTurn, order: list[_Draft]) -> _Draft:
    """Return the node for a turn after ``parent``; one that is known as a leaf takes on what followed it."""
    for child in parent.children:
        known = child.turn
        if (known.text, known.verdict.outcome) != (turn.text, turn.verdict.outcome):
            continue
        if turn.ends or known == turn:
            return child
        if known.ends:
            child.turn = turn
            return child
    number = str(len(parent.children))
    child = _Draft(turn, f"{parent.id}.{number}" if parent.id else number, parent.id or None, parent.depth + 1)
    parent.children.append(child)
    order.append(child)
    return child


def _node(turn: FragmentTurn, node_id: str, parent: str | None, depth: int) -> Node:
    return Node(node_id, parent, depth, parse(turn.text), turn.verdict, turn.observation, turn.critique)
