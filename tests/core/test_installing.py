"""What a missing package's message says to run is true wherever eurus-core came from."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

from eurus_core.errors import MissingExtra
from eurus_core.installing import how_to_install
from eurus_core.parts.known import KNOWN_PACKAGES

CLONE = Path(__file__).resolve().parents[2]


@pytest.fixture
def came_from(tmp_path, monkeypatch):
    """Make eurus-core, and nothing else of ours, a distribution that an installer has recorded so."""

    def record(direct_url: dict[str, object] | None) -> None:
        info = tmp_path / "site" / "eurus_core-0.1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: eurus-core\nVersion: 0.1.0\n")
        if direct_url is not None:
            (info / "direct_url.json").write_text(json.dumps(direct_url))

        def distribution(name: str) -> importlib.metadata.Distribution:
            if name != "eurus-core":
                raise importlib.metadata.PackageNotFoundError(name)
            return importlib.metadata.PathDistribution(info)

        monkeypatch.setattr(importlib.metadata, "distribution", distribution)

    return record


def clone(editable: bool) -> dict[str, object]:
    return {"url": (CLONE / "packages" / "eurus-core").as_uri(), "dir_info": {"editable": True} if editable else {}}


@pytest.mark.parametrize("editable", [True, False])
def test_from_a_clone_a_package_of_ours_is_its_folder(came_from, monkeypatch, editable):
    came_from(clone(editable))
    monkeypatch.chdir(CLONE)
    assert how_to_install("eurus-serve[local]") == "Run: pip install './packages/eurus-serve[local]'"
    assert how_to_install("eurus-sandbox>=0.2,<0.3") == "Run: pip install ./packages/eurus-sandbox"


def test_elsewhere_than_in_the_clone_the_folder_is_named_in_full(came_from, monkeypatch, tmp_path):
    came_from(clone(editable=True))
    monkeypatch.chdir(tmp_path)
    assert how_to_install("eurus-train") == f"Run: pip install {CLONE}/packages/eurus-train"


def test_siblings_that_a_package_needs_and_that_are_missing_are_named_too(came_from, monkeypatch):
    came_from(clone(editable=True))
    monkeypatch.chdir(CLONE)
    assert how_to_install("eurus-rm") == "Run: pip install ./packages/eurus-train ./packages/eurus-rm"
    said = how_to_install("eurus-graders", into_nothing=True)
    assert said == "Run: pip install ./packages/eurus-core ./packages/eurus-sandbox ./packages/eurus-graders"


def test_from_a_repository_a_package_is_the_same_commits(came_from):
    vcs = {"vcs": "git", "commit_id": "c641b22"}
    came_from({"url": "https://example.org/eurus.git", "vcs_info": vcs, "subdirectory": "packages/eurus-core"})
    at = "https://example.org/eurus.git@c641b22#subdirectory=packages/eurus-serve"
    assert how_to_install("eurus-serve[local]") == f"Run: pip install 'eurus-serve[local] @ git+{at}'"


def test_from_a_wheel_the_siblings_are_looked_for_beside_it(came_from, monkeypatch, tmp_path):
    wheel = tmp_path / "dist" / "eurus_core-0.1.0-py3-none-any.whl"
    came_from({"url": wheel.as_uri(), "archive_info": {}})
    monkeypatch.chdir(tmp_path)
    assert how_to_install("eurus-eval") == "Run: pip install --find-links ./dist eurus-eval"


def test_from_an_index_a_package_is_asked_of_the_index(came_from):
    came_from(None)
    assert how_to_install("eurus-serve[local]") == "Run: pip install 'eurus-serve[local]'"


def test_a_clone_that_is_gone_is_named_and_no_command_that_cannot_work(came_from, tmp_path):
    came_from({"url": (tmp_path / "clone" / "packages" / "eurus-core").as_uri(), "dir_info": {}})
    said = how_to_install("eurus-eval")
    assert "pip install" not in said
    assert f"from a clone of Eurus: eurus-core came from {tmp_path}/clone/packages" in said


@pytest.mark.parametrize(
    ("requirement", "command"),
    [("math-verify[antlr4_13_2]", "'math-verify[antlr4_13_2]'"), ("pyarrow>=15", "'pyarrow>=15'"), ("peft", "peft")],
)
def test_what_is_not_ours_comes_from_the_index(came_from, requirement, command):
    came_from(clone(editable=True))
    assert how_to_install(requirement) == f"Run: pip install {command}"


def test_a_plugin_that_is_named_like_ours_is_not_ours(came_from):
    came_from(clone(editable=True))
    assert how_to_install("eurus-simpo") == "Run: pip install eurus-simpo"


def test_no_message_sends_anyone_to_an_index_that_has_nothing_of_ours(came_from):
    came_from(clone(editable=True))
    for package in {*KNOWN_PACKAGES.values(), "eurus-core[models]", "eurus-core[parquet]", "eurus-train[deepspeed]"}:
        said = str(MissingExtra("It", package))
        assert f"packages/{package}" in said
        assert f"install {package}" not in said.replace("'", "")


def test_every_message_of_the_code_asks_the_one_place_that_knows():
    found = [
        f"{file}: {line.strip()}"
        for file in CLONE.glob("packages/*/src/**/*.py")
        for line in file.read_text().splitlines()
        if "pip install" in line and "eurus" in line
    ]
    assert not found
