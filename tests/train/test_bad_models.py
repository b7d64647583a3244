"""Models whose parts do not fit each other, or the data: one line that says what to mend, before anything is learnt."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from eurus_core.errors import InputError, ModelError
from eurus_core.models import fetch
from eurus_core.records import Message
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.inspection.checks import check
from eurus_train.inspection.dry_run import DryRun
from eurus_train.learning.stage import Train

NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(fetch("tiny"), folder)
    return folder


def configured(model, **settings):
    file = model / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def weighed(model, change):
    weights = load_file(model / "model.safetensors")
    save_file(change(weights), model / "model.safetensors", {"format": "pt"})


def stage(model, trees, **settings):
    given = {"model": str(model), "trees": str(trees), "objective": "nca", "learning_rate": 1e-3, "max_steps": 1}
    return Train.model_validate({"precision": "float32", **given, **settings})


@pytest.fixture
def trees(tmp_path, make_tree):
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 5)])
    return tmp_path / "trees"


def test_a_template_that_refuses_a_conversation_names_the_row(model, tmp_path):
    (model / "chat_template.jinja").write_text(NO_SYSTEM)
    rows = [
        {"prompt": [{"role": "user", "content": "Hi"}], "chosen": said("a"), "rejected": said("b")},
        {
            "prompt": [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hello"}],
            "chosen": said("a"),
            "rejected": said("b"),
        },
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(
        InputError, match=r"\('Hello'...\): the model's chat template refuses .*system, user: System role"
    ):
        stage(model, tmp_path / "rows.jsonl").run(Context(tmp_path))
    context = Context(tmp_path)
    stage(model, tmp_path / "rows.jsonl", skip_bad=True).run(context)
    assert context.report.figures["pairs"] == 1


def said(text):
    return [{"role": "assistant", "content": text}]


def test_a_tokenizer_of_another_model_is_refused_before_anything_is_read(model, trees, tmp_path):
    weighed(model, lambda weights: {name: w[:100].clone() if len(w) == 927 else w for name, w in weights.items()})
    configured(model, vocab_size=100)
    with pytest.raises(ModelError, match="embeddings for 100 tokens only: they do not belong together"):
        stage(model, trees).run(Context(tmp_path))


def test_weights_of_another_shape_than_the_configuration_states_are_named(model, trees, tmp_path):
    configured(model, intermediate_size=96)
    with pytest.raises(ModelError, match=r"down_proj.weight is \(128, 352\) where \(128, 96\) is stated"):
        stage(model, trees).run(Context(tmp_path))


def test_no_branch_is_longer_than_the_model_has_positions(model, trees, tmp_path):
    configured(model, max_position_embeddings=16)
    with pytest.raises(InputError, match="longer than max_length = 16"):
        stage(model, trees).run(Context(tmp_path))
    configured(model, max_position_embeddings=4096)
    chat = stage(model, trees).chat(stage(model, trees).tokenizer())
    assert len(chat.prompt([Message("user", "Hi")])) > 2
    assert stage(model, trees).reading().max_length == 2048


def test_preflight_fails_where_the_loss_is_no_number(model, make_tree):
    def spoil(weights):
        weights["model.layers.1.self_attn.q_proj.weight"][0, 0] = torch.nan
        return weights

    weighed(model, spoil)
    trees = [make_tree(n) for n in range(2, 5)]
    found = {one.name: one.outcome for one in check(DryRun("nca", stage(model, "unused"), trees, len(trees)))}
    assert found["precision"] == found["loss at step 0"] == "failed"
