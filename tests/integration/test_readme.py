"""What the README says is what happens: its plugin example installs and is found; its files are the example's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^eurus (?:parts|plugins|recipe)[^\n#>|]*", README, re.MULTILINE)))
)
def test_commands_in_the_readme_work(eurus, command):
    done = eurus(*command.split()[1:])
    assert done.returncode == 0, done.stderr


def test_links_into_the_project_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
