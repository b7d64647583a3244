"""A third party's kinds of objectives: trained by name alone, resumed to the same bits after a kill, measured in their own words."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from brings_kinds.labelled import UnpairedKTO
from brings_kinds.rankings import PlackettLuce
from pydantic import ValidationError

import eurus_train
from eurus_core.testing import ObjectiveContract, assert_light
from eurus_train import DPO, Objective, Train

HERE = Path(__file__).parent
PAIRS = Path(eurus_train.__file__).parent / "recipes/tiny/pairs.jsonl"
LABELLED = Path(__file__).parents[2] / "examples/data/labelled.jsonl"
CLOCKS = {"seconds", "tflops"}


class TestPlackettLuce(ObjectiveContract):
    def part(self):
        return PlackettLuce()


class TestUnpairedKTO(ObjectiveContract):
    def part(self):
        return UnpairedKTO()


def test_three_equal_rewards_in_a_clear_order_cost_log_six():
    # the first of three, then the first of two, then the only one left: ln 3 + ln 2 + ln 1
    losses = PlackettLuce().loss(torch.zeros(3), torch.tensor([2.0, 1.0, 0.0]), torch.zeros(3, dtype=torch.int64))
    assert losses.tolist() == pytest.approx([math.log(6)])


def test_the_plugin_is_light():
    assert_light(f"import sys\nsys.path.append({str(HERE)!r})\nimport brings_kinds.plugin")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Install the distribution; return the environment of processes that find it."""
    site = tmp_path_factory.mktemp("site")
    info = site / "eurus_kinds-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: eurus-kinds\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eurus]\nkinds = brings_kinds.plugin\n")
    paths = [str(site), str(HERE), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}


def start(site, out, objective, rows, **settings):
    """Begin a training by the objective's name alone."""
    values = {"max_steps": 8, "save_steps": 1, "trees_per_step": 4, "learning_rate": 1e-3, "precision": "float32"}
    sets = [f"--set={name}={value}" for name, value in {**values, **settings}.items()]
    command = [sys.executable, "-m", "eurus_core", "train", "run", objective, "--model", "tiny", "--rows", str(rows)]
    return subprocess.Popen([*command, *sets, "--out", str(out)], env=site, stderr=subprocess.PIPE, text=True)


def finish(process):
    said = process.communicate(timeout=600)[1]
    assert process.returncode == 0, said
    return said


def measured(out):
    """Return what was measured at each step, but for clocks."""
    rows = map(json.loads, (out / "train/metrics.jsonl").read_text().splitlines())
    return [{name: value for name, value in row.items() if name not in CLOCKS} for row in rows]


def weights(out):
    return (out / "train/model/model.safetensors").read_bytes()


def test_a_kind_of_a_third_party_is_learnt_by_name_and_says_what_it_counts(site, tmp_path):
    said = finish(start(site, tmp_path / "out", "plackett-luce", PAIRS, heldout=2, eval_steps=4, epochs=1))
    rows = measured(tmp_path / "out")
    assert len(rows) == 8
    assert {"loss", "in_order", "best_first", "loss_source_UltraInteract"} <= rows[0].keys()
    assert {"heldout_loss", "heldout_in_order"} <= rows[-1].keys()
    assert 0 <= rows[-1]["best_first"] <= 1
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert "in_order" in said
    report = json.loads((tmp_path / "out/train/report.json").read_text())
    assert report["figures"]["rankings"] > 0
    assert "held-out in_order" in report["figures"]
    assert {"train: loss", "train: in_order", "train: best_first"} <= {plot["name"] for plot in report["plots"]}


@pytest.mark.slow
def test_a_killed_training_of_a_third_party_s_kind_ends_with_the_bits_of_one_that_was_not(site, tmp_path):
    finish(start(site, tmp_path / "calm", "plackett-luce", PAIRS))
    process = start(site, tmp_path / "killed", "plackett-luce", PAIRS)
    while not list(tmp_path.glob("killed/**/checkpoint-3")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "killed/train/model").exists()
    finish(start(site, tmp_path / "killed", "plackett-luce", PAIRS))
    assert measured(tmp_path / "killed") == measured(tmp_path / "calm")
    assert weights(tmp_path / "killed") == weights(tmp_path / "calm")


def test_labelled_rows_without_pairs_are_learnt_from_with_a_baseline_of_their_own(site, tmp_path):
    rows = [json.loads(line) for line in LABELLED.read_text().splitlines()]
    alone = {row["prompt"]: row for row in rows}.values()  # one reply a prompt: no pair anywhere
    file = tmp_path / "alone.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in alone))
    finish(start(site, tmp_path / "out", "kto-unpaired", file, max_steps=2))
    first, second = measured(tmp_path / "out")
    assert first["loss"] == pytest.approx(0.5, abs=1e-6)
    assert first["z0"] == 0
    assert {"rewards_true", "rewards_false"} & second.keys()


def stage(objective):
    return Train.model_validate({"model": "tiny", "trees": str(PAIRS), "learning_rate": 1e-3, "objective": objective})


def test_two_kinds_in_one_stage_are_refused_by_their_names():
    with pytest.raises(ValidationError, match="PlackettLuce from rankings, DPO from pairs"):
        stage({"a": PlackettLuce(), "default": DPO()})


def test_an_objective_that_names_no_kind_is_told_what_it_lacks():
    class Kindless(Objective):
        def loss(self, values):
            return values

    with pytest.raises(ValidationError, match="Kindless names no kind, such as kind = Pairs"):
        stage(Kindless())
