"""One optimizer step of eight pairs by one process and by two of four: the same z0, the same gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.multiprocessing
from transformers import LlamaConfig, LlamaForCausalLM

from eurus_train.distributed import ranks
from eurus_train.forest.layout import Branch, Pair
from eurus_train.learning.loss_steps import LossStep
from eurus_train.monitoring.metrics import Tally
from eurus_train.objectives import DPO, KTO, NCA, Routes

ROUTES = Routes(by_source={"a": KTO(), "b": NCA()}, default=DPO(), weights={"b": 3.0})


class Start:
    """A made-up reference, below the policy."""

    def __getitem__(self, forest):
        return [-5.5 * len(branch.action) for branch in forest.branches]


def pairs():
    draw = np.random.default_rng(0)
    found = []
    for number in range(8):
        history, chosen, rejected, other = (draw.integers(1, 59, n) for n in (4, 3, 5, 4))
        right = Branch(history, chosen, f"t{number}", "0", 1, "abc"[number % 3])
        wrong = replace(right, action=rejected, node="1")
        mismatch = replace(right, action=other) if number != 3 else None  # one that found none
        found.append(Pair(right, wrong, 0.5 + number, mismatch))
    return found


def step(bins):
    """Return z0 and the gradient of one step, this rank having these bins."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=60, initializer_range=0.2, **shape)).eval()
    loss_step, tally = LossStep(ROUTES, "float32", Start()), Tally()
    loss_step.before_step(model, bins)
    (count,) = ranks.all_reduce([sum(loss_step.count(examples) for examples in bins)])
    for examples in bins:
        (loss_step.loss(model, loss_step.plant(examples), tally) / count).backward()
    gradient = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    if ranks.world_size() > 1:
        torch.distributed.all_reduce(gradient)
    return tally.means()["z0"], gradient


def work(rank, file, results):
    torch.distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    mine = pairs()[rank::2]
    torch.save(step([mine[:1], mine[1:]]), f"{results}-{rank}")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_ranks_of_four_pairs_make_the_step_of_one_with_eight(tmp_path):
    z0, whole = step([pairs()])
    torch.multiprocessing.spawn(work, (str(tmp_path / "meet"), str(tmp_path / "out")), nprocs=2)
    for rank in (0, 1):
        found, gradient = torch.load(tmp_path / f"out-{rank}")
        assert found == pytest.approx(z0, rel=1e-6)
        assert z0 > 0
        assert (gradient - whole).norm() <= 1e-4 * whole.norm()
