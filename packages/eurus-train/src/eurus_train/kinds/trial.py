"""A batch to try a kind and its objectives on without a model: made-up trees, and made-up numbers of their actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch

from eurus_core.models import load_tokenizer
from eurus_core.records import Action, Node, Observation, PreferenceTree, Problem, Reference, Verdict
from eurus_train.data.chat import Chat
from eurus_train.data.tokenize import Read, gather
from eurus_train.data.tree_tokens import Reading
from eurus_train.forest.layout import E, plant
from eurus_train.kinds.batch import Batch

SIBLINGS = ("incorrect", "correct", "incorrect", "correct")


def made_up() -> Iterator[PreferenceTree]:
    """Yield three trees of two turns; siblings differ in length and score, and a correct one has a higher score."""
    for number in (2, 30, 500):
        problem = Problem(f"double-{number}", "Math_PoT", "made-up", f"Double {number}.", Reference(str(2 * number)))
        first = [_node(str(place), None, number, place) for place in range(4)]
        second = [_node(f"0.{place}", "0", number, place) for place in range(3)]
        yield PreferenceTree(problem, (*first, *second))


def trial(read: Read[E], trees: Iterable[PreferenceTree], seed: int) -> Batch[E]:
    """Return all that ``read`` finds in the trees as one batch: about -20 nats an action, the reference a nat or so from it.

    ValueError where it finds nothing.
    """
    chat = Chat(load_tokenizer("tiny"))
    found = gather(read, trees, chat, Reading(seed=seed))
    if not len(found):
        raise ValueError(f"nothing was selected from the trees: {found.seen} ({found.left_out})")
    forest = plant([example for examples in found.trees for example in examples])
    draw = torch.Generator().manual_seed(seed)

    def normal(count: int) -> Any:
        return torch.randn(count, generator=draw)

    value = -20 + 5 * normal(len(forest.branches))
    return Batch(
        forest=forest,
        taken=np.arange(len(forest.examples)),
        value=value,
        reference=value + normal(len(value)),
        scored=-normal(len(forest.scored_row)).abs(),
        baseline=torch.zeros(()),
        compared=True,
    )


def _node(node_id: str, parent: str | None, number: int, place: int) -> Node:
    outcome = "correct" if SIBLINGS[place] == "correct" else "incorrect"
    text = " ".join([f"It is {number * (1 + place % 2) + place // 2}."] * (1 + place))
    score = place + (10.0 if outcome == "correct" else 0.0)
    verdict = Verdict("correct" if outcome == "correct" else "incorrect", score=score)
    return Node(node_id, parent, 1 if parent is None else 2, Action(text=text), verdict, Observation("Out: 1"))
