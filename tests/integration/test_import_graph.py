"""No circle among the modules of a package: each can be read and tested before those that stand on it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import grimp
import pytest

PACKAGES = ("eurus_core", "eurus_serve", "eurus_train", "eurus_rm", "eurus_eval")
LEFT_OUT = {"eurus_data": "the grammar of its math grader is one circle of modules that is being written anew"}
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


def test_every_package_is_looked_at_or_left_out_with_a_reason() -> None:
    ours = {folder.name.replace("-", "_") for folder in (REPOSITORY / "packages").iterdir()}
    assert ours == {*PACKAGES, *LEFT_OUT}


def test_no_contract_on_a_package_without_circles_ignores_an_import() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        about = {*contract.get("containers", ()), *contract.get("source_modules", ()), *contract.get("layers", ())}
        if about & {*PACKAGES}:
            assert not contract.get("ignore_imports"), contract["name"]


def test_a_circle_is_found_and_named() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle({"top": {"a"}, "a": {"b"}, "b": {"c", "bottom"}, "c": {"a"}, "bottom": set()}) == ["a", "b", "c"]
