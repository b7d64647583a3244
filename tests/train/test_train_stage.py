"""The stage ``train`` on the tiny model: it learns, resumes, normalises over the whole step, and says what is wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from eurus_core.errors import InputError, ModelError
from eurus_core.models import load_causal_lm, load_tokenizer
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.learning.preparing import parted
from eurus_train.learning.stage import Train

TIMED = {"seconds": 0, "tflops": 0}
CHANGED_BY_PACKING = ("seconds", "unique_tokens", "logical_tokens", "tflops")


@pytest.fixture
def trees(tmp_path, make_tree):
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 12)])
    return str(tmp_path / "trees")


def stage(trees, objective, **settings):
    values = {
        "model": "tiny",
        "learning_rate": 1e-3,
        "precision": "float32",
        "trees_per_step": 4,
        "epochs": 2,
        **settings,
    }
    return Train.model_validate({"trees": trees, "objective": objective, **values})


def run(stage, folder, events=None):
    folder.mkdir(exist_ok=True)
    context = Context(folder, name="train", seed=5, events=events)
    stage.run(context)
    return context


def metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_causal_lm(str(folder / "model"), dtype="float32").state_dict()


def test_fine_tuning_learns(trees, tmp_path):
    context = run(stage(trees, "sft", epochs=10, learning_rate=3e-3), tmp_path / "sft")
    losses = [row["loss"] for row in metrics(tmp_path / "sft")]
    assert losses[-1] < losses[0] / 2
    assert context.report.figures["loss at step 1"] == pytest.approx(losses[0])
    assert [plot.name for plot in context.report.plots] == ["train: loss"]


@pytest.mark.parametrize(("objective", "at_start"), [("dpo", 0.693147), ("kto", (1.33 + 1) / 4), ("nca", 1.386294)])
def test_preferences_start_at_their_constant_and_widen_the_margin(trees, tmp_path, objective, at_start):
    context = run(stage(trees, objective, epochs=4), tmp_path / objective)
    rows = metrics(tmp_path / objective)
    assert rows[0]["loss"] == pytest.approx(at_start, abs=1e-5)
    assert rows[0]["rewards_chosen"] == pytest.approx(0, abs=1e-6)
    assert rows[0]["rewards_rejected"] == pytest.approx(0, abs=1e-6)
    assert rows[-1]["margin"] > 0.05
    rewards = context.report.plots[0]
    assert rewards.group == "rewards while learning (figure 5)"
    assert [line.label for line in rewards.lines] == ["chosen", "rejected", "margin"]
    assert rewards.lines[2].x == tuple(range(1, len(rows) + 1))


def test_the_saved_model_loads_with_its_chat_template(trees, tmp_path):
    run(stage(trees, "sft", max_steps=1), tmp_path / "sft")
    folder = str(tmp_path / "sft/model")
    assert load_causal_lm(folder, dtype="float32").config.vocab_size == load_causal_lm("tiny").config.vocab_size
    assert load_tokenizer(folder).chat_template == load_tokenizer("tiny").chat_template
    assert not (tmp_path / "sft/checkpoints").exists()


def test_weights_may_be_saved_in_bfloat16(trees, tmp_path):
    run(stage(trees, "sft", max_steps=1, save_dtype="bfloat16"), tmp_path / "sft")
    config = json.loads((tmp_path / "sft/model/config.json").read_text())
    assert config["dtype"] == "bfloat16"


def test_bfloat16_computes_close_to_float32_on_float32_weights(trees, tmp_path):
    for precision in ("float32", "bfloat16"):
        run(stage(trees, "nca", max_steps=3, precision=precision), tmp_path / precision)
    exact, rounded = metrics(tmp_path / "float32"), metrics(tmp_path / "bfloat16")
    assert rounded[0]["loss"] == pytest.approx(exact[0]["loss"], abs=1e-5)  # the reference reads the same forest
    assert rounded[-1]["loss"] == pytest.approx(exact[-1]["loss"], abs=0.02)
    assert all(weight.dtype == torch.float32 for weight in weights(tmp_path / "bfloat16").values())


def test_speed_is_told_in_operations_and_as_a_share_of_what_the_device_could_do(trees, tmp_path):
    settings = stage(trees, "nca", max_steps=2, peak_tflops=0.5)
    context = run(settings, tmp_path / "nca")
    body = 2 * 4 * (2 * 128 * 128 + 2 * 128 * 64 + 3 * 128 * 352)  # a token's, forward, in four layers
    for row in metrics(tmp_path / "nca"):
        operations = row["tflops"] * row["seconds"] * 1e12
        assert 3 * body < operations / row["unique_tokens"] < 1.5 * 3 * body  # attention and head come on top
    figures = context.report.figures
    assert figures["MFU on unique tokens"] == pytest.approx(figures["TFLOP/s on unique tokens"] / 0.5)


@pytest.mark.parametrize("objective", ["sft", "dpo", "kto", "nca"])
def test_one_large_forest_a_step_equals_many_small_ones(trees, tmp_path, objective):
    for tokens in (4096, 1):
        run(stage(trees, objective, max_steps=3, forest_tokens=tokens), tmp_path / str(tokens))
    one, many = metrics(tmp_path / "4096"), metrics(tmp_path / "1")
    assert one[0]["unique_tokens"] < many[0]["unique_tokens"]
    for together, apart in zip(one, many, strict=True):
        # at step 1 every reward is 0 but for rounding
        ties = {n for n in together if n.startswith(("accuracy", "chosen_below")) and together["step"] == 1}
        for name in together.keys() - set(CHANGED_BY_PACKING) - ties:
            assert together[name] == pytest.approx(apart[name], rel=2e-3, abs=1e-4), name


class Killed(Exception):
    pass


@pytest.mark.parametrize("objective", ["sft", "kto"])
def test_a_killed_run_resumes_to_the_same_weights(trees, tmp_path, objective):
    settings = stage(trees, objective, save_steps=2, forest_tokens=200)
    run(settings, tmp_path / "undisturbed")

    def kill(event):
        if event["event"] == "metrics" and event["step"] == 5:
            raise Killed

    with pytest.raises(Killed):
        run(settings, tmp_path / "killed", events=kill)
    assert [p.name for p in (tmp_path / "killed/checkpoints").glob("checkpoint-*")] == ["checkpoint-4"]
    steps = []
    run(
        settings, tmp_path / "killed", events=lambda e: steps.append(e.get("step")) if e["event"] == "metrics" else None
    )
    assert steps == [5, 6]  # at most the steps since the last checkpoint are done again
    undisturbed, resumed = weights(tmp_path / "undisturbed"), weights(tmp_path / "killed")
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in undisturbed)
    for one, other in zip(metrics(tmp_path / "undisturbed"), metrics(tmp_path / "killed"), strict=True):
        assert {**one, **TIMED} == {**other, **TIMED}


def test_a_checkpoint_cut_short_is_passed_over(trees, tmp_path):
    cut = tmp_path / "sft/checkpoints/checkpoint-3"
    cut.mkdir(parents=True)
    (cut / "model.safetensors").write_bytes(b"half")
    run(stage(trees, "sft", max_steps=4), tmp_path / "sft")
    assert len(metrics(tmp_path / "sft")) == 4


def test_held_out_problems_are_not_learnt_from_but_measured(trees, tmp_path):
    settings = stage(trees, "nca", heldout=3)
    learnt, validation = map(list, parted(settings))
    assert (len(learnt), len(validation)) == (7, 3)
    assert not {t.problem.id for t in learnt} & {t.problem.id for t in validation}
    context = run(settings, tmp_path / "nca")
    assert context.report.figures["pairs"] == 14
    assert context.report.figures["held-out pairs"] == 6
    table = context.report.tables[0]
    assert [row[:2] for row in table.rows] == [("all", 6), ("turn 1", 3), ("turn 2", 3)]


def test_objectives_learn_from_the_same_pairs_in_the_same_order_whatever_their_stage_is_called(trees, tmp_path):
    tokens = {}
    for seed, name in enumerate(("dpo", "kto")):
        folder = tmp_path / name
        folder.mkdir()
        stage(trees, name, heldout=3, trees_per_step=2).run(Context(folder, name=name, seed=seed))
        tokens[name] = [row["unique_tokens"] for row in metrics(folder)]
    assert tokens["dpo"] == tokens["kto"]
    assert len(set(tokens["dpo"])) > 1  # steps differ, so that their order shows


def test_held_out_problems_without_pairs_are_no_error(tmp_path, make_tree):
    lonely = [make_tree(n) for n in range(2, 8)]
    settings = stage("unused", "nca", heldout=1)
    write_trees(tmp_path / "all", lonely)
    out = next(parted(settings.model_copy(update={"trees": (str(tmp_path / "all"),)}))[1]).problem.id
    cut = [replace(t, nodes=t.nodes[:1]) if t.problem.id == out else t for t in lonely]
    write_trees(tmp_path / "trees", cut)
    context = run(stage(str(tmp_path / "trees"), "nca", heldout=1, max_steps=1), tmp_path / "nca")
    assert "held-out pairs" not in context.report.figures


def test_several_tree_sets_are_learnt_together(trees, tmp_path, make_tree):
    write_trees(tmp_path / "more", [make_tree(50)])
    context = run(stage([trees, str(tmp_path / "more")], "sft", max_steps=1), tmp_path / "sft")
    assert context.report.figures["actions"] == 22


def test_a_loss_that_is_not_finite_stops_and_leaves_the_batch(trees, tmp_path):
    model = load_causal_lm("tiny", dtype="float32")
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    model.save_pretrained(tmp_path / "broken")
    load_tokenizer("tiny").save_pretrained(tmp_path / "broken")
    with pytest.raises(ModelError, match=r"became nan at step 1; the batch is in .*not-finite-step-1.json"):
        run(stage(trees, "sft", model=str(tmp_path / "broken")), tmp_path / "sft")
    batch = json.loads((tmp_path / "sft/checkpoints/not-finite-step-1.json").read_text())
    assert batch["branches"][0]["tree"].startswith("double-")
    assert not (tmp_path / "sft/model").exists()


def test_trees_without_pairs_stop_before_anything_is_trained(tmp_path, make_tree):
    write_trees(tmp_path / "trees", [replace(make_tree(2), nodes=make_tree(2).nodes[:1])])
    with pytest.raises(InputError, match="no pair of a correct and an incorrect action after the same prompt"):
        run(stage(str(tmp_path / "trees"), "nca"), tmp_path / "nca")


def test_an_objective_on_rewards_is_sent_to_its_own_stage(trees):
    with pytest.raises(ValidationError, match="train-reward"):
        stage(trees, "bt")
