"""``kill -9`` and Ctrl-C in every stage of the demo, then the same command: the result is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eurus_core.records.tree_set import TreeSet

pytestmark = pytest.mark.slow


def start(folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "eurus_core", "run", "demo", "--profile", "tiny"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def running(run: Path) -> str | None:
    """Return the stage that is being worked on."""
    try:
        entries = json.loads((run / "manifest.json").read_text())["stages"]
    except FileNotFoundError:
        return None
    return next((entry["name"] for entry in entries if entry["status"] == "running"), None)


def interrupt_each_stage(folder: Path, sent: signal.Signals) -> list[str]:
    """Start the run again and again, stopping each stage once at a random moment; return the stages that were stopped."""
    rng, stopped = random.Random(int(sent)), []
    while True:
        process = start(folder)
        while process.poll() is None:
            stage = running(folder / "runs/demo")
            if stage is not None and stage not in stopped:
                time.sleep(rng.uniform(0, 0.8))
                stopped.append(stage)
                process.send_signal(sent)
                process.wait(timeout=300)
                break
            time.sleep(0.005)
        if process.wait() == 0:
            return stopped


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_in_every_stage_ends_as_one_that_is_not(tmp_path, sent):
    assert start(tmp_path / "calm").wait(timeout=900) == 0
    stopped = interrupt_each_stage(tmp_path / "stormy", sent)
    assert {"base", "sft", "regrow", "nca", "reward"} <= set(stopped)
    calm, stormy = tmp_path / "calm/runs/demo", tmp_path / "stormy/runs/demo"
    for stage in ("grow", "assist", "regrow"):
        assert list(TreeSet.open(calm / stage / "trees")) == list(TreeSet.open(stormy / stage / "trees"))
    for stage in ("sft", "nca", "reward"):
        assert (calm / stage / "model/model.safetensors").read_bytes() == (
            stormy / stage / "model/model.safetensors"
        ).read_bytes()
    for stage in ("base", "sft-accuracy", "nca-accuracy"):
        assert (calm / stage / "samples.jsonl").read_bytes() == (stormy / stage / "samples.jsonl").read_bytes()
