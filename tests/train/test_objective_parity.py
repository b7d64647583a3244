"""Every objective learns from a forest what it learns pair by pair, and from each side alone: losses and gradients, on any tree."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eurus_train.forest import attention
from eurus_train.forest.layout import Branch, Group, Pair
from eurus_train.learning.loss_steps import LossStep
from eurus_train.monitoring.metrics import Tally
from eurus_train.objectives import DPO, IPO, KTO, NCA, NCAK, ORPO, SFT, GroupLikelihoods, PairLikelihoods

POLICY = [DPO(), DPO(label_smoothing=0.1), IPO(), KTO(), NCA(), ORPO()]


def ids(*tokens):
    return np.array(tokens, dtype=np.int64)


@st.composite
def trees(draw):
    """Draw pairs of a caterpillar, a star or a tree that goes on after any of its actions."""
    piece = st.lists(st.integers(1, 9), min_size=1, max_size=4)
    histories, pairs = [ids(*draw(piece))], []
    for _ in range(draw(st.integers(1, 3))):
        history = draw(st.sampled_from(histories))
        actions = draw(st.lists(piece, min_size=2, max_size=3, unique_by=tuple))
        sides = [Branch(history, ids(*action, 59)) for action in actions]
        mismatch = replace(sides[0], action=ids(*draw(piece), 59))
        weight = draw(st.sampled_from([0.5, 1.0, 2.0]))
        pairs += [Pair(sides[0], other, weight, mismatch) for other in sides[1:]]
        histories.append(np.concatenate([history, draw(st.sampled_from(sides)).action, ids(*draw(piece))]))
    return pairs


@pytest.fixture(scope="module")
def read_in_blocks(llama):
    model = copy.deepcopy(llama)
    attention.prepare(model)
    return model


def alone(model, branch):
    """Return the log-probability of an action, its branch read alone under the model's own causal mask."""
    tokens = torch.from_numpy(np.concatenate([branch.history, branch.action]))
    logits = model(tokens[None], use_cache=False).logits[0].log_softmax(-1)[len(branch.history) - 1 : -1]
    return logits.gather(1, torch.from_numpy(branch.action)[:, None])[:, 0]


def learnt(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


def check(naive, *others):
    """Compare (loss, gradient) with those of each side alone."""
    for loss, gradient in others:
        torch.testing.assert_close(loss, naive[0], atol=1e-5, rtol=1e-4)
        assert (gradient - naive[1]).norm() <= 1e-4 * naive[1].norm() + 1e-6


def known(model, pairs):
    """Return a reference that differs from the policy by a branch's own amount."""
    sides = {branch for pair in pairs for branch in (pair.chosen, pair.rejected, pair.mismatch)}
    with torch.no_grad():
        return {branch: alone(model, branch).sum().item() + 0.3 * len(branch.action) - 0.7 for branch in sides}


class Start:
    """A reference of which each branch is known alone."""

    def __init__(self, known):
        self.known = known

    def __getitem__(self, forest):
        return [self.known[branch] for branch in forest.branches]


def naive_pairs(model, objective, pairs, references):
    """Return the weighted sum of losses, each side read alone; z0 by its definition."""
    at = references if objective.uses_reference else dict.fromkeys(references, 0.0)
    baseline = 0.0
    if objective.uses_baseline:
        with torch.no_grad():
            ratios = [(alone(model, p.mismatch).sum().item() - at[p.mismatch]) * p.weight for p in pairs]
        baseline = max(0.0, sum(ratios) / sum(p.weight for p in pairs))
    chosen, rejected = (
        torch.stack([alone(model, getattr(p, side)).sum() for p in pairs]) for side in ("chosen", "rejected")
    )
    losses = objective.loss(
        PairLikelihoods(
            chosen,
            rejected,
            *(chosen.new_tensor([at[getattr(p, side)] for p in pairs]) for side in ("chosen", "rejected")),
            *(chosen.new_tensor([len(getattr(p, side).action) for p in pairs]) for side in ("chosen", "rejected")),
            chosen.new_tensor(baseline),
        )
    )
    return (losses * chosen.new_tensor([p.weight for p in pairs])).sum()


@pytest.mark.parametrize("objective", POLICY, ids=repr)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=trees())
def test_pairs_as_a_forest_pair_by_pair_and_each_side_alone_are_the_same(llama, read_in_blocks, objective, pairs):
    references = known(llama, pairs)
    model = read_in_blocks

    def forests(bins):
        loss_step = LossStep(objective, "float32", Start(references) if objective.uses_reference else None)
        loss_step.before_step(model, bins)
        loss = sum(loss_step.loss(model, loss_step.plant(one), Tally()) for one in bins)
        return loss.detach(), learnt(model, loss)

    plain = naive_pairs(llama, objective, pairs, references)
    check((plain.detach(), learnt(llama, plain)), forests([pairs]), forests([[pair] for pair in pairs]))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=trees())
def test_actions_as_a_forest_and_alone_are_the_same(llama, read_in_blocks, pairs):
    branches = list({pair.chosen: None for pair in pairs})
    loss_step = LossStep(SFT(), "float32")
    loss = loss_step.loss(read_in_blocks, loss_step.plant(branches), Tally())
    plain = -sum(alone(llama, branch).sum() for branch in branches)
    check((plain.detach(), learnt(llama, plain)), (loss.detach(), learnt(read_in_blocks, loss)))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=trees())
def test_stars_with_scores_as_a_forest_and_alone_are_the_same(llama, read_in_blocks, pairs):
    references = known(llama, pairs)
    groups = [Group((pair.chosen, pair.rejected, pair.mismatch), (3.0, 1.0, 2.0)) for pair in pairs]
    loss_step = LossStep(NCAK(), "float32", Start(references))
    loss = loss_step.loss(read_in_blocks, loss_step.plant(groups), Tally())
    branches = [branch for group in groups for branch in group.branches]
    likely = torch.stack([alone(llama, branch).sum() for branch in branches])
    plain = NCAK().loss(
        GroupLikelihoods(
            likely,
            likely.new_tensor([references[branch] for branch in branches]),
            likely.new_tensor([len(branch.action) for branch in branches]),
            likely.new_tensor([3.0, 1.0, 2.0] * len(groups)),
            torch.arange(len(groups)).repeat_interleave(3),
        )
    )
    check((plain.sum().detach(), learnt(llama, plain.sum())), (loss.detach(), learnt(read_in_blocks, loss)))
