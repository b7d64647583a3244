"""``eurus sandbox``: the doctor, and a program's cells run confined."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eurus_sandbox import Sandbox
from eurus_sandbox.confinement.doctor import Layer, elsewhere, refusal
from eurus_sandbox.confinement.layers import LAYERS

Eurus = Callable[..., subprocess.CompletedProcess[str]]
CODE = "import numpy\nx = numpy.int64(2)\n# %% the answer\nint(x) * 21\n"


def test_the_doctor_names_every_layer_and_the_tier_that_sessions_report(eurus: Eurus) -> None:
    told = eurus("sandbox", "doctor")
    assert told.returncode == 0
    *lines, tier = told.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines if not line.startswith(" ")] == list(LAYERS)
    with Sandbox(preload=()) as sandbox:
        assert tier == f"tier {sandbox.tier}"


def test_the_doctors_json_has_a_reason_and_a_remedy_for_each_layer_that_is_missing(eurus: Eurus) -> None:
    found = json.loads(eurus("sandbox", "doctor", "--json").stdout)
    assert [layer["name"] for layer in found["layers"]] == list(LAYERS)
    assert all(layer["active"] or (layer["about"] and layer["remedy"]) for layer in found["layers"])


def test_a_file_runs_cell_by_cell(eurus: Eurus, tmp_path: Path) -> None:
    (tmp_path / "cells.py").write_text(CODE)
    done = eurus("sandbox", "run", "cells.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[Executed Successfully with No Output]\nOut: 42\n", "")


def test_the_first_cell_that_fails_ends_the_run_with_its_status(eurus: Eurus) -> None:
    done = eurus("sandbox", "run", stdin="print(1)\n# %%\n1 / 0\n# %%\nprint(2)")
    assert done.returncode == 1
    assert done.stdout.startswith("1\n")
    assert done.stdout.endswith("ZeroDivisionError: division by zero\n")
    assert done.stderr.startswith("error at tier T")


def test_a_cell_that_runs_late_is_told_by_the_status_of_timeout(eurus: Eurus) -> None:
    done = eurus("sandbox", "run", "--timeout", "0.3", "--json", stdin="while True: pass")
    assert done.returncode == 124
    assert json.loads(done.stdout)["status"] == "timeout"


def test_a_refusal_says_what_is_missing_what_to_do_and_how_to_run_with_less() -> None:
    layers = [
        Layer("namespaces", False, "the kernel answers: Operation not permitted"),
        Layer("tmpfs quota", False, "of no use without namespaces"),
        Layer("Landlock", True, "ABI 7"),
        Layer("seccomp", True, ""),
    ]
    told = refusal("T2", "T3", layers)
    assert told.startswith(
        "The sandbox reaches tier T2; minimum_tier is T3. namespaces is missing: the kernel answers: "
    )
    assert "sysctl" in told
    assert told.endswith('set minimum_tier = "T2" (--sandbox-min T2).')


def test_elsewhere_than_on_linux_a_container_is_named() -> None:
    assert "found darwin" in elsewhere("darwin")
    assert "docker run" in elsewhere("darwin")


@pytest.mark.skipif(sys.platform != "linux", reason="attempts need Linux")
def test_the_light_plugin_does_not_import_the_sandbox(eurus: Eurus) -> None:
    assert "sandbox" in eurus("--help").stdout


RECIPE = '[grow]\nstage = "grow"\nsource = "arithmetic"\nproblems = 1\nturns = 1\nactors = [{ backend = "reference", samples = 1 }]\n'


def test_the_flag_of_a_run_reaches_every_sandbox_of_its_recipe_and_its_fingerprint(
    eurus: Eurus, tmp_path: Path
) -> None:
    (tmp_path / "trees.toml").write_text(RECIPE + 'tool = { name = "python", minimum_tier = "T3", preload = [] }\n')
    for command in (["run", "trees.toml"], ["data", "grow", "trees.toml"]):
        assert "--sandbox-min [T0|T1|T2|T3]" in eurus(*command[:-1], "--help").stdout
        done = eurus(*command, "--out", "out", "--sandbox-min", "T1")
        assert done.returncode == 0, done.stderr
        assert " done" in eurus(*command, "--out", "out", "--sandbox-min", "T1", "--dry-run").stdout
    assert " done" not in eurus("run", "trees.toml", "--out", "out", "--dry-run").stdout
    refused = eurus("run", "trees.toml", "--sandbox-min", "T4")
    assert refused.returncode == 2
    assert "'T4' is not one of 'T0', 'T1', 'T2', 'T3'" in refused.stderr


def test_a_line_of_json_holds_the_status_whatever_it_is(eurus: Eurus) -> None:
    assert json.loads(eurus("sandbox", "run", "--json", stdin="x = 1").stdout)["status"] == "ok"


def test_a_program_that_is_no_text_is_refused_with_its_line(tmp_path: Path, eurus: Eurus) -> None:
    (tmp_path / "cells.py").write_bytes(b"x = 1\ny = '\xff'\n")
    done = eurus("sandbox", "run", "cells.py")
    assert (done.returncode, done.stderr) == (2, "eurus: cells.py, line 2: no UTF-8. Needed is a Python program.\n")


def test_not_a_number_is_no_time(eurus: Eurus) -> None:
    for command in (("sandbox", "run"), ("grade",)):
        done = eurus(*command, "--timeout", "nan", stdin="")
        assert done.returncode == 2
        assert "Invalid value for '--timeout': 'nan' is no time." in done.stderr


def descendants(process: int) -> list[int]:
    """Return the processes below a process, which may end meanwhile."""
    try:
        listed = [task.joinpath("children").read_text() for task in Path(f"/proc/{process}/task").iterdir()]
    except FileNotFoundError:
        return []
    children = [int(child) for child in " ".join(listed).split()]
    return children + [below for child in children for below in descendants(child)]


@pytest.mark.parametrize("processes", [1, 2], ids=["zygote starts", "a process is forked"])
def test_an_interrupt_ends_it_in_one_line_whenever_it_comes(processes: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "eurus_core", "sandbox", "run", "--timeout", "30"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as command:
        assert command.stdin is not None
        command.stdin.write("while True: pass")
        command.stdin.close()
        while command.poll() is None and len(descendants(command.pid)) < processes:
            time.sleep(0.001)
        os.killpg(command.pid, signal.SIGINT)
        assert command.stderr is not None
        told = command.stderr.read()
    assert (command.returncode, told.split()) == (130, ["eurus:", "interrupted."])
