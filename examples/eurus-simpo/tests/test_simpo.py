"""SimPO keeps the contract of objectives, has its hand value, and is found by name."""

import math

import pytest
import torch

from eurus_core.testing import ObjectiveContract, assert_light
from eurus_simpo.loss import SimPO
from eurus_train import PairLikelihoods


class TestSimPO(ObjectiveContract):
    def part(self):
        return SimPO()


def test_simpo_by_hand():
    # means of -20 / 10 = -2 and -60 / 20 = -3 nats; beta 2: rewards -4 and -6; margin 1: -ln sigma(2 - 1) = 0.31326
    numbers = {"chosen": -20.0, "rejected": -60.0, "chosen_tokens": 10.0, "rejected_tokens": 20.0}
    zeros = dict.fromkeys(("reference_chosen", "reference_rejected"), torch.zeros(1))
    pairs = PairLikelihoods(
        **{name: torch.tensor([value]) for name, value in numbers.items()}, **zeros, baseline=torch.tensor(0.0)
    )
    chosen, rejected = SimPO().rewards(pairs)
    assert (chosen.item(), rejected.item()) == pytest.approx((-4, -6))
    assert SimPO().loss(pairs).item() == pytest.approx(math.log(1 + math.exp(-1)))


def test_simpo_equals_a_plain_loop():
    torch.manual_seed(0)
    chosen, rejected = (-20 + 5 * torch.randn(2, 6)).tolist()
    lengths = torch.arange(10.0, 16.0)
    zeros = torch.zeros(6)
    found = SimPO(beta=2.5, margin=0.5).loss(
        PairLikelihoods(torch.tensor(chosen), torch.tensor(rejected), zeros, zeros, lengths, lengths + 1, zeros[0])
    )
    for place in range(6):
        margin = 2.5 * (chosen[place] / (10 + place) - rejected[place] / (11 + place)) - 0.5
        assert found[place].item() == pytest.approx(math.log(1 + math.exp(-margin)), rel=1e-5)


def test_the_plugin_is_found_by_name_and_imports_nothing_heavy(eurus):
    assert "margin  = 1.0" in eurus("parts", "objectives", "simpo").stdout
    assert_light("import eurus_simpo.plugin")
