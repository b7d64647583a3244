"""Rankings: all siblings of a turn in the order of their verdicts, learnt by the Plackett-Luce model."""

from typing import ClassVar

import torch
from pydantic import Field

from eurus_train import Group, Kind, Objective, Selection

ORDER = {"correct": 3.0, "limit": 2.0, "incorrect": 1.0, "error": 0.0}


class Rankings(Kind[Group]):
    """The siblings of every turn whose verdicts differ; a score is the place of the verdict in ``ORDER``."""

    name, one = "rankings", "turn whose actions have different verdicts"
    quantities: ClassVar = ("in_order", "best_first")

    def select(self, tree, reading, left_out):
        turns = {}
        for node in tree:
            if node.verdict.outcome in ORDER and node.action.text.strip():
                turns.setdefault(node.parent, []).append(node)

        def examples(tokens):
            found = []
            for family in turns.values():
                branches = tokens.branches(family, left_out)
                kept = [node for node in family if node.id in branches]
                scores = [ORDER[node.verdict.outcome] for node in kept]
                if len(set(scores)) > 1:
                    found.append(Group(tuple(branches[node.id] for node in kept), tuple(scores)))
            return found

        return Selection([node for family in turns.values() for node in family], examples)

    def given(self, batch):
        scores = [score for ranking in batch.examples for score in ranking.scores]
        ratios = (batch.value - batch.reference)[batch.places]
        return ratios, ratios.new_tensor(scores), batch.group

    def rewards(self, objective, ratios, scores, group):
        return objective.beta * ratios

    def tally(self, tally, batch, rewards):
        _, scores, group = self.given(batch)
        for number in range(len(batch.examples)):
            reward, score = rewards[group == number], scores[group == number]
            better = score[:, None] > score[None, :]
            tally.add("in_order", (reward[:, None] > reward[None, :])[better].float())
            tally.add("best_first", (score[reward.argmax()] == score.max()).float()[None])


class PlackettLuce(Objective):
    """loss = sum over i of log sum over j not better than i of exp R_j, less R_i; R = beta (log pi - log pi_ref)."""

    kind = Rankings
    uses_reference = True

    beta: float = Field(default=0.1, gt=0)
    """Scale of the implicit reward."""

    def loss(self, ratios, scores, group):
        losses = []
        for number in group.unique():
            reward, score = self.beta * ratios[group == number], scores[group == number]
            below = (score[None, :] > score[:, None]).to(reward) * torch.finfo(reward.dtype).min
            losses.append((torch.logsumexp(reward[None, :] + below, 1) - reward).sum())
        return torch.stack(losses)
