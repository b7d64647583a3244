"""Runs: whole stages or none, skipped when unchanged, resumed when killed. Everything through the command line."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from eurus_core.runs.folder import at_fault

RECIPE = """
[numbers]
stage = "count"
to = 4

[total]
stage = "sum"
trees = "@numbers"
"""


@pytest.fixture
def run(eurus, third_party, tmp_path):
    (tmp_path / "r.toml").write_text(RECIPE)
    return lambda *args: eurus("run", "r.toml", "--out", "out", *args, PYTHONPATH=third_party)


def statuses(tmp_path: Path) -> dict[str, str]:
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    return {entry["name"]: entry["status"] for entry in manifest["stages"]}


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked.txt").read_text().split()


def test_a_run_leaves_stages_report_manifest_and_events(run, tmp_path):
    done = run()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/total/scores.jsonl").read_text() == "6"
    assert statuses(tmp_path) == {"numbers": "done", "total": "done"}
    report = json.loads((tmp_path / "out/numbers/report.json").read_text())
    assert report["figures"]["numbers"] == 4
    assert report["figures"]["seconds"] >= 0
    events = [json.loads(line) for line in (tmp_path / "out/events.jsonl").read_text().splitlines()]
    assert [e["status"] for e in events if e["event"] == "stage"] == ["running", "done", "running", "done"]
    assert json.loads((tmp_path / "out/manifest.json").read_text())["versions"]["toy"] == "1.0"


def test_a_run_keeps_the_command_as_it_was_typed_and_the_machines_load(run, tmp_path):
    done = run("--set", "numbers.to=3", "--seed", "7", "--set", 'total.words="it\'s off"')
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert shlex.split(manifest["command"]) == [
        *("eurus", "run", "r.toml", "--out", "out", "--set", "numbers.to=3", "--seed", "7"),
        *("--set", 'total.words="it\'s off"'),
    ]
    assert manifest["cores"] == os.cpu_count()
    entry = manifest["stages"][0]
    before, after = entry["load"]
    assert before >= 0
    assert after >= 0
    assert entry["resumed"] is False
    events = [json.loads(line) for line in (tmp_path / "out/events.jsonl").read_text().splitlines()]
    assert next(event for event in events if event.get("status") == "done")["load"] == [before, after]
    run("--set", "numbers.to=3", "--seed", "7", "--set", 'total.words="it\'s off"')
    assert (
        json.loads((tmp_path / "out/manifest.json").read_text())["stages"][0] == entry
    )  # also where nothing was done anew


def test_text_that_begins_with_a_dollar_or_an_at_goes_into_the_part_and_back_into_a_recipe(run, eurus, tmp_path):
    (tmp_path / "r.toml").write_text(RECIPE + 'fail = true\nwords = "$$5 @me"\n')
    done = run()
    assert "RuntimeError: $5 @me" in done.stderr
    assert eurus("recipe", "show", "r.toml").stdout == (tmp_path / "r.toml").read_text()

    kept = json.loads((tmp_path / "out/recipe.json").read_text())
    assert kept["stages"]["total"] == {"stage": "sum", "trees": "@numbers", "fail": True, "words": "$$5 @me"}
    tables = (
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in stage.items())
        for name, stage in kept["stages"].items()
    )
    (tmp_path / "r.toml").write_text(f"seed = {kept['seed']}\n" + "".join(tables))
    before = json.loads((tmp_path / "out/manifest.json").read_text())["stages"]
    assert "numbers: up to date" in run().stderr
    again = json.loads((tmp_path / "out/manifest.json").read_text())["stages"]
    assert [stage["fingerprint"] for stage in again] == [stage["fingerprint"] for stage in before]


def test_a_failing_hook_is_logged_once_and_the_run_goes_on(run):
    done = run()
    assert done.returncode == 0
    assert done.stderr.count("eurus_run_progress failed and is switched off") == 1


def test_an_unchanged_stage_is_skipped(run, tmp_path):
    run()
    again = run()
    assert again.returncode == 0
    assert "numbers: up to date\n" in again.stderr  # and no word of how long it took another day
    assert asked(tmp_path) == ["0", "1", "2", "3"]


def test_a_changed_setting_runs_the_stage_and_what_depends_on_it_again_and_keeps_the_old(run, tmp_path):
    run()
    again = run("--set", "numbers.to=5")
    assert again.returncode == 0
    assert "total: what stood there, of other settings or data, is now out/.previous/total-1" in again.stderr
    assert (tmp_path / "out/total/scores.jsonl").read_text() == "10"
    assert (tmp_path / "out/.previous/total-1/scores.jsonl").read_text() == "6"


def test_a_changed_input_file_runs_the_stage_again(run, tmp_path):
    (tmp_path / "rows.txt").write_text("one")
    run("--set", "numbers.file=rows.txt")
    assert "up to date" in run("--set", "numbers.file=rows.txt").stderr
    (tmp_path / "rows.txt").write_text("two")
    assert "up to date" not in run("--set", "numbers.file=rows.txt").stderr


def test_another_seed_reaches_the_stages(run, tmp_path):
    run("--seed", "1")
    first = (tmp_path / "out/numbers/trees/0").read_text()
    run("--seed", "2")
    assert (tmp_path / "out/numbers/trees/0").read_text() != first


def test_a_stage_that_fails_shows_its_traceback_and_leaves_the_others(run, tmp_path):
    done = run("--set", "total.fail=true")
    assert done.returncode == 1
    assert "RuntimeError: asked to fail" in done.stderr
    assert statuses(tmp_path) == {"numbers": "done", "total": "failed"}
    assert not (tmp_path / "out/total").exists()
    assert run().returncode == 0


def test_a_finished_stage_that_fails_anew_at_once_leaves_the_run_as_it_was(run, tmp_path):
    run()
    told = {name: (tmp_path / "out" / name).read_bytes() for name in ("recipe.json", "manifest.json")}
    assert run("--set", "total.fail=true").returncode == 1
    assert {name: (tmp_path / "out" / name).read_bytes() for name in told} == told
    assert list((tmp_path / "out/.partial").iterdir()) == []
    assert run().stderr.count("up to date") == 2


def test_a_finished_stage_that_fails_anew_after_some_work_is_told_with_its_new_settings(run, tmp_path):
    run()
    assert run("--set", "numbers.to=5", "--set", "total.fail=true").returncode == 1
    assert statuses(tmp_path) == {"numbers": "done", "total": "failed"}
    assert json.loads((tmp_path / "out/recipe.json").read_text())["stages"]["numbers"]["to"] == 5


def test_a_stage_that_is_done_anew_and_cannot_take_its_place_is_told_with_its_new_settings(run, tmp_path):
    run()
    (tmp_path / "out/.previous").write_text("where a folder should be")
    assert run("--set", "numbers.to=5").returncode == 1
    assert json.loads((tmp_path / "out/recipe.json").read_text())["stages"]["numbers"]["to"] == 5


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_run_goes_on_and_repeats_nothing(run, third_party, tmp_path, sent):
    settings = ["--set", "numbers.to=8"]
    (tmp_path / "hold").write_text("2")
    process = subprocess.Popen(
        [sys.executable, "-m", "eurus_core", "run", "r.toml", "--out", "out", *settings],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": third_party},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "asked.txt").exists() or len(asked(tmp_path)) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=120)
    (tmp_path / "hold").unlink()
    if sent != signal.SIGKILL:
        assert process.returncode == 130
        assert "The same command goes on" in stderr
    assert not (tmp_path / "out/numbers").exists()
    done = run(*settings)
    assert "going on where it stopped" in done.stderr
    assert asked(tmp_path) == [str(n) for n in range(8)]
    assert (tmp_path / "out/total/scores.jsonl").read_text() == "28"


def test_two_processes_cannot_share_a_folder(run, third_party, tmp_path):
    (tmp_path / "hold").write_text("0")
    process = subprocess.Popen(
        [sys.executable, "-m", "eurus_core", "run", "r.toml", "--out", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": third_party},
        stderr=subprocess.DEVNULL,
    )
    try:
        while not (tmp_path / "asked.txt").exists():
            assert process.poll() is None
            time.sleep(0.02)
        done = run()
        assert done.returncode == 2
        assert "another process is running in this folder" in done.stderr
    finally:
        process.kill()
        process.wait()


def test_a_dry_run_runs_nothing_and_shows_the_stages(run, tmp_path):
    done = run("--dry-run")
    assert done.returncode == 0
    assert "total    sum    to do   from numbers" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("numbers.too=5", "--set numbers.too: numbers.too: no such setting. Did you mean 'numbers.to'?"),
        ("numbers.too.x=5", "--set numbers.too.x: numbers.too: no such setting. Did you mean 'numbers.to.x'?"),
        ("numbesr.to=5", "--set numbesr.to: no stage named 'numbesr'. Did you mean 'numbers.to'?"),
        ("growth.to=5", "--set growth.to: no stage named 'growth'. It has: numbers, total."),
        ("numbers.to=many", "--set numbers.to: numbers.to: Input should be a valid integer"),
        ("numbers.to=true", "--set numbers.to: numbers.to: a number is needed, found true"),
        ("total.trees=@number", "no stage named 'number' (did you mean '@numbers'?)"),
        ("total.trees=@total", "@total runs later"),
        (
            "to=5",
            "'to' is not a stage: it needs a key 'stage', such as stage = \"grow\". What a stage is to be given begins",
        ),
        ("numbers.stage=cuont", "No stage named 'cuont'. Did you mean 'count'?"),
        ("total.trees=3", "total.trees"),
        ("total.trees=nowhere", "total.trees: nowhere: no such file or folder. Needed is a tree set"),
        ("numbers.file=nope.txt", "--set numbers.file: numbers.file: no such file or folder: nope.txt"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_2(run, setting, says):
    done = run("--set", setting)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


REFERRING = """
[numbers]
stage = "count"
to = 4

[more]
like = "numbers"

[again]
stage = "count"
to = "$numbers.to"
"""


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["numbers.to=many"], "--set numbers.to: numbers.to: Input should be a valid integer"),
        (["again.to=$more.to", "more.to=many"], "--set more.to: more.to: Input should be a valid integer"),
        (["numbers.file=nope.txt"], "--set numbers.file: numbers.file: no such file or folder: nope.txt"),
    ],
)
def test_a_setting_that_others_refer_to_is_told_where_it_was_typed(eurus, third_party, tmp_path, settings, says):
    (tmp_path / "r.toml").write_text(REFERRING)
    flags = [part for one in settings for part in ("--set", one)]
    done = eurus("run", "r.toml", *flags, PYTHONPATH=third_party)
    assert done.stderr.startswith(f"eurus: {says}")
    (tmp_path / "r.toml").write_text('[again]\nstage = "count"\nto = "$numbers.to"\n' + REFERRING.split("[again]")[0])
    done = eurus("run", "r.toml", *flags[-2:], PYTHONPATH=third_party)  # met in [again] or [more] first
    assert done.stderr.startswith(f"eurus: {says}")


def test_a_key_laid_over_a_reference_names_the_setting_that_it_refers_to(eurus, third_party, tmp_path):
    (tmp_path / "r.toml").write_text(REFERRING)
    done = eurus("run", "r.toml", "--set", "again.to.x=1", PYTHONPATH=third_party)
    assert "again.to is '$numbers.to', the value of another setting. Set 'numbers.to.x', or the whole of" in done.stderr


@pytest.mark.parametrize("out", ["out", "a/b/out"])
def test_a_new_run_that_a_mistake_ends_before_any_work_leaves_no_folder(run, tmp_path, out):
    (tmp_path / "mistaken").touch()
    done = run("--out", out)
    assert done.returncode == 2
    assert "eurus: asked for a mistake" in done.stderr
    assert not (tmp_path / out.partition("/")[0]).exists()
    (tmp_path / "mistaken").unlink()
    assert run("--out", out).returncode == 0
    (tmp_path / "mistaken").touch()
    assert run("--out", out, "--set", "numbers.to=5").returncode == 2
    assert (tmp_path / out / "total/scores.jsonl").exists()


def test_a_folder_that_was_there_before_a_run_ended_in_vain_stays(run, tmp_path):
    (tmp_path / "mistaken").touch()
    (tmp_path / "out").mkdir()
    assert run().returncode == 2
    assert (tmp_path / "out").is_dir()


WITHOUT_EVAL = """
import importlib.metadata as metadata, sys
every = metadata.entry_points
def without_eval(**wanted):
    found = every(**wanted)
    return [one for one in found if one.dist.name != "eurus-eval"] if wanted.get("group") == "eurus" else found
metadata.entry_points = without_eval
from eurus_core.__main__ import main
main()
"""


def test_without_eurus_eval_a_run_says_what_would_draw_its_report(run, third_party, tmp_path):
    arguments = ["run", "r.toml", "--out", "out"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EVAL, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": third_party},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "out\n")
    said = done.stderr.splitlines()[-1]
    assert said.startswith("No report: eurus-eval draws it. Run: pip install ")
    assert said.endswith("packages/eurus-eval")


def test_an_artefact_of_the_wrong_kind_is_refused(eurus, third_party, tmp_path):
    (tmp_path / "r.toml").write_text(RECIPE + '[again]\nstage = "sum"\ntrees = "@total"\n')
    done = eurus("run", "r.toml", PYTHONPATH=third_party)
    assert done.returncode == 2
    assert "r.toml, line 11: again.trees: @total makes scores; needed is trees" in done.stderr


def test_a_needed_setting_that_is_missing_names_file_and_line(eurus, third_party, tmp_path):
    (tmp_path / "r.toml").write_text('[total]\nstage = "sum"\n')
    done = eurus("run", "r.toml", PYTHONPATH=third_party)
    assert "r.toml, line 1: total.trees: is needed and missing" in done.stderr


def test_a_folder_with_other_files_in_it_is_left_alone(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/manifest.json").write_text("mine")
    done = run()
    assert done.returncode == 2
    assert done.stderr == "eurus: out: holds files and is no run folder. Choose an empty or a new --out.\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["manifest.json"]
    assert (tmp_path / "out/manifest.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("file", "is no folder"),
        ("file/in", "Not a directory"),
        ("a" * 300, "File name too long"),
        ("/proc/in", "No such file"),
    ],
)
def test_a_run_folder_that_cannot_be_is_one_line(run, tmp_path, out, says):
    (tmp_path / "file").write_text("mine")
    done = run("--out", out)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert says in done.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_folder_that_is_removed_meanwhile_is_one_line(run, third_party, tmp_path):
    (tmp_path / "hold").write_text("0")
    process = subprocess.Popen(
        [sys.executable, "-m", "eurus_core", "run", "r.toml", "--out", "out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": third_party},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "asked.txt").exists():
        assert process.poll() is None
        time.sleep(0.02)
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    (tmp_path / "hold").unlink()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said.splitlines()[-1] == "eurus: out: the run folder was removed or moved while the run was in it."


def test_control_characters_of_a_recipe_do_not_reach_the_terminal(eurus, third_party, tmp_path):
    (tmp_path / "r.toml").write_text(RECIPE + '"\\u001b[2J" = 1\n')
    done = eurus("run", "r.toml", PYTHONPATH=third_party)
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "total.\\x1b[2J: no such setting" in done.stderr


def test_a_full_disk_is_one_line_whatever_the_library_that_met_it_raises(run, tmp_path):
    done = run("--set", "total.fail=true", "--set", "total.words=I/O error: No space left on device (os error 28)")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("eurus: out: no space left on device. Make room and run the same")
    assert statuses(tmp_path) == {"numbers": "done", "total": "failed"}


def test_the_place_without_room_is_named(tmp_path, monkeypatch):
    full = "No space left on device"
    assert at_fault(tmp_path, RuntimeError(f"I/O error: {full}")).startswith(f"{tmp_path}: no space left")
    assert at_fault(tmp_path, OSError(errno.ENOSPC, full, "/mnt/model")).startswith("/mnt/model: no space left")
    monkeypatch.setattr(tempfile, "tempdir", "/proc")  # a place without any room
    assert at_fault(tmp_path, OSError(errno.ENOSPC, full)).startswith("/proc: no space left")
    assert at_fault(tmp_path, ValueError("a bug")) == ""
    assert at_fault(Path("/proc"), ValueError("what a library makes of it")).startswith("/proc: no space left")


def test_what_failed_is_told_where_no_folder_of_temporary_files_has_room(tmp_path):
    code = """
import resource, sys
from pathlib import Path
from eurus_core.runs.folder import at_fault
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # so that Python finds no folder that it can write to
print(at_fault(Path(sys.argv[1]), ValueError("a bug")) or "none", flush=True)
"""
    said = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert (said.stdout, said.stderr) == ("none\n", "")


INTERRUPTED_AT = """
import os, signal, sys
MODULE = sys.argv.pop(1)
class Finder:
    sent = False
    def find_spec(self, name, *rest):
        if name == MODULE and not Finder.sent:
            Finder.sent = True
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from eurus_core.__main__ import main
main()
"""


@pytest.mark.parametrize(
    "module", ["eurus_core.cli.launcher", "click", "pluggy", "eurus_core.parts", "eurus_train.plugin"]
)
def test_ctrl_c_while_the_launcher_is_imported_is_one_line(module, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT, module, "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.split()) == (130, ["eurus:", "interrupted."])


def test_nothing_that_takes_time_is_imported_before_ctrl_c_is_caught():
    code = "import re, sys; before = {*sys.modules}; import eurus_core.__main__; print(*{*sys.modules} - before)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    small = {"eurus_core.lazy", "eurus_core.__main__", "importlib._bootstrap", "importlib._bootstrap_external"}
    assert {*found} <= {*small, "eurus_core", "importlib", "signal", "warnings", "__future__"}


def test_a_command_in_a_folder_that_was_removed_is_one_line(tmp_path):
    command = f"mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} -P -m eurus_core recipe list"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "eurus: the current folder was removed. Change to one that exists.\n",
    )
