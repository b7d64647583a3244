"""Adapters: they start at nothing, they alone learn, off is the start, and merged they are a plain model of the same function."""

import json

import pytest
import torch
from peft import PeftModel

from eurus_core.errors import ModelError
from eurus_core.models import load_causal_lm
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.learning import lora
from eurus_train.learning.lora import Lora
from eurus_train.learning.stage import Train

TOKENS = torch.tensor([[5, 6, 7, 8]])


@pytest.fixture
def trees(tmp_path, make_tree):
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 12)])
    return str(tmp_path / "trees")


def run(trees, folder, *, events=None, **settings):
    values = {
        "model": "tiny",
        "objective": "nca",
        "learning_rate": 1e-2,
        "precision": "float32",
        "trees_per_step": 4,
        "epochs": 2,
        "lora": {"rank": 4},
        **settings,
    }
    folder.mkdir(exist_ok=True)
    context = Context(folder, name="train", seed=5, events=events)
    Train.model_validate({"trees": trees, **values}).run(context)
    return context


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def logits(model):
    with torch.no_grad():
        return model(TOKENS).logits


def test_adapters_start_at_no_effect_and_alone_learn():
    model = load_causal_lm("tiny", dtype="float32")
    before = logits(model)
    Lora(rank=4).put_into(model)
    assert torch.equal(logits(model), before)
    learning = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert learning
    assert all(".lora_" in name for name in learning)
    assert not any("lm_head" in name for name in learning)


def test_a_name_that_no_layer_has_is_refused():
    with pytest.raises(ModelError, match=r"lora\.targets: .*nothing"):
        Lora(targets=("nothing",)).put_into(load_causal_lm("tiny", dtype="float32"))


def test_switched_off_is_the_model_that_learning_started_from():
    model = load_causal_lm("tiny", dtype="float32")
    before = logits(model)
    Lora(rank=4).put_into(model)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    assert not torch.allclose(logits(model), before)
    with lora.switched_off(model):
        assert torch.equal(logits(model), before)
    assert not torch.allclose(logits(model), before)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # peft's
def test_the_merged_model_computes_what_the_start_and_the_adapter_do(trees, tmp_path):
    run(trees, tmp_path / "lora")
    merged = load_causal_lm(str(tmp_path / "lora/model"), dtype="float32")
    start = load_causal_lm("tiny", dtype="float32")
    assert merged.state_dict().keys() == start.state_dict().keys()
    assert not torch.allclose(logits(merged), logits(start), atol=1e-3)
    adapted = PeftModel.from_pretrained(start, str(tmp_path / "lora/adapter")).eval()
    assert torch.allclose(logits(merged), logits(adapted), atol=1e-5)


def test_learning_with_adapters_starts_at_the_constant_and_widens_the_margin(trees, tmp_path):
    run(trees, tmp_path / "lora", learning_rate=3e-3, epochs=6)
    rows = metrics(tmp_path / "lora")
    assert rows[0]["loss"] == pytest.approx(1.386294, abs=1e-5)
    assert rows[-1]["margin"] > rows[0]["margin"] + 0.01


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lora": None, "learning_rate": 1e-3},
        {"lora": {"rank": 4, "dropout": 0.1}},
        {"lora": {"rank": 4, "dropout": 0.1}, "objective": "kto"},
    ],
)
def test_a_killed_run_with_recomputed_layers_resumes_to_the_same_bits(trees, tmp_path, settings):
    settings = {"save_steps": 2, "forest_tokens": 200, "gradient_checkpointing": True, "trees": trees} | settings

    def kill(event):
        if event["event"] == "metrics" and event["step"] == 5:
            raise Killed

    run(folder=tmp_path / "undisturbed", **settings)
    with pytest.raises(Killed):
        run(folder=tmp_path / "killed", events=kill, **settings)
    assert (tmp_path / "killed/checkpoints/checkpoint-4/complete").exists()
    run(folder=tmp_path / "killed", **settings)
    one, other = (load_causal_lm(str(tmp_path / name / "model"), dtype="float32") for name in ("undisturbed", "killed"))
    assert all(torch.equal(one.state_dict()[name], weight) for name, weight in other.state_dict().items())


@pytest.mark.parametrize("again", [True, "products"])
def test_recomputing_layers_changes_no_number(trees, tmp_path, again):
    for name, recompute in (("kept", False), ("again", again)):
        run(trees, tmp_path / name, lora=None, learning_rate=1e-3, gradient_checkpointing=recompute, max_steps=3)
    for kept, found in zip(metrics(tmp_path / "kept"), metrics(tmp_path / "again"), strict=True):
        assert found["loss"] == pytest.approx(kept["loss"], abs=1e-6)
        assert found["grad_norm"] == pytest.approx(kept["grad_norm"], rel=1e-5)


def test_the_best_weights_on_held_out_pairs_are_kept(trees, tmp_path):
    settings = {"lora": None, "learning_rate": 3e-3, "heldout": 4, "eval_steps": 1, "max_steps": 6, "keep": "best"}
    context = run(trees, tmp_path / "best", **settings)
    rows = metrics(tmp_path / "best")
    scores = [(row["heldout_accuracy"], -row["heldout_loss"]) for row in rows]
    best = scores.index(max(scores))
    assert context.report.figures["held-out accuracy"] == pytest.approx(scores[best][0])
    (curve,) = [plot for plot in context.report.plots if plot.name == "train: held-out accuracy"]
    assert curve.lines[0].y == tuple(score for score, _ in scores)
    assert any(f"after step {best + 1}, the best" in note for note in context.report.notes)
    run(trees, tmp_path / "so-far", **{**settings, "keep": "last", "save_steps": 1})
    saved = load_causal_lm(str(tmp_path / "best/model"), dtype="float32").state_dict()
    last = load_causal_lm(str(tmp_path / "so-far/model"), dtype="float32").state_dict()
    same = all(torch.equal(saved[name], last[name]) for name in saved)
    assert same == (best == len(rows) - 1)
