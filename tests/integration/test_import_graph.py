"""No circle among the modules of a package: each can be read and tested before those that stand on it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import grimp
import pytest

PACKAGES = (
    "eurus_core",
    "eurus_sandbox",
    "eurus_graders",
    "eurus_data",
    "eurus_serve",
    "eurus_train",
    "eurus_rm",
    "eurus_eval",
)
REPOSITORY = Path(__file__).resolve().parents[2]


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Return modules each of which imports the next, the last one the first; none where there is no circle."""
    left = dict(imports)
    while free := [module for module, used in left.items() if not used & left.keys()]:
        for module in free:
            del left[module]
    path = sorted(left)[:1]
    while path:  # each that is left imports one that is left
        following = min(left[path[-1]] & left.keys())
        if following in path:
            return path[path.index(following) :]
        path.append(following)
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_of_a_package_import_each_other_in_a_circle(package: str) -> None:
    graph = grimp.build_graph(package, exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    assert len(imports) > 5
    found = circle(imports)
    assert not found, f"{' -> '.join((*found, found[0]))}: imports for type checking count, too"


def test_every_package_is_looked_at() -> None:
    ours = {folder.name.replace("-", "_") for folder in (REPOSITORY / "packages").iterdir()}
    assert ours == {*PACKAGES}


def test_no_contract_ignores_an_import() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert len(contracts) > 5
    assert not [contract["name"] for contract in contracts if contract.get("ignore_imports")]


def test_a_circle_is_found_and_named() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle({"top": {"a"}, "a": {"b"}, "b": {"c", "bottom"}, "c": {"a"}, "bottom": set()}) == ["a", "b", "c"]
