"""A plugin whose parts have the names of ours breaks no recipe, no command and no default of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eurus_core.cli.parts import SETTABLE
from eurus_core.parts import installed

RECIPES = sorted(installed().offers("recipes"))


@pytest.fixture
def namesake(tmp_path: Path) -> str:
    """Install a distribution that offers a part of the name of each of ours; return its folder, for PYTHONPATH."""
    site = tmp_path / "site"
    info = site / "namesake-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: namesake\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eurus]\nnamesake = namesake_plugin\n")
    lines = ["from eurus_core import Component, hookimpl"]
    for kind in SETTABLE:
        lines += ["", "@hookimpl", f"def eurus_{kind}():"]
        lines += [f"    yield Component({name!r}, 'nowhere:at_all')" for name in sorted(installed().offers(kind))]
    (site / "namesake_plugin.py").write_text("\n".join(lines) + "\n")
    return str(site)


def test_the_namesake_is_there(eurus, namesake):
    shown = eurus("parts", "objectives", PYTHONPATH=namesake).stdout
    assert "namesake/dpo" in shown
    assert "eurus-train/dpo" in shown
    asked = eurus("parts", "objectives", "dpo", PYTHONPATH=namesake)
    assert "Several plugins offer objective 'dpo'. Write eurus-train/dpo or namesake/dpo." in asked.stderr


def test_every_shipped_recipe_is_planned(namesake):
    program = (
        "from eurus_core.cli.launcher import cli\n"
        f"for name in {RECIPES}:\n"
        "    cli.main(['recipe', 'check', name, '--profile', 'tiny'], standalone_mode=False)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([namesake, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("all settings known") == len(RECIPES) > 5


def test_the_demo_is_planned(eurus, namesake):
    done = eurus("run", "demo", "--dry-run", PYTHONPATH=namesake)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" to do") == 12


@pytest.mark.parametrize(
    "command",
    [
        ("data", "grow", "demo", "--stage", "grow"),
        ("train", "run", "eurus-train/nca", "--model", "tiny", "--rows", "eurus_train:recipes/tiny/pairs.jsonl"),
        ("rm", "train", "--set", "model=tiny", "--set", "trees=rows.jsonl", "--set", "objective=eurus-rm/bt"),
        ("data", "grow", "--set", "source=eurus-data/arithmetic", "--set", 'actors=[{backend="eurus-data/reference"}]'),
    ],
)
def test_a_command_of_ours_runs_our_own_stage_with_our_own_defaults(eurus, namesake, tmp_path, command):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "1 + 1?", "chosen": "2", "rejected": "3"}\n')
    command = [*(part.replace("eurus_train:recipes/tiny/pairs.jsonl", "rows.jsonl") for part in command), "--dry-run"]
    done = eurus(*command, PYTHONPATH=namesake)
    assert done.returncode == 0, done.stderr
    assert "Nothing was run." in done.stdout
