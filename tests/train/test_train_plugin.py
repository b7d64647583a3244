"""What eurus-train offers, and that offering it imports nothing heavy."""

import pytest

from eurus_core.parts import installed
from eurus_core.testing import assert_light
from eurus_train.objectives import Objective


def test_looking_at_a_training_imports_no_trainer_and_no_data_frames():
    assert_light("import eurus_train.inspection.checks", heavy=("transformers.trainer", "datasets", "pandas", "peft"))


def test_the_plugin_is_light():
    assert_light("import eurus_train, eurus_train.plugin")


@pytest.mark.parametrize("name", ["sft", "dpo", "ipo", "kto", "nca", "nca-k", "orpo"])
def test_objectives_are_found_by_name(name):
    assert issubclass(installed().find("objectives", name).load(), Objective)


def test_the_stage_and_the_command_are_found_by_name():
    assert installed().find("stages", "train").load().produces == "model"
    assert installed().find("commands", "train").load().commands.keys() >= {"run", "plan", "explain", "preflight"}


def test_the_command_explains_itself_without_loading_anything(eurus):
    done = eurus("train", "run", "--help")
    assert done.returncode == 0
    assert "--model smollm2 --rows pairs.jsonl" in done.stdout


def test_an_objective_alone_is_told_what_it_lacks(eurus):
    for command in ("run", "plan"):
        done = eurus("train", command, "nca")
        assert done.returncode == 2
        assert "nca is an objective: give --model and --rows, too, or a recipe." in done.stderr


def test_a_short_form_that_lacks_a_word_names_it(eurus):
    for words, missing in (
        (("nca", "--model", "tiny"), "--rows"),
        (("nca", "--rows", "pairs.jsonl"), "--model"),
        (("--rows", "pairs.jsonl"), "an objective and --model"),
    ):
        done = eurus("train", "run", *words)
        assert done.returncode == 2
        assert f"Without a recipe give {missing}, too." in done.stderr
    done = eurus("train", "run", "nca", "--rows", "pairs.jsonl", "--set", "model=nowhere/to/be", "--dry-run")
    assert "Without a recipe give" not in done.stderr


def test_an_objective_of_another_command_names_it(eurus):
    done = eurus("train", "run", "bt", "--model", "tiny", "--rows", "pairs.jsonl")
    assert "BT learns rewards: use the stage train-reward (eurus rm train)" in done.stderr
