"""Held-out pairs under KTO: their z0 is their own, whatever step was learnt from last."""

import copy

import numpy as np
import pytest
import torch

from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.forest.layout import Branch, Pair
from eurus_train.forest.steps import plan
from eurus_train.learning.loss_steps import LossStep
from eurus_train.learning.schedule import Schedule
from eurus_train.learning.stage import Train
from eurus_train.learning.trainer import ForestTrainer
from eurus_train.learning.validation import Validation
from eurus_train.objectives import KTO


class Start:
    """A made-up reference, far below the policy, so that z0 is above 0."""

    def __getitem__(self, forest):
        return [-9.0 * len(branch.action) for branch in forest.branches]


def pairs(seed, *, mismatched=True):
    draw = np.random.default_rng(seed)
    history, *actions = (draw.integers(1, 59, n) for n in (4, 3, 5, 4))
    chosen, rejected, other = (Branch(history, action, f"t{seed}", str(n)) for n, action in enumerate(actions))
    return [Pair(chosen, rejected, mismatch=other if mismatched else None)]


def test_what_is_measured_does_not_depend_on_the_step_before(llama):
    loss_step = LossStep(KTO(), "float32", Start())
    validation = Validation([pairs(0), pairs(1)], loss_step)
    with torch.no_grad():
        alone = validation.measure(llama).means()
        loss_step.before_step(llama, [pairs(7)])
        after = validation.measure(llama).means()
    assert alone["z0"] > 0
    assert after == alone


def test_without_couples_z0_is_zero(llama):
    loss_step = LossStep(KTO(), "float32", Start())
    with torch.no_grad():
        loss_step.before_step(llama, [pairs(7)])
        measured = Validation([pairs(0, mismatched=False)], loss_step).measure(llama).means()
    assert measured["z0"] == 0


@pytest.mark.parametrize(("problems", "coupled"), [(1, False), (3, True)])
def test_held_out_pairs_get_couples_where_they_answer_several_instructions(
    tmp_path, make_tree, chat, problems, coupled
):
    settings = {"model": "tiny", "objective": "kto", "learning_rate": 1e-3, "trees": "unused"}
    stage = Train.model_validate(settings)
    found = stage.examples([make_tree(n) for n in range(2, 2 + problems)], chat, required=False)
    assert all((one.mismatch is not None) == coupled for tree in found.trees for one in tree)


def test_a_stage_knows_the_references_of_held_out_couples(tmp_path, make_tree):
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 12)])
    settings = {
        "model": "tiny",
        "objective": "kto",
        "learning_rate": 1e-2,
        "trees": str(tmp_path / "trees"),
        "heldout": 4,
        "eval_steps": 1,
        "max_steps": 3,
        "precision": "float32",
    }
    context = Context(tmp_path / "kto", name="train", seed=5)
    context.folder.mkdir()
    Train.model_validate(settings).run(context)
    assert context.report.figures["held-out pairs"] == 8


class Counted(Validation):
    times = 0

    def measure(self, model):
        self.times += 1
        return super().measure(model)


def test_held_out_examples_are_measured_once_a_step_also_when_asked_again_at_the_end(llama, tmp_path):
    model, loss_step = copy.deepcopy(llama), LossStep(KTO(), "float32", Start())
    validation, logged = Counted([pairs(7)], loss_step), []
    trainer = ForestTrainer(
        model,
        plan([pairs(0), pairs(1)], trees_per_step=1, forest_tokens=64, max_steps=3),
        loss_step,
        Schedule(1e-2, eval_steps=1),
        tmp_path,
        on_step=lambda step, measured: logged.append(measured["heldout_loss"]),
        validation=validation,
    )
    trainer.resume_or_start()
    assert len(set(logged)) == 3
    assert trainer.measure().means()["loss"] == logged[-1]
    assert validation.times == 3
