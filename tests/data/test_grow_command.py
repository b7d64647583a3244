"""The stage as a recipe sets it: real source, interpreter, grader, critic; scripted replies in place of a model."""

import json

import pytest

from eurus_core.records.pairs import history, pairs
from eurus_core.records.tree_set import TreeSet
from eurus_core.testing import assert_light

RECIPE = """
[grow]
stage = "grow"
source = "arithmetic"
problems = 6
turns = 2
concurrency = 3
tool = { name = "python", preload = [] }

[[grow.actors]]
backend = { name = "scripted", replies = [
    "Step 1: I try.\\n```python\\nguess = 1  # Step 2: guess\\nguess\\n```",
    "Step 1: I count.\\n```python\\nprint(undefined)\\n```",
    "I do not know.",
] }
samples = 3

[[grow.actors]]
backend = "reference"
when = "needed"
samples = 2
schema = "random"
"""


@pytest.fixture
def recipe(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(RECIPE)
    return str(file)


def test_a_recipe_grows_trees_with_true_observations_and_critiques(eurus, recipe, tmp_path):
    done = eurus("data", "grow", recipe, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "grow 6/6 trees" in done.stderr
    trees = list(TreeSet.open(tmp_path / "run/grow/trees"))
    assert len(trees) == 6
    for tree in trees:
        assert pairs(tree)
        assert max(node.turn for node in tree) == 2
        assert {node.action.actor for node in tree if node.verdict.correct} == {"reference"}
        parent = next(node.parent for node in tree if node.turn == 2)
        assert "Your answer is wrong.\n" in history(tree, parent)[-1].content
        assert tree.node(parent).critique.text
    seen = {node.observation.text for tree in trees for node in tree if node.observation}
    assert "Out: 1" in seen
    assert any("NameError" in text for text in seen)
    report = json.loads((tmp_path / "run/grow/report.json").read_text())
    assert report["figures"]["trees"] == 6
    assert report["trees"][0]["tree"]["nodes"]

    again = eurus("data", "grow", recipe, "--out", "run")
    assert "up to date" in again.stderr


def test_a_misspelt_setting_of_a_rung_names_the_right_one_and_its_line(eurus, recipe):
    done = eurus("data", "grow", recipe, "--set", "grow.actors.0.sample=2", "--dry-run")
    assert done.returncode == 2
    assert "Did you mean 'grow.actors.0.samples'?" in done.stderr


def test_a_part_can_be_switched_off(eurus, recipe, tmp_path):
    switches = ("--set", "grow.critic=none", "--set", "grow.tool=none", "--set", "grow.turns=1")
    done = eurus("data", "grow", recipe, "--out", "run", *switches)
    assert done.returncode == 0, done.stderr
    trees = list(TreeSet.open(tmp_path / "run/grow/trees"))
    assert all(node.observation is None and node.critique is None for tree in trees for node in tree)


def test_the_plugin_module_imports_nothing_heavy():
    assert_light("import eurus_data.plugin")
