"""``eurus train preflight``: a good setting passes, each defect is found."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner

from eurus_core.models import load_causal_lm, load_tokenizer
from eurus_core.records.tree_set import write_trees
from eurus_train.data.chat import Chat
from eurus_train.data.examples import preferences
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading
from eurus_train.forest import attention
from eurus_train.forest.likelihood import action_logprobs
from eurus_train.inspection.checks import (
    end_of_turn,
    first_tokens,
    numbers,
    round_trip,
    smallest,
    vocabulary,
)
from eurus_train.inspection.preflight import preflight
from eurus_train.inspection.step_zero import at_start, forest_against_naive, log_ratios, loss_at_start, rounding
from eurus_train.learning import reference
from eurus_train.learning.stage import Train

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
        assert found["policy = reference"]["found"] == "largest log-ratio 0.0e+00"


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
    stage = Train(model="tiny", trees=["none"], objective="dpo", learning_rate=1e-5, precision="float32")
    examples = smallest(gather(preferences, [make_tree(2), make_tree(3)], Chat(tokenizer), Reading()), 4)
    assert outcomes(forest_against_naive(stage, model, examples)) == ["ok"]
    whole = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    leak = lambda forest, window=None: whole.expand(1, 1, len(forest), len(forest)).tril()  # noqa: E731
    monkeypatch.setattr(attention, "mask", leak)
    assert outcomes(forest_against_naive(stage, model, examples)) == ["failed"]
    rounded = stage.model_copy(update={"precision": "bfloat16"})
    assert outcomes(forest_against_naive(rounded, model, examples)) == ["failed", "failed"]


def test_experts_read_a_forest_as_they_read_each_branch(tokenizer, make_tree):
    stage = Train(model="tiny-moe", trees=["none"], objective="dpo", learning_rate=1e-5, precision="float32")
    examples = smallest(gather(preferences, [make_tree(2), make_tree(3)], Chat(tokenizer), Reading()), 4)
    assert outcomes(forest_against_naive(stage, stage.load(), examples)) == ["ok"]


def outcomes(checks):
    return [check.outcome for check in checks]


def test_bfloat16_takes_a_forest_as_far_as_each_branch_alone(tmp_path, monkeypatch, make_tree):
    monkeypatch.setenv("EURUS_CACHE", str(tmp_path / "cache"))
    code, found = run(tmp_path, [make_tree(n) for n in range(2, 6)], "nca", precision="bfloat16")
    assert code == 0
    assert "each branch alone by up to" in found["in bfloat16"]["found"]
    assert found["policy = reference"]["found"] == "largest log-ratio 0.0e+00"
    assert found["loss at step 0"]["found"] == "1.3863, the constant is 1.3863"


@pytest.mark.parametrize(
    ("forest", "alone", "outcome"),
    [
        (0.8, 0.25, "ok"),  # 3.2 times what rounding makes of branches alone
        (0.25, 0.05, "warning"),  # 5 times
        (0.25, 0.005, "failed"),  # 50 times
        (0.0009, 0.0, "ok"),  # equal in bfloat16, apart as float32 may be
        (float("nan"), 0.25, "failed"),
    ],
)
def test_a_forest_in_bfloat16_is_judged_by_what_rounding_makes_of_branches_alone(forest, alone, outcome):
    assert rounding(forest, alone).outcome == outcome


@pytest.mark.parametrize("apart", [1e-6, 0.25, float("inf"), float("nan")])
def test_one_model_that_reads_one_forest_in_two_ways_is_found(apart):
    assert log_ratios(0.0, None).outcome == "ok"
    assert log_ratios(apart, None).outcome == "failed"


def test_log_ratios_to_another_model_are_shown_and_not_judged_but_where_they_are_no_numbers():
    assert log_ratios(3.5, "other").outcome == "ok"
    assert "other" in log_ratios(3.5, "other").found
    assert log_ratios(float("nan"), "other").outcome == "failed"


@pytest.mark.parametrize(
    ("loss", "own", "outcome"),
    [(0.693147, True, "ok"), (0.6941, True, "failed"), (0.6941, None, "warning"), (0.6941, False, "ok")],
)
def test_the_loss_is_held_to_its_constant_where_every_reward_is_zero(loss, own, outcome):
    assert loss_at_start(loss, 0.6931472, own=own).outcome == outcome


@pytest.fixture
def kept(tmp_path, monkeypatch, make_tree, tokenizer):
    """Return what checks step 0 of a stage in a cache of the test's own."""
    monkeypatch.setenv("EURUS_CACHE", str(tmp_path / "cache"))

    def start(model="tiny", **settings):
        values = {"trees": ["none"], "objective": "dpo", "learning_rate": 1e-5, "precision": "bfloat16"}
        stage = Train.model_validate({"model": model, **values, **settings})
        examples = smallest(gather(preferences, [make_tree(2), make_tree(3)], Chat(tokenizer), Reading()), 4)
        return {found.name: found for found in at_start(stage, stage.load(), examples)}

    return start


def test_references_that_other_code_has_kept_are_found(kept, monkeypatch):
    assert kept()["policy = reference"].outcome == "ok"
    with monkeypatch.context() as patch:
        patch.setattr(reference, "action_logprobs", lambda scored, forest: action_logprobs(scored, forest) + 2**-10)
        patch.setattr(reference, "_code", lambda: "as if nobody had changed it")
        kept()
    monkeypatch.setattr(reference, "_code", lambda: "as if nobody had changed it")
    found = kept()["policy = reference"]
    assert found.outcome == "failed"
    assert found.found.startswith("largest log-ratio 9.8e-04")  # 2^-10


def test_a_policy_starts_as_its_reference_with_adapters_too(kept):
    found = kept(lora={"rank": 4})
    assert {check.outcome for check in found.values()} == {"ok"}
    assert found["policy = reference"].found == "largest log-ratio 0.0e+00"


def test_another_reference_is_told_from_the_policy_s_own_start_by_its_weights(kept, model, tmp_path):
    model.save_pretrained(tmp_path / "same")
    model.lm_head.weight.data *= 2
    model.save_pretrained(tmp_path / "other")
    other = kept(reference=str(tmp_path / "other"))
    assert f"the reference is another model, {tmp_path / 'other'}" in other["policy = reference"].found
    assert "0.6931 is that of a policy which starts as its reference" in other["loss at step 0"].found
    assert {check.outcome for check in other.values()} == {"ok"}
    assert (
        "another model"
        not in kept(str(tmp_path / "same"), reference=str(tmp_path / "same"))["policy = reference"].found
    )
