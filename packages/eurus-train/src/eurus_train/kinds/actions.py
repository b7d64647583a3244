"""Single actions, as supervised fine-tuning learns from them. Items are tokens."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from eurus_core.records import PreferenceTree
from eurus_train.data.examples import Selection, correct_actions
from eurus_train.data.tree_tokens import LeftOut, Reading
from eurus_train.forest.layout import Branch
from eurus_train.kinds.batch import Batch
from eurus_train.kinds.kind import Kind


class Actions(Kind[Branch]):
    """Every correct action after its history. An objective is given the log-probabilities of all tokens, (tokens,)."""

    name, one = "actions", "correct action"
    example = Branch
    may_drop_history: ClassVar[bool] = True

    def select(self, tree: PreferenceTree, reading: Reading, left_out: LeftOut) -> Selection[Branch]:
        return correct_actions(tree, reading, left_out)

    def items(self, example: Branch) -> int:
        return len(example.action)

    def given(self, batch: Batch[Branch]) -> tuple[Tensor]:
        return (batch.tokens,)
