"""``eurus train preflight``: a good setting passes, each defect is found."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner

from eurus_core.models import load_causal_lm, load_tokenizer
from eurus_core.treeset import write_trees
from eurus_train.data.chat import Chat
from eurus_train.data.examples import preferences
from eurus_train.data.gathering import gather
from eurus_train.data.tree_tokens import Reading
from eurus_train.forest import attention
from eurus_train.preview.checks import (
    end_of_turn,
    first_tokens,
    forest_against_naive,
    numbers,
    round_trip,
    smallest,
    vocabulary,
)
from eurus_train.preview.preflight import preflight
from eurus_train.training.stage import Train

OPTIONS = {"learning_rate": "1e-5", "model": "tiny", "precision": "float32"}


def run(tmp_path, trees, objective, stage="train", **settings):
    write_trees(tmp_path / "trees", trees)
    recipe = tmp_path / "mine.toml"
    lines = [
        f'{key} = "{value}"' if key != "learning_rate" else f"{key} = {value}"
        for key, value in (OPTIONS | settings).items()
    ]
    recipe.write_text(
        "\n".join([f'[it]\nstage = "{stage}"\ntrees = "{tmp_path}/trees"\nobjective = "{objective}"', *lines])
    )
    done = CliRunner().invoke(preflight, [str(recipe), "--json"], catch_exceptions=False)
    return done.exit_code, {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize(
    ("objective", "constant"),
    [("dpo", "0.6931"), ("nca", "1.3863"), ("kto", "0.5825"), ("ipo", None), ("sft", None), ("orpo", None)],
)
def test_a_good_setting_passes(tmp_path, monkeypatch, make_tree, objective, constant):
    monkeypatch.setenv("EURUS_CACHE", str(tmp_path / "cache"))
    code, found = run(tmp_path, [make_tree(n) for n in range(2, 6)], objective)
    assert code == 0
    assert {row["outcome"] for row in found.values()} == {"ok"}
    if constant:
        assert f"the constant is {constant}" in found["loss at step 0"]["found"]
        assert "largest log-ratio" in found["policy = reference"]["found"]


@pytest.mark.parametrize(("objective", "constant"), [("bt", "0.6931"), ("bt+dr", "2.0794")])
def test_a_reward_model_starts_at_its_constant(tmp_path, make_tree, objective, constant):
    code, found = run(tmp_path, [make_tree(n) for n in range(2, 6)], objective, stage="train-reward")
    assert code == 0
    assert f"{constant}, the constant is {constant}" in found["loss at step 0"]["found"]
    assert "head of one line, zero" in found["head"]["found"]


@pytest.fixture
def tokenizer():
    return load_tokenizer("tiny")


@pytest.fixture
def model():
    return load_causal_lm("tiny", dtype="float32")


def test_a_double_bos_is_found(tokenizer, make_tree):
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template  # ours begins with the very token
    assert first_tokens(Chat(tokenizer), make_tree()).outcome == "failed"


def test_a_template_that_treats_the_whole_otherwise_is_found(tokenizer, make_tree):
    chat = Chat(tokenizer)
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "message['content']", "message['content'] | replace('4', '5')"
    )
    assert round_trip(Chat(tokenizer), [make_tree()]).outcome == "ok"
    pieces = chat.prompt
    chat.prompt = lambda said: pieces(said)[:-1]
    assert round_trip(chat, [make_tree()]).outcome == "failed"


def test_an_end_at_which_nothing_stops_is_found(tokenizer, model, make_tree):
    chat = Chat(tokenizer)
    examples = gather(preferences, [make_tree()], chat, Reading())
    assert end_of_turn(chat, model, examples).outcome == "ok"
    tokenizer.eos_token = tokenizer.pad_token
    model.generation_config.eos_token_id = tokenizer.pad_token_id
    assert end_of_turn(chat, model, examples).outcome == "warning"


def test_broken_or_coarse_weights_are_found(model):
    stage = Train(model="tiny", trees=["none"], objective="dpo", learning_rate=1e-5)
    assert numbers(stage, model).outcome == "ok"
    with torch.no_grad():
        model.lm_head.weight[0, 0] = torch.nan
    assert "lm_head" in numbers(stage, model).found
    assert numbers(stage, load_causal_lm("tiny", dtype="bfloat16")).outcome == "failed"


def test_a_tokenizer_larger_than_the_embeddings_is_found(tokenizer, model):
    assert vocabulary(tokenizer, model).outcome == "ok"
    tokenizer.add_tokens(["<new>"])
    assert vocabulary(tokenizer, model).outcome == "warning"  # a token that is used is refused where examples are made


def test_a_forest_that_leaks_is_found(tokenizer, model, make_tree, monkeypatch):
    stage = Train(model="tiny", trees=["none"], objective="dpo", learning_rate=1e-5)
    examples = smallest(gather(preferences, [make_tree(2), make_tree(3)], Chat(tokenizer), Reading()), 4)
    assert forest_against_naive(stage, model, examples).outcome == "ok"
    whole = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    leak = lambda forest, window=None: whole.expand(1, 1, len(forest), len(forest)).tril()  # noqa: E731
    monkeypatch.setattr(attention, "mask", leak)
    assert forest_against_naive(stage, model, examples).outcome == "failed"


def test_experts_read_a_forest_as_they_read_each_branch(tokenizer, make_tree):
    stage = Train(model="tiny-moe", trees=["none"], objective="dpo", learning_rate=1e-5)
    examples = smallest(gather(preferences, [make_tree(2), make_tree(3)], Chat(tokenizer), Reading()), 4)
    assert forest_against_naive(stage, stage.load(), examples).outcome == "ok"
