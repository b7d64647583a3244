"""Settings that could not do what they say, and learning that ends in no numbers: told in a line, nothing half-written."""

import json
import re

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from eurus_core.errors import InputError, ModelError, RecipeError
from eurus_core.records.tree_set import write_trees
from eurus_core.runs import plan
from eurus_core.runs.recipes import parse
from eurus_core.stages import Context
from eurus_train.commands import train
from eurus_train.learning.stage import Train


@pytest.fixture
def trees(tmp_path, make_tree):
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 8)])
    return str(tmp_path / "trees")


def stage(trees, **settings):
    given = {"model": "tiny", "trees": trees, "objective": "nca", "learning_rate": 1e-3, "max_steps": 1}
    return Train.model_validate({"precision": "float32", **given, **settings})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"eval_steps": 1}, "measures what is held out: set heldout, too"),
        ({"keep": "best"}, "set heldout and eval_steps, too"),
        ({"keep": "best", "heldout": 2}, "set heldout and eval_steps, too"),
        ({"chat_template": "/"}, "a folder, not a Jinja file"),
        ({"max_steps": 10**12}, "less than or equal to 1000000"),
        ({"epochs": 1e9}, "less than or equal to 1000"),
    ],
)
def test_a_setting_that_could_have_no_effect_or_no_end_is_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        stage("unread", **settings)


def test_the_settings_key_is_named_on_the_command_line(eurus, tmp_path):
    (tmp_path / "rows.jsonl").touch()
    rows = str(tmp_path / "rows.jsonl")
    done = eurus("train", "run", "nca", "--model", "tiny", "--rows", rows, "--set", "eval_steps=2")
    assert done.returncode == 2
    assert "--set eval_steps: eval_steps: measures what is held out: set heldout, too" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("tracker", "said"),
    [
        ("tensorbord", "no tracker named 'tensorbord'. Did you mean 'tensorboard'?"),
        ("xx", "no tracker named 'xx'. There are: "),
        ("comet_ml", "tracker 'comet_ml' cannot be used here: CometCallback requires comet-ml"),
    ],
)
def test_a_tracker_that_cannot_be_had_is_refused_before_anything_runs(tracker, said):
    for given in (tracker, [tracker]):
        with pytest.raises(ValidationError, match=re.escape(said)):
            stage("unread", report_to=given)


SHORT = ("train", "run", "nca", "--model", "tiny", "--rows", "rows.jsonl")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "run", "nca", "--model", "smolm2", "--rows", "rows.jsonl"), "--model: model: No model 'smolm2': "),
        (("train", "run", "nca", "--model", ".", "--rows", "rows.jsonl"), "--model: model: . holds no config.json"),
        (("train", "run", "nca", "--model", "tiny", "--rows", "row.jsonl"), "--rows: trees.0: row.jsonl: no such file"),
        (("train", "run", "nac", "--model", "tiny", "--rows", "rows.jsonl"), "OBJECTIVE: objective.name: No objective"),
        ((*SHORT, "--dry-run", "--set", "report_to=wandbb"), "--set report_to: report_to: no tracker named 'wandbb'"),
        ((*SHORT, "--set", "objective.bta=1"), "objective.bta: no such setting. Did you mean 'objective.beta'?"),
        ((*SHORT, "--set", "objectve.beta=1"), "objectve: no such setting. Did you mean 'objective.beta'?"),
        ((*SHORT, "--set", "train.objective.beta=1"), "train: no such setting. Did you mean 'objective.beta'?"),
        (("train", "plan", "nca", "--model", "smolm2", "--rows", "rows.jsonl"), "--model: model: No model 'smolm2': "),
    ],
)
def test_what_is_misspelt_is_named_as_typed_and_makes_no_run_folder(eurus, tmp_path, arguments, said):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "Is 7 odd?", "chosen": "Yes.", "rejected": "No."}\n')
    done = eurus(*arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize("command", ["run", "plan", "preflight", "explain"])
def test_a_pattern_that_the_shell_has_parted_says_to_quote_it(command):
    given = ["nca", "--model", "tiny", "--rows", "train-0.jsonl", "train-1.jsonl"]
    done = CliRunner().invoke(train, [command, *given])
    assert done.exit_code == 2
    assert "extra argument (train-1.jsonl). Quote a pattern, so that the shell leaves it whole" in done.output


def test_a_model_that_the_hub_does_not_give_makes_no_run_folder(eurus, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "Is 7 odd?", "chosen": "Yes.", "rejected": "No."}\n')
    done = eurus("train", "run", "nca", "--model", "own/er", "--rows", "rows.jsonl", HF_HUB_OFFLINE="1")
    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"beta": 0.2}, "objective.beta"),  # of the part that the objective names
        ({"objective": {"Toy": "kto", "default": "dpo"}, "label_smoothing": 0.1}, "objective.default.label_smoothing"),
        ({"rank": 8}, "lora.rank"),  # of a table that is not set
        ({"learningrate": 1e-5}, "learning_rate"),  # its own comes first where neither has that very name
        ({"betas": 1}, "objective.beta"),
    ],
)
def test_a_setting_of_a_part_inside_is_told_with_its_path(given, meant):
    with pytest.raises(ValidationError, match=f"no such setting. Did you mean '{meant}'"):
        stage("unread", **{"objective": "dpo", **given})


@pytest.mark.parametrize(("template", "said"), [(b"\xff", "not UTF-8 text"), (b"{% for m in", "chat template refuses")])
def test_a_template_file_that_is_none_is_refused(trees, tmp_path, template, said):
    (tmp_path / "chat.jinja").write_bytes(template)
    with pytest.raises(InputError, match=said):
        stage(trees, chat_template=str(tmp_path / "chat.jinja")).run(Context(tmp_path))


def test_adapters_wider_than_the_model_are_refused_before_they_fill_the_memory(trees, tmp_path):
    with pytest.raises(ModelError, match="lora.rank is 1,000,000; the model is 128 wide"):
        stage(trees, lora={"rank": 1_000_000}).run(Context(tmp_path))


def test_weights_that_the_last_step_has_spoilt_are_never_saved(trees, tmp_path):
    with pytest.raises(ModelError, match="is not finite after the last step, so no model is written"):
        stage(trees, objective="sft", learning_rate=1e39, warmup_ratio=0).run(Context(tmp_path))
    assert not (tmp_path / "model").exists()


def test_a_loss_that_is_no_number_leaves_its_batch_and_comes_again(trees, tmp_path):
    said = []
    for _ in range(2):
        with pytest.raises(ModelError, match="The loss became nan at step 2; the batch is in ") as caught:
            stage(trees, objective="sft", learning_rate=1e38, warmup_ratio=0, max_steps=3).run(Context(tmp_path))
        said.append(str(caught.value))
    assert said[0] == said[1]
    batch = json.loads((tmp_path / "checkpoints/not-finite-step-2.json").read_text())
    assert {branch["tree"] for branch in batch["branches"]} <= {f"double-{n}" for n in range(2, 8)}


def test_of_a_folder_of_rows_only_the_rows_are_read(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "pairs.jsonl").write_text('{"prompt": "Q", "chosen": "a", "rejected": "b"}\n')

    def fingerprint(model="tiny"):
        given = {"model": model, "trees": str(folder), "objective": "nca", "learning_rate": 1e-3}
        sets = [f"train.{key}={json.dumps(value)}" for key, value in given.items()]
        text = '[train]\nstage = "train"\n'
        return plan(parse(text, file="mine", name="mine", sets=sets), tmp_path / "run").steps[0].fingerprint

    before = fingerprint()
    (folder / "photos").mkdir()
    (folder / "photos/cat.jpg").write_bytes(b"meow")
    (folder / "gone").symlink_to("nowhere")
    assert fingerprint() == before
    with pytest.raises(RecipeError, match="holds no config.json"):
        fingerprint(str(folder))  # no model either: refused, not read through
    (folder / "more.jsonl").write_text("{}")
    assert fingerprint() != before
