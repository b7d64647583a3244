"""``eurus train plan``: tokens, operations and memory of a training, by hand and from data alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from eurus_train.forest.layout import Branch, Pair, plant
from eurus_train.forest.operations import Shape, Work, forward_flops, outline, shape, work
from eurus_train.forest.steps import StepPlan
from eurus_train.inspection.budget import plan as command
from eurus_train.inspection.costs import activation_bytes
from eurus_train.learning.lora import Lora
from eurus_train.learning.stage import Train
from eurus_train.objectives import Routes


def ids(*tokens):
    return np.array(tokens, dtype=np.int64)


PAIR = Pair(Branch(ids(1, 2, 3), ids(4, 5)), Branch(ids(1, 2, 3), ids(6)))
SMALL = Shape(parameters=1000, active=100, layers=2, hidden=4, heads=8, feed_forward=16, vocabulary=10)


def test_tokens_and_what_they_see_are_counted_by_hand():
    found = work([plant([PAIR])])
    assert (found.forests, found.unique, found.logical) == (1, 6, 5 + 4)
    assert found.seen == 1 + 2 + 3 + 4 + 5 + 4  # depths 0 to 4 and, for the rejected token, 3; each and one
    assert found.scored_rows == 2  # the last token of the history predicts both sides, the first chosen one the second


def test_operations_of_a_forward_pass_by_hand():
    some = Work(forests=1, unique=6, logical=9, seen=19, scored_rows=2, largest=6, most_rows=2)
    body, attention, head = 2 * 100 * 6, 4 * 2 * 8 * 19, 2 * 4 * 10 * 2
    assert forward_flops(SMALL, some) == body + attention + head
    assert forward_flops(SMALL, some, head=False) == body + attention


def test_checkpointing_keeps_the_insides_of_one_layer():
    some = Work(largest=10)
    inside = 2 * (2 * 4 + 4 * 8 + 3 * 16) * 10
    assert activation_bytes(SMALL, some, checkpointing=False) == 2 * (16 * 10 + inside)
    assert activation_bytes(SMALL, some, checkpointing=True) == 2 * 16 * 10 + inside


def test_a_models_shape_is_read_without_its_weights():
    found = shape(outline("tiny"))
    assert (found.layers, found.hidden, found.heads, found.feed_forward) == (4, 128, 128, 352)
    layer = (
        128 * 128 * 2 + 128 * 64 * 2 + 3 * 128 * 352
    )  # queries and result, keys and values of two of four heads, MLP
    assert found.active == 4 * layer
    embeddings, norms = 2 * 128 * found.vocabulary, (4 * 2 + 1) * 128
    assert found.parameters == found.active + embeddings + norms


def test_a_token_meets_two_of_four_experts():
    dense, sparse = shape(outline("tiny")), shape(outline("tiny-moe"))
    experts, router = 4 * 3 * 128 * 352, 4 * 4 * 128
    assert sparse.active == dense.active + experts + router  # a second expert a layer, and the router
    assert sparse.parameters > dense.parameters + 2 * experts


def stage(**settings):
    return Train(
        model="tiny", trees=["none"], objective=settings.pop("objective", "dpo"), learning_rate=1e-5, **settings
    )


def budget_of(some, bins, **options):
    from eurus_train.inspection.costs import budget

    return budget(some, StepPlan([bins], len(bins)), outline("tiny"), **({"tflops": 1.0, "mfu": 0.5} | options))


def test_a_reference_costs_one_forward_pass():
    model = shape(outline("tiny"))
    once = forward_flops(model, work([plant([PAIR])]))
    assert budget_of(stage(), [[PAIR]]).flops == pytest.approx(4 * once)  # three for learning, one for the reference
    assert budget_of(stage(objective="orpo"), [[PAIR]]).flops == pytest.approx(3 * once)
    assert budget_of(stage(gradient_checkpointing=True), [[PAIR]]).flops == pytest.approx(5 * once)


def test_layers_that_keep_products_alone_hold_less_and_compute_as_much():
    plain, products, nothing = (
        budget_of(stage(gradient_checkpointing=kept), [[PAIR]]) for kept in (False, "products", True)
    )
    assert plain.activation_bytes > products.activation_bytes > nothing.activation_bytes
    assert plain.flops == products.flops < nothing.flops


@pytest.mark.parametrize("asked", [{"epochs": 2}, {"max_steps": 2}])
def test_what_comes_again_has_its_reference_computed_once(asked):
    once = forward_flops(shape(outline("tiny")), work([plant([PAIR])]))
    assert budget_of(stage(**asked), [[PAIR], [PAIR]]).flops == pytest.approx((2 * 3 + 1) * once)


def test_an_epoch_that_lays_branches_otherwise_has_its_reference_computed_anew():
    other = Pair(PAIR.chosen, Branch(ids(1, 2, 3), ids(7)))
    once = forward_flops(shape(outline("tiny")), work([plant([PAIR, other])]))
    assert budget_of(stage(), [[PAIR, other], [other, PAIR]]).flops == pytest.approx(2 * (3 + 1) * once)


def test_hours_are_operations_over_what_a_gpu_reaches():
    found = budget_of(stage(), [[PAIR]])
    assert found.gpu_hours == pytest.approx(found.flops / (1e12 * 0.5) / 3600)
    assert budget_of(stage(), [[PAIR]], mfu=0.25).gpu_hours == pytest.approx(2 * found.gpu_hours)


@pytest.mark.parametrize(
    ("parallel", "weights", "rest"),
    [("ddp", 1, 1), ("zero2", 1 + 1 / 4, 1 / 4), ("zero3", 2 / 4, 1 / 4), ("fsdp", 1 / 4, 1 / 4)],
    # DeepSpeed keeps the share that a GPU trains twice
)
def test_memory_is_shared_as_the_setting_says(parallel, weights, rest):
    found = budget_of(stage(parallel=parallel), [[PAIR]], gpus=4)
    assert found.weight_bytes == 4 * found.parameters * weights
    assert found.gradient_bytes == 4 * found.parameters * rest
    assert found.optimizer_bytes == 8 * found.parameters * rest


def test_alone_deepspeed_is_without_effect():
    assert budget_of(stage(parallel="zero3"), [[PAIR]]).weight_bytes == 4 * shape(outline("tiny")).parameters


def test_adapters_alone_need_gradients():
    found = budget_of(stage(lora=Lora(rank=2)), [[PAIR]])
    of_layer = 2 * ((128 + 128) * 2 + (128 + 64) * 2 + (128 + 352) * 3)
    assert found.trained == 4 * of_layer
    once = forward_flops(shape(outline("tiny")), work([plant([PAIR])]))
    assert found.flops == pytest.approx((2 + 1) * once)  # no gradient of a frozen weight; and the reference
    assert found.weight_bytes == 4 * found.parameters


def test_a_sample_is_scaled_to_the_whole():
    other = replace(PAIR, rejected=Branch(ids(1, 2, 3), ids(7)))
    whole, half = budget_of(stage(), [[PAIR], [other]]), budget_of(stage(), [[PAIR]], share=0.5)
    assert (half.training.unique, half.flops) == (whole.training.unique, pytest.approx(whole.flops))


def test_a_recipe_is_planned_before_anything_has_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, ["eurux-8x22b-nca", "--profile", "tiny", "--json"], catch_exceptions=False)
    sft, nca = map(json.loads, done.stdout.splitlines())
    assert (sft["stage"], nca["stage"]) == ("sft", "nca")
    assert sft["model"] == nca["model"] == "tiny-moe"  # the second's is not trained yet
    assert nca["examples"] == 12 + 4 * 5  # UltraInteract's pairs; stars of four with one tie
    assert nca["dedup_ratio"] > 2
    assert not list(tmp_path.iterdir())


def test_the_words_say_what_is_assumed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, ["eurus-7b-kto", "--profile", "tiny", "--gpus", "8", "--mfu", "0.4"])
    assert "989 TFLOP/s and an MFU of 0.4" in done.stdout
    assert "on each of 8 GPUs" in done.stdout


def test_an_objectives_routes_may_be_several():
    assert isinstance(stage(objective={"A": "dpo", "default": "nca"}).objective, Routes)
