"""One tree in one tokenizer's words: its actions and what was answered to them, as branches of tokens.

A node's tokens are produced once and shared by every branch through it. A branch that is too long loses its oldest *turns*, never
the instruction and never the action; what does not fit even then is left out, counted, and its first case named.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eurus_core.errors import InputError
from eurus_core.records import Message, Node, PreferenceTree
from eurus_core.records.prompts import opening
from eurus_core.records.turns import feedback
from eurus_train.data.template import Piece, Template
from eurus_train.forest.layout import Branch
from eurus_train.forest.trie import Ids

log = logging.getLogger(__name__)

History = Literal["keep", "drop"]

TOLD = 3
"""Bad rows that are named at once; the others are counted."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How trees become examples. ``max_length`` counts tokens of a branch; ``per_tree`` caps examples (None: all).

    ``history`` "drop" leaves out the attempts before an action, as the paper does for supervised fine-tuning. Turns that were not
    judged stay: tool calls, and what was said in a chat. ``skip_bad`` leaves out trees that cannot be used. Without ``mixed``
    there are no pairs of an action written from ground truth and a sampled one. ``untrusted`` admits actions that are correct by the word of
    their own code, ``opinions`` pairs and groups in which a model judged.
    """

    max_length: int = 2048
    history: History = "keep"
    per_tree: int | None = None
    seed: int = 0
    skip_bad: bool = False
    mixed: bool = True
    untrusted: bool = False
    opinions: bool = False


class LeftOut(Counter[str]):
    """How often something was cut or left out, by reason, and where each reason was met first."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[str, str] = {}

    def add(self, reason: str, where: str, count: int = 1) -> None:
        if count:
            self[reason] += count
            self.first.setdefault(reason, where)

    def bad(self, what: str, error: InputError) -> None:
        """Count something that cannot be used, such as a row; the first few are told at once."""
        reason = f"{what} that cannot be used"
        if self[reason] < TOLD:
            log.warning("left out: %s", error)
        self.add(reason, str(error).rstrip("."))

    def __str__(self) -> str:
        return "; ".join(
            f"{reason}: {count:,}" + (f" (the first: {self.first[reason]})" if reason in self.first else "")
            for reason, count in self.items()
            if count
        )


def name(tree: PreferenceTree) -> str:
    """Name a tree for messages: by file and line where it was read from rows; one of a chat by its first words, too, for its id is
    made from its text."""
    begins = f" ({tree.problem.instruction[:40]!r}...)" if tree.problem.task == "Chat" else ""
    return (f"{tree.origin}: " if tree.origin else "") + f"tree {tree.problem.id!r}{begins}"


def place(tree: PreferenceTree, node: Node) -> str:
    """Name a node for messages."""
    return f"{name(tree)}, node {node.id!r}"


def source(tree: PreferenceTree) -> str:
    """Return what a tree's objective is chosen and its rewards are reported by.

    That is the source that its stated pairs name, else the label ``source`` of its problem, else the problem's data set.
    """
    stated = next((edge.source for edge in tree.preferences or () if edge.source), "")
    return stated or tree.problem.labels.get("source") or tree.problem.dataset


def turns_before(tree: PreferenceTree, node: Node, history: History) -> tuple[Node, ...]:
    """Return the nodes that an action is read after, oldest first."""
    turns = tree.path(node.id)[:-1] if node.parent is not None else ()
    return turns if history == "keep" else tuple(turn for turn in turns if turn.verdict.outcome == "continued")


class TreeTokens:
    """One tree in one tokenizer's words, as far as some of its actions need it.

    What is to be tokenised is known at once (``pieces``), so that many trees can be tokenised together; :meth:`branches` can be asked
    for when :meth:`take` has been given the tokens. InputError, with tree and node, for text that no tokenizer can read.
    """

    def __init__(self, tree: PreferenceTree, nodes: Sequence[Node], template: Template, reading: Reading):
        self._tree, self._reading = tree, reading
        self._source = source(tree)
        messages = opening(tree.problem)
        _refuse_half_characters(*messages, where=f"{name(tree)}: its instruction")
        try:
            self._opening = template.opening(messages)
        except InputError as error:
            raise InputError(f"{name(tree)}: {error.found}", needed=error.needed) from error
        self._actions: dict[str, Piece] = {}
        self._feedback: dict[str, Piece] = {}
        self._ids: Mapping[Piece, Ids] = {}
        for node in nodes:
            if node.id not in self._actions:
                self._actions[node.id] = self._action(node, template)
        families = {node.parent: node for node in nodes}  # siblings have one history
        for turn in (turn for node in families.values() for turn in turns_before(tree, node, reading.history)):
            if turn.id not in self._actions:
                self._actions[turn.id] = self._action(turn, template)
            if turn.id not in self._feedback:
                self._feedback[turn.id] = self._answer(turn, template)

    @property
    def pieces(self) -> list[Piece]:
        return [self._opening, *self._actions.values(), *self._feedback.values()]

    def take(self, ids: Mapping[Piece, Ids]) -> int:
        """Take the tokens of the tree's pieces, perhaps among those of others; return how many they are."""
        self._ids = ids
        return sum(len(ids[piece]) for piece in self.pieces)

    def branches(self, siblings: Sequence[Node], left_out: LeftOut, *, alone: bool = False) -> dict[str, Branch]:
        """Return sibling actions by node id, all after the same history, cut so that the longest fits.

        Those that exceed the limit with the instruction alone are missing. ``alone`` puts actions, of any turns, directly after
        the instruction.
        """
        instruction = self._ids[self._opening]
        space = self._reading.max_length - len(instruction)
        if space <= 0:
            reason = f"actions whose instruction alone is longer than max_length = {self._reading.max_length}"
            left_out.add(reason, place(self._tree, siblings[0]), len(siblings))
            return {}
        actions = {node.id: self._ids[self._actions[node.id]] for node in siblings}
        fitting = []
        for node in siblings:
            if len(actions[node.id]) <= space:
                fitting.append(node)
            else:
                left_out.add("actions longer than max_length", place(self._tree, node))
        if not fitting:
            return {}
        room = space - max(len(actions[node.id]) for node in fitting)
        turns = [] if alone else self._turns(fitting[0])
        kept = list(turns)
        while sum(map(len, kept)) > room:
            kept.pop(0)
        left_out.add("oldest turns, cut to max_length", place(self._tree, fitting[0]), len(turns) - len(kept))
        history = np.concatenate([instruction, *kept])
        return {
            node.id: Branch(
                history,
                actions[node.id],
                self._tree.problem.id,
                node.id,
                node.turn,
                self._source,
                node.action.assisted,
            )
            for node in fitting
        }

    def _turns(self, node: Node) -> list[Ids]:
        """Return the turns before a node, oldest first: an action and the feedback on it each."""
        turns = turns_before(self._tree, node, self._reading.history)
        return [
            np.concatenate([self._ids[part[turn.id]] for part in (self._actions, self._feedback)]) for turn in turns
        ]

    def _action(self, node: Node, template: Template) -> Piece:
        where = f"{place(self._tree, node)}: its action"
        _refuse_half_characters(Message("assistant", node.action.text), where=where)
        return template.action(node.action.text)

    def _answer(self, node: Node, template: Template) -> Piece:
        message = feedback(node)
        _refuse_half_characters(message, where=f"{place(self._tree, node)}: what was answered to it")
        return template.feedback(message.content)


def _refuse_half_characters(*messages: Message, where: str) -> None:
    for message in messages:
        try:
            message.content.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"{where} holds half a surrogate pair ({error.object[error.start]!r} at character {error.start})",
                needed="No tokenizer reads that: mend or drop it.",
            ) from None
