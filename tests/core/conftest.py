"""A third-party distribution, as a plugin author's would be, found through its own metadata."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

STAGES = '''
import time
from pathlib import Path
from typing import Annotated

from eurus_core.parts.choice import Needs, Trees
from eurus_core.parts.contracts import Part, Stage
from eurus_core.errors import UserError


class Count(Stage):
    """Counts to ``to``, a file a number, so that a killed run can be seen to go on; waits at the number in a file ``hold``."""

    produces = "trees"
    to: int = 3
    file: Path | None = None

    def run(self, context):
        if Path("mistaken").exists():
            raise UserError("asked for a mistake")
        place, hold = context.path("trees"), Path("hold")
        place.mkdir(exist_ok=True)
        with context.progress("count", self.to, "numbers") as progress:
            for n in range(self.to):
                if not (place / str(n)).exists():
                    (place / str(n)).write_text(str(context.seed))
                    with open("asked.txt", "a") as asked:
                        asked.write(f"{n}\\n")
                    while hold.exists() and hold.read_text() == str(n):
                        time.sleep(0.01)
                progress.advance()
        context.figure("numbers", self.to)


class Sum(Stage):
    produces = "scores"
    trees: Trees
    fail: bool = False
    words: str = "asked to fail"

    def run(self, context):
        if self.fail:
            raise RuntimeError(self.words)
        context.path("scores").write_text(str(sum(int(p.name) for p in Path(self.trees).iterdir())))
'''

PLUGIN = """
from eurus_core import Component, hookimpl

@hookimpl
def eurus_stages():
    yield Component("count", "toy_stages:Count", "Counts.")
    yield Component("sum", "toy_stages:Sum", "Sums.")

@hookimpl
def eurus_run_progress(run, event):
    raise ValueError("a hook that always fails")
"""


@pytest.fixture
def third_party(tmp_path: Path) -> str:
    """Install the distribution ``toy`` in a folder; return that folder, for PYTHONPATH."""
    site = tmp_path / "site"
    info = site / "toy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eurus]\ntoy = toy_plugin\n")
    (site / "toy_plugin.py").write_text(textwrap.dedent(PLUGIN))
    (site / "toy_stages.py").write_text(STAGES)
    return str(site)
