"""Labelled actions: each action alone with its verdict, as KTO's paper has them (arXiv 2402.01306)."""

import torch
from pydantic import Field

from eurus_train import Group, Kind, Objective, Selection


class Labelled(Kind[Group]):
    """Every correct or incorrect action; its one score is 1 or 0."""

    name, one = "labelled actions", "correct or incorrect action"

    def select(self, tree, reading, left_out):
        nodes = [node for node in tree if node.verdict.outcome in ("correct", "incorrect") and node.action.text.strip()]

        def examples(tokens):
            return [
                Group((branch,), (float(node.verdict.correct),))
                for node in nodes
                for branch in tokens.branches([node], left_out).values()
            ]

        return Selection(nodes, examples)

    def given(self, batch):
        ratios = (batch.value - batch.reference)[batch.places]
        return ratios, ratios.new_tensor([one.scores[0] for one in batch.examples]), batch.baseline

    def rewards(self, objective, ratios, labels, z0):
        return objective.beta * ratios

    def tally(self, tally, batch, rewards):
        labels = self.given(batch)[1]
        for name, label in (("rewards_true", 1), ("rewards_false", 0)):
            tally.add(name, rewards[labels == label])


class UnpairedKTO(Objective):
    """loss = 1 - sigma(beta (s - z0)) of a true action, 1 - sigma(beta (z0 - s)) of a false one."""

    kind = Labelled
    uses_reference = True
    uses_baseline = True

    beta: float = Field(default=0.1, gt=0)
    """Scale of the implicit reward."""

    @property
    def at_start(self):
        return 0.5

    def loss(self, ratios, labels, z0):
        return torch.sigmoid(self.beta * (z0 - ratios) * (2 * labels - 1))
