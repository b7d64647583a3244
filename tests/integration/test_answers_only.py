"""Problems of one's own with nothing but answers: `demo` says before it begins what they cannot do, `answers-only` learns from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eurus_core.records.tree_set import TreeSet

MINE = Path(__file__).resolve().parents[2] / "examples/data/mine.jsonl"
SOURCE = ("--set", "grow.source.name=jsonl", "--set", f"grow.source.path={MINE}")


@pytest.mark.parametrize("dry", [("--dry-run",), ()])
def test_demo_refuses_them_before_anything_is_paid_for_and_names_the_recipe(eurus, tmp_path, dry):
    done = eurus("run", "demo", *SOURCE, *dry)
    assert done.returncode == 2
    *notes, error = done.stderr.strip().splitlines()
    assert [note.split(": ")[:2] for note in notes] == [["note", "grow"]]
    assert error.startswith("eurus: assist: none of the ")
    assert "eurus run answers-only --set grow.source.path=FILE" in error
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_the_recipe_for_them_runs_whole_on_the_tiny_model(eurus, tmp_path):
    done = eurus("run", "answers-only", "--profile", "tiny", "--set", f"grow.source.path={MINE}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "runs/answers-only/report.html"
    run = tmp_path / "runs/answers-only"
    manifest = json.loads((run / "manifest.json").read_text())
    assert {entry["status"] for entry in manifest["stages"]} == {"done"}
    for stage in ("grow", "regrow"):
        nodes = [node for tree in TreeSet.open(run / stage / "trees") for node in tree]
        assert any(node.verdict.correct for node in nodes)
        assert not any(node.action.assisted for node in nodes)
    assert TreeSet.open(run / "regrow/trees").manifest["pairs"] > 0


def test_a_growth_without_a_correct_action_says_so_and_so_does_fine_tuning(eurus):
    wrong = '{ name = "scripted", replies = ["I guess: \\\\boxed{-1}."] }'
    actors = f"[{{ backend = {wrong}, samples = 2 }}]"
    done = eurus("run", "answers-only", "--profile", "tiny", "--set", f"grow.actors={actors}")
    assert done.returncode == 2
    assert "grow: no action is correct" in done.stderr
    error = done.stderr.strip().splitlines()[-1]
    assert "no correct action to learn from: 6 trees read, with actions: 0 correct, 6 incorrect" in error
    assert "Sample more actions" in error
    assert "max_length" not in error
