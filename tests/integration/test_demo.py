"""The whole demo on the random `tiny` model: every stage, one report, and the same command again does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eurus_core.records.tree_set import TreeSet

STAGES = [
    "base",
    "grow",
    "assist",
    "sft",
    "sft-accuracy",
    "regrow",
    "nca",
    "nca-accuracy",
    "reward",
    "samples",
    "best-of-4",
    "compare",
]


def demo(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eurus_core", "run", "demo", "--profile", "tiny", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder / "runs/demo", demo(folder)


def test_every_stage_ends_and_the_last_line_is_the_report(finished):
    run, done = finished
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "runs/demo/report.html"
    manifest = json.loads((run / "manifest.json").read_text())
    assert [(entry["name"], entry["status"]) for entry in manifest["stages"]] == [(name, "done") for name in STAGES]


def test_the_trees_hold_pairs_from_a_confined_interpreter(finished):
    run, _ = finished
    trees = list(TreeSet.open(run / "regrow/trees"))
    assert TreeSet.open(run / "regrow/trees").manifest["pairs"] > 0
    tiers = {node.observation.tier for tree in trees for node in tree if node.observation is not None}
    assert tiers <= {"T2", "T3"}
    assert any(node.action.assisted and node.verdict.correct for tree in trees for node in tree)


def test_the_report_is_one_page_that_shows_what_was_learnt(finished):
    run, _ = finished
    page = (run / "report.html").read_text(encoding="utf-8")
    for words in ("figure 5", "rewards", "best", "reward model", "oracle"):
        assert words in page.lower()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page.replace("https://arxiv.org", "")


def test_the_same_command_again_repeats_nothing(finished):
    run, _ = finished
    before = {path: path.stat().st_mtime_ns for path in run.glob("*/stage.json")}
    again = demo(run.parent.parent)
    assert again.returncode == 0
    assert again.stderr.count("up to date") == len(STAGES)
    assert {path: path.stat().st_mtime_ns for path in run.glob("*/stage.json")} == before
