"""The recipe of the paper's reward model: its settings, and a run end to end on a random model and rows of our own."""

from __future__ import annotations

import json

from eurus_core.runs import Run, plan, recipes


def test_the_recipe_has_the_papers_settings():
    stages = recipes.load("eurus-rm-7b").stages
    reward = stages["reward"]
    assert reward["objective"] == {"UltraInteract": "eurus-rm/bt+dr", "default": "eurus-rm/bt"}
    assert (reward["epochs"], reward["learning_rate"], reward["warmup_ratio"]) == (1, 1e-5, 0.1)
    assert (reward["cross_turn_pairs"], reward["cross_turn_uses"], reward["cross_turn_grid"]) == (9, 3, 10)
    assert stages["ultrasafety"]["pairs_per_tree"] == 1


def test_the_recipe_runs_end_to_end_on_a_tiny_model(tmp_path):
    planned = plan(recipes.load("eurus-rm-7b", profile="tiny"), tmp_path / "run")
    Run(planned).carry_out()
    figures = {
        step.name: json.loads((tmp_path / "run" / step.name / "report.json").read_text())["figures"]
        for step in planned.steps
    }
    assert figures["ultrasafety"]["pairs"] == 2  # of three: one an instruction
    assert figures["reward"]["cross-turn pairs"] > 0
    assert figures["reward"]["pairs"] == 12 + 20 + 2 + figures["reward"]["cross-turn pairs"]
    assert (tmp_path / "run/reward/model/model.safetensors").exists()
