"""One tree in one tokenizer's words: its actions and what was answered to them, as branches of tokens.

A node's tokens are produced once and shared by every branch through it. A branch that is too long loses its oldest *turns*, never
the instruction and never the action; what does not fit even then is left out, counted, and its first case named.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eurus_core.errors import InputError
from eurus_core.prompts import opening
from eurus_core.records import Message, Node, PreferenceTree
from eurus_core.turns import feedback
from eurus_train.data.chat import Chat
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
    judged stay: tool calls, and what was said in a chat. ``skip_bad`` leaves out trees that cannot be used.
    """

    max_length: int = 2048
    history: History = "keep"
    per_tree: int | None = None
    seed: int = 0
    skip_bad: bool = False


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
    """Name a tree for messages; one of a chat by its first words, too: its id is made from its text and can be looked up nowhere."""
    begins = f" ({tree.problem.instruction[:40]!r}...)" if tree.problem.task == "Chat" else ""
    return f"tree {tree.problem.id!r}{begins}"


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
    """One tree in one tokenizer's words. InputError, with tree and node, for text that no tokenizer can read."""

    def __init__(self, tree: PreferenceTree, chat: Chat):
        self._tree, self._chat = tree, chat
        self._source = source(tree)
        messages = opening(tree.problem)
        self._readable(*messages, where=f"{name(tree)}: its instruction")
        try:
            self._opening = chat.opening(messages)
        except InputError as error:
            raise InputError(f"{name(tree)}: {error.found}", needed=error.needed) from error
        self._actions: dict[str, Ids] = {}
        self._feedback: dict[str, Ids] = {}

    def action(self, node: Node) -> Ids:
        """Return the action's tokens, ending with the token that ends the turn."""
        if node.id not in self._actions:
            self._readable(Message("assistant", node.action.text), where=f"{place(self._tree, node)}: its action")
            self._actions[node.id] = self._chat.action(node.action.text)
        return self._actions[node.id]

    def branches(
        self, siblings: Sequence[Node], reading: Reading, left_out: LeftOut, *, alone: bool = False
    ) -> dict[str, Branch]:
        """Return sibling actions by node id, all after the same history, cut so that the longest fits.

        Those that exceed the limit with the instruction alone are missing. ``alone`` puts actions, of any turns, directly after
        the instruction.
        """
        space = reading.max_length - len(self._opening)
        if space <= 0:
            reason = f"actions whose instruction alone is longer than max_length = {reading.max_length}"
            left_out.add(reason, place(self._tree, siblings[0]), len(siblings))
            return {}
        fitting = []
        for node in siblings:
            if len(self.action(node)) <= space:
                fitting.append(node)
            else:
                left_out.add("actions longer than max_length", place(self._tree, node))
        if not fitting:
            return {}
        room = space - max(len(self.action(node)) for node in fitting)
        turns = [] if alone else self._turns(fitting[0], reading.history)
        kept = list(turns)
        while sum(map(len, kept)) > room:
            kept.pop(0)
        left_out.add("oldest turns, cut to max_length", place(self._tree, fitting[0]), len(turns) - len(kept))
        history = np.concatenate([self._opening, *kept])
        return {
            node.id: Branch(history, self.action(node), self._tree.problem.id, node.id, node.turn, self._source)
            for node in fitting
        }

    def _turns(self, node: Node, history: History) -> list[Ids]:
        """Return the turns before a node, oldest first: an action and the feedback on it each."""
        turns = []
        for before in turns_before(self._tree, node, history):
            if before.id not in self._feedback:
                message = feedback(before)
                self._readable(message, where=f"{place(self._tree, before)}: what was answered to it")
                self._feedback[before.id] = self._chat.feedback(message.content)
            turns.append(np.concatenate([self.action(before), self._feedback[before.id]]))
        return turns

    def _readable(self, *messages: Message, where: str) -> None:
        for message in messages:
            try:
                message.content.encode()
            except UnicodeEncodeError as error:
                raise InputError(
                    f"{where} holds half a surrogate pair ({error.object[error.start]!r} at character {error.start})",
                    needed="No tokenizer reads that: mend or drop it.",
                ) from None
