"""What the READMEs say is what happens: each of their blocks is run, and prints what it shows.

``python tests/integration/readme_blocks.py`` prints a table, a line a block. How blocks are run and compared, and which are left alone,
stands in ``readme_rules.py``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from readme_blocks import READMES, blocks, run_all, table
from readme_rules import IN_PLACE_OF, LEFT_ALONE, TWINS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples/eurus-simpo"


def example_files() -> dict[str, str]:
    """Return the README's plugin files by path: a line with the path in backquotes, then the block."""
    section = README.partition("## A plugin of your own")[2].partition("\n## ")[0]
    return dict(re.findall(r"^`([\w./-]+)`\n\n```\w+\n(.*?)```", section, re.DOTALL | re.MULTILINE))


def test_the_plugin_in_the_readme_is_the_one_in_examples():
    files = example_files()
    assert set(files) == {"pyproject.toml", "src/eurus_simpo/plugin.py", "src/eurus_simpo/loss.py"}
    for path, text in files.items():
        assert text == (EXAMPLE / path).read_text(encoding="utf-8")


def test_the_plugin_in_the_readme_copied_to_an_empty_folder_installs_and_is_found(tmp_path):
    for path, text in example_files().items():
        (tmp_path / "plugin" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plugin" / path).write_text(text)
    (tmp_path / "plugin/src/eurus_simpo/__init__.py").touch()
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([*install, str(tmp_path / "plugin")], check=True, capture_output=True, timeout=600)
    shown = subprocess.run(
        [sys.executable, "-m", "eurus_core", "parts", "objectives", "simpo"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "margin  = 1.0" in shown.stdout


@pytest.mark.parametrize("file", READMES)
def test_blocks_do_what_they_show_with_the_tiny_model(file, tmp_path):
    _all_work(run_all(file, tmp_path, fast=True))


@pytest.mark.slow
@pytest.mark.parametrize("file", READMES)
def test_blocks_do_what_they_show(file, tmp_path):
    _all_work(run_all(file, tmp_path, fast=False))


def _all_work(results):
    results = list(results)
    print(table(results))
    assert not [result for result in results if result.state == "differs"], table(results)


def test_what_the_rules_name_is_still_there():
    names = {block.name for file in READMES for block in blocks(file)}
    assert {*LEFT_ALONE, *IN_PLACE_OF, *TWINS} - {""} <= names


@pytest.mark.parametrize("file", READMES)
def test_links_into_the_project_lead_somewhere(file):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / file).read_text(encoding="utf-8")):
        assert (ROOT / file).parent.joinpath(target).exists(), target
