"""BT, DR and BT+DR by hand, at step 0, by gradient, and against a plain loop."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.testing import ObjectiveContract
from eurus_rm.objectives import BT, BTDR, DR, bt_dr_loss, bt_loss, dr_loss

rewards = st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30)), min_size=1, max_size=8)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def test_bt_of_equal_rewards_is_log_two() -> None:
    # sp(0) = ln(1 + e^0) = ln 2, whatever the common level
    losses = bt_loss(torch.tensor([0.0, 5.0, -7.0]), torch.tensor([0.0, 5.0, -7.0]))
    assert losses.tolist() == pytest.approx([0.693147] * 3, abs=1e-6)


def test_bt_of_a_margin_of_log_three_is_log_of_four_thirds() -> None:
    # sp(-ln 3) = ln(1 + 1/3) = 0.287682; the other way round sp(ln 3) = ln 4 = 1.386294
    chosen, rejected = torch.tensor([math.log(3), 0.0]), torch.tensor([0.0, math.log(3)])
    assert bt_loss(chosen, rejected).tolist() == pytest.approx([0.287682, 1.386294], abs=1e-6)


def test_bt_dr_by_hand() -> None:
    # r_c = ln 3, r_r = 0: sp(-ln 3) + sp(-ln 3) + sp(0) = 0.287682 + 0.287682 + 0.693147 = 1.268511
    # r_c = 0, r_r = ln 3: sp(ln 3) + sp(0) + sp(ln 3) = 1.386294 + 0.693147 + 1.386294 = 3.465736
    chosen, rejected = torch.tensor([math.log(3), 0.0]), torch.tensor([0.0, math.log(3)])
    assert bt_dr_loss(chosen, rejected).tolist() == pytest.approx([1.268511, 3.465736], abs=1e-6)


def test_dr_prices_the_level_that_bt_ignores() -> None:
    # both rewards at 2: sp(-2) + sp(2) = 0.126928 + 2.126928 = 2.253856, against 2 ln 2 = 1.386294 at 0
    at_two = torch.tensor([2.0])
    assert bt_loss(at_two, at_two).item() == pytest.approx(math.log(2), abs=1e-6)
    assert dr_loss(at_two, at_two).item() == pytest.approx(2.253856, abs=1e-6)


@pytest.mark.parametrize(
    ("objective", "constant"), [(BT(), math.log(2)), (DR(), 2 * math.log(2)), (BTDR(), 3 * math.log(2))]
)
def test_a_zero_head_starts_at_the_stated_constant(objective: BT | DR | BTDR, constant: float) -> None:
    zeros = torch.zeros(4)
    assert objective.at_start == pytest.approx(constant)
    assert objective.loss(zeros, zeros).tolist() == pytest.approx([constant] * 4, abs=1e-6)


@pytest.mark.parametrize("loss", [bt_loss, dr_loss, bt_dr_loss])
def test_gradients_agree_with_differences(loss: Callable[..., torch.Tensor]) -> None:
    chosen, rejected = (torch.randn(6, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(loss, (chosen, rejected))


@given(rewards)
def test_losses_equal_a_plain_loop(pairs: list[tuple[float, float]]) -> None:
    chosen, rejected = (torch.tensor(side, dtype=torch.float64) for side in zip(*pairs, strict=True))
    by_loop = [_softplus(-(c - r)) for c, r in pairs]
    assert bt_loss(chosen, rejected).tolist() == pytest.approx(by_loop, rel=1e-9)
    by_loop = [_softplus(-c) + _softplus(r) for c, r in pairs]
    assert dr_loss(chosen, rejected).tolist() == pytest.approx(by_loop, rel=1e-9)
    by_loop = [_softplus(-(c - r)) + _softplus(-c) + _softplus(r) for c, r in pairs]
    assert bt_dr_loss(chosen, rejected).tolist() == pytest.approx(by_loop, rel=1e-9)


def test_losses_are_one_a_pair() -> None:
    assert BT().loss(torch.zeros(3), torch.ones(3)).shape == (3,)
    assert BTDR().loss(torch.zeros(3), torch.ones(3)).shape == (3,)


class TestBTSettings(ObjectiveContract):
    def part(self) -> BT:
        return BT()


class TestDRSettings(ObjectiveContract):
    def part(self) -> DR:
        return DR()


class TestBTDRSettings(ObjectiveContract):
    def part(self) -> BTDR:
        return BTDR()
