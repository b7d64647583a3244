"""Rewards read in a forest teach what they teach when each side is read alone: losses and gradients, on any tree."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eurus_rm.loss_step import RewardLossStep
from eurus_rm.model import load_reward_model
from eurus_rm.objectives import BT, BTDR
from eurus_train.forest import attention
from eurus_train.forest.layout import Branch, Pair
from eurus_train.monitoring.metrics import Tally


@pytest.fixture(scope="module")
def models(folder):
    """One that reads plainly, and its twin that reads in blocks."""
    plain = load_reward_model(str(folder)).eval()
    blocked = copy.deepcopy(plain)
    attention.prepare(blocked.classifier)
    return plain, blocked


@st.composite
def trees(draw):
    piece = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(lambda tokens: np.array(tokens, dtype=np.int64))
    history, pairs = draw(piece), []
    for _ in range(draw(st.integers(1, 3))):
        sides = [Branch(history, draw(piece)) for _ in range(2)]
        pairs.append(Pair(*sides, weight=draw(st.sampled_from([0.5, 1.0]))))
        history = np.concatenate([history, sides[1].action, draw(piece)])
    return pairs


def learnt(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


@pytest.mark.parametrize("objective", [BT(), BTDR()], ids=repr)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=trees())
def test_rewards_in_a_forest_pair_by_pair_and_alone_are_the_same(models, objective, pairs):
    plain, blocked = models
    loss_step = RewardLossStep(objective, "float32")

    def forests(bins):
        loss = sum(loss_step.loss(blocked, loss_step.plant(one), Tally()) for one in bins)
        return loss.detach(), learnt(blocked, loss)

    def alone(branch):
        tokens = torch.from_numpy(np.concatenate([branch.history, branch.action]))
        return plain(input_ids=tokens[None], use_cache=False, reward_positions=torch.tensor([len(tokens) - 1]))

    losses = [objective.loss(alone(p.chosen), alone(p.rejected)).squeeze(0) * p.weight for p in pairs]
    naive = torch.stack(losses).sum()
    expected = learnt(plain, naive)
    for loss, gradient in (forests([pairs]), forests([[pair] for pair in pairs])):
        torch.testing.assert_close(loss, naive.detach(), atol=1e-5, rtol=1e-4)
        assert (gradient - expected).norm() <= 1e-4 * expected.norm() + 1e-6
