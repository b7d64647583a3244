"""The paper's recipes: their settings, and each run end to end on a random model and rows of our own."""

from __future__ import annotations

import json

import pytest

from eurus_core.errors import RecipeError
from eurus_core.parts import installed
from eurus_core.records.tree_set import TreeSet
from eurus_core.runs import Run, plan, recipes

SFT = {"learning_rate": 2e-5, "history": "drop", "objective": "eurus-train/sft"}
PREFERENCES = {"learning_rate": 5e-7}
PAPER = {
    "eurus-7b-sft": {"sft": SFT},
    "eurus-70b-sft": {"sft": SFT},
    "eurus-7b-kto": {
        "kto": PREFERENCES
        | {"objective": {"name": "eurus-train/kto", "beta": 0.1, "lambda_chosen": 1.33, "lambda_rejected": 1}}
    },
    "eurus-7b-dpo": {"dpo": PREFERENCES | {"objective": {"name": "eurus-train/dpo", "beta": 0.1}}},
    "eurus-70b-nca": {"nca": PREFERENCES | {"objective": {"name": "eurus-train/nca", "beta": 0.1}}},
    "eurux-8x22b-nca": {"sft": SFT, "nca": PREFERENCES | {"objective": {"name": "eurus-train/nca", "beta": 0.1}}},
    "eurus-7b-sft-ablations": {"ground-truth": SFT, "open-source": SFT, "ultrainteract-only": SFT},
}
"""What the paper states (section 3); one epoch, a cosine and a warm-up of 0.1 hold for all."""


@pytest.mark.parametrize("name", PAPER)
def test_a_recipe_has_the_papers_settings(name):
    stages = recipes.load(name).stages
    for stage, stated in PAPER[name].items():
        stated = stated | {"epochs": 1, "warmup_ratio": 0.1}
        assert {key: stages[stage].get(key) for key in stated} == stated


@pytest.mark.parametrize("name", PAPER)
def test_what_the_paper_does_not_state_is_marked(name):
    _, text = recipes.find(name)
    for key in ("trees_per_step", "max_length", "forest_tokens", "gradient_checkpointing", "parallel"):
        lines = [line for line in text.split("[profile.")[0].splitlines() if line.startswith(key)]
        assert lines
        assert all(line.endswith("# ours") for line in lines)


@pytest.mark.parametrize("name", PAPER)
def test_a_recipe_asks_for_its_data(name, tmp_path):
    with pytest.raises(RecipeError, match=r"rows: is needed and missing; .* --set \w+\.rows="):
        plan(recipes.load(name), tmp_path)


@pytest.mark.parametrize("name", PAPER)
def test_a_recipe_runs_end_to_end_on_a_tiny_model(name, tmp_path):
    planned = plan(recipes.load(name, profile="tiny"), tmp_path / "run")
    Run(planned).carry_out()
    for step in planned.steps:
        report = json.loads((tmp_path / "run" / step.name / "report.json").read_text())
        if step.kind == "import":
            assert report["figures"]["trees"] > 0
        else:
            assert report["figures"]["steps"] >= 1
            assert (tmp_path / "run" / step.name / "model" / "model.safetensors").exists()


def test_the_published_template_is_saved_with_a_base_model(tmp_path):
    planned = plan(recipes.load("eurus-7b-sft", profile="tiny", sets=["sft.max_steps=1"]), tmp_path / "run")
    Run(planned).carry_out()
    template = (tmp_path / "run/sft/model/chat_template.jinja").read_text()
    assert "[INST] " in template


def test_grown_trees_take_the_place_of_rows(tmp_path, make_tree):
    from eurus_core.records.tree_set import write_trees

    write_trees(tmp_path / "mine", [make_tree(2), make_tree(3)])
    sets = [f"ultrainteract.rows={tmp_path}/mine", "ultrafeedback.rows=[]"]
    planned = plan(recipes.load("eurus-7b-dpo", profile="tiny", sets=sets), tmp_path / "run")
    Run(planned).carry_out()
    trees = list(TreeSet.open(tmp_path / "run/ultrainteract/trees"))
    assert [tree.problem.labels["source"] for tree in trees] == ["UltraInteract", "UltraInteract"]
    report = json.loads((tmp_path / "run/dpo/report.json").read_text())
    assert report["figures"]["pairs"] == 4


def test_every_recipe_of_ours_is_listed():
    assert set(PAPER) <= set(installed().offers("recipes"))


def test_one_line_learns_from_ones_own_rows(eurus, tmp_path):
    rows = [{"prompt": f"Is {n} odd?", "chosen": "Yes." if n % 2 else "No.", "rejected": "Perhaps."} for n in range(4)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = eurus("train", "run", "nca", "--model", "tiny", "--rows", "pairs.jsonl")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "runs/nca/train/report.json").read_text())["figures"]["pairs"] == 4
