"""Rows and trees that cannot be used: a training stops at the first and leaves nothing half-written, or goes on without them."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from eurus_core.errors import InputError
from eurus_core.records import Preference
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.distributed.checkpoints import TOKENS
from eurus_train.inspection.budget import plan
from eurus_train.inspection.preflight import preflight
from eurus_train.learning.stage import Train

GOOD = [{"prompt": f"Is {n} odd?", "chosen": "Yes." if n % 2 else "No.", "rejected": "Perhaps."} for n in range(8)]
SAME, SILENT = GOOD[0] | {"rejected": "No."}, GOOD[0] | {"chosen": ""}


@pytest.fixture
def rows(tmp_path):
    """Eight good rows; the second, third, sixth and eleventh line are bad."""
    lines = [json.dumps(row) for row in GOOD]
    for at, bad in ((1, json.dumps(SAME)), (2, json.dumps(SILENT)), (5, '{"prompt": "Is'), (10, json.dumps(SAME))):
        lines.insert(at, bad)
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def stage(trees, **settings):
    values = {"model": "tiny", "learning_rate": 1e-3, "precision": "float32", "max_steps": 1, "objective": "nca"}
    return Train.model_validate({"trees": trees, **values, **settings})


def run(stage, folder):
    folder.mkdir(exist_ok=True)
    context = Context(folder, name=folder.name)
    stage.run(context)
    return context.report


def test_a_bad_row_stops_a_training_before_anything_is_written(rows, tmp_path):
    with pytest.raises(InputError, match="pairs.jsonl, line 2: chosen and rejected are the same") as caught:
        run(stage(rows), tmp_path / "nca")
    assert "--skip-bad" in str(caught.value)
    assert [file.name for file in (tmp_path / "nca").rglob("*") if file.name != TOKENS] == []


@pytest.mark.parametrize("heldout", [0, 2])
def test_bad_rows_are_left_out_counted_once_and_the_first_named(rows, tmp_path, caplog, heldout):
    report = run(stage(rows, skip_bad=True, heldout=heldout), tmp_path / "nca")
    assert report.figures["pairs"] == 8 - heldout
    (note,) = [note for note in report.notes if "left out" in note]
    assert f"rows that cannot be used: 4 (the first: {rows}, line 2: chosen and rejected are the same" in note
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("left out")]
    assert [said.split(": ")[1].rpartition(" ")[2] for said in told] == ["2", "3", "6"]  # lines; the rest is counted


def test_a_resumed_training_still_knows_what_was_left_out(rows, tmp_path):
    def stop(event):
        if event["event"] == "tokenised":
            raise KeyboardInterrupt

    folder = tmp_path / "nca"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        stage(rows, skip_bad=True).run(Context(folder, events=stop))
    report = run(stage(rows, skip_bad=True), folder)
    assert "rows that cannot be used: 4" in " ".join(report.notes)


def test_a_tree_that_cannot_be_used_is_left_out_by_name(make_tree, tmp_path):
    good, bad = make_tree(2), make_tree(3)
    heavy = (Preference(bad.nodes[1].id, bad.nodes[0].id, "toy", float("nan")),)
    write_trees(tmp_path / "trees", [good, replace(bad, preferences=heavy)])
    with pytest.raises(InputError, match="has the weight nan.*skip_bad"):
        run(stage(str(tmp_path / "trees")), tmp_path / "stopped")
    report = run(stage(str(tmp_path / "trees"), skip_bad=True), tmp_path / "nca")
    assert "trees that cannot be used: 1 (the first: tree 'double-3', node" in " ".join(report.notes)


def test_nothing_but_bad_rows_is_an_error_that_counts_them(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps(SAME) + "\n" + json.dumps(SILENT) + "\n")
    with pytest.raises(InputError, match=r"no pair .* \(rows that cannot be used: 2 \(the first: .*line 1"):
        run(stage(str(tmp_path / "rows.jsonl"), skip_bad=True), tmp_path / "nca")


def test_a_prompt_too_long_is_named_by_its_line_and_its_first_words(tmp_path):
    rows = [*GOOD, {"prompt": "Say once more: " + "word " * 3000, "chosen": "a", "rejected": "b"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = run(stage(str(tmp_path / "rows.jsonl")), tmp_path / "nca")
    assert report.figures["pairs"] == 8
    (note,) = [note for note in report.notes if "left out" in note]
    assert f"(the first: {tmp_path / 'rows.jsonl'}, line 9: tree '" in note
    assert "('Say once more: word word word word word '...), node '0')" in note


def test_the_short_form_leaves_bad_rows_out_on_request(eurus, rows, tmp_path):
    line = ("train", "run", "nca", "--model", "tiny", "--rows", rows, "--set", "max_steps=1")
    stopped = eurus(*line)
    assert stopped.returncode == 2
    assert "line 2: chosen and rejected are the same" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    done = eurus(*line, "--skip-bad")
    assert done.returncode == 0, done.stderr
    assert "cut or left out: rows that cannot be used: 4" in done.stderr
    assert json.loads((tmp_path / "runs/nca/train/report.json").read_text())["figures"]["pairs"] == 8
    meant = eurus("train", "run", "eurus-7b-dpo", "--skip-bad")
    assert meant.returncode == 2
    assert "set skip_bad of the stage that reads the rows" in meant.stderr


@pytest.mark.parametrize("command", [plan, preflight])
def test_what_looks_ahead_leaves_out_the_same_rows(command, rows):
    line = ["nca", "--model", "tiny", "--rows", rows]
    with pytest.raises(InputError, match="line 2: chosen and rejected are the same"):
        CliRunner().invoke(command, line, catch_exceptions=False)
    done = CliRunner().invoke(command, [*line, "--skip-bad"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "rows that cannot be used: 4 (the first: " in done.stdout
