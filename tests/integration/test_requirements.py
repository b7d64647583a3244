"""What our packages declare is what they import, and the releases of each other that they work with."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = {file.parent.name: file for file in sorted(ROOT.glob("packages/*/pyproject.toml"))}
EXAMPLES = {file.parent.name: file for file in sorted(ROOT.glob("examples/*/pyproject.toml"))}
NOT_DECLARED = {
    ("eurus-core", "pytest"): "eurus_core.testing is a plugin of pytest, which imports it",
    ("eurus-graders", "math_verify"): "a peer to compare with, for those who have it",
}


@functools.cache
def declared(file: Path, extras: frozenset[str] | None = None) -> tuple[Requirement, ...]:
    """Return what a project requires with these extras, or with all of its own."""
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {})
    asked = (line for extra in optional if extras is None or extra in extras for line in optional[extra])
    return tuple(map(Requirement, (*project["dependencies"], *asked)))


def brought(requirements: Iterable[Requirement]) -> set[str]:
    """Return the names of all distributions that come with these, directly or not: of ours as declared, of others as installed."""
    found: dict[str, set[str]] = {}
    waiting = [*requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found and requirement.extras <= found[name]:
            continue
        found[name] = found.get(name, set()) | requirement.extras
        if name in PROJECTS:
            waiting += declared(PROJECTS[name], frozenset(requirement.extras))
            continue
        try:
            theirs = map(Requirement, importlib.metadata.requires(name) or ())
        except importlib.metadata.PackageNotFoundError:  # of an extra
            continue
        waiting += (one for one in theirs if one.marker is None or one.marker.evaluate({"extra": ""}))
    return {*found}


def imported(source: Path) -> set[str]:
    """Return the top-level names that the modules below a folder import, wherever in them."""
    names = set()
    for file in source.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module or "")
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


@pytest.mark.parametrize("package", PROJECTS)
def test_a_package_declares_what_it_imports(package):
    distributions = importlib.metadata.packages_distributions()
    given = brought(declared(PROJECTS[package])) | {package}
    lacking = [
        name
        for name in sorted(imported(PROJECTS[package].parent / "src"))
        if (package, name) not in NOT_DECLARED
        and not given & {canonicalize_name(one) for one in distributions.get(name, [name])}
    ]
    assert not lacking, f"{PROJECTS[package].relative_to(ROOT)} must require what brings {', '.join(lacking)}"


@pytest.mark.parametrize("project", [*PROJECTS, *EXAMPLES])
def test_a_package_asks_for_the_minor_release_of_ours_that_it_is_tested_with(project):
    for requirement in declared({**PROJECTS, **EXAMPLES}[project]):
        if requirement.name in PROJECTS:
            version = tomllib.loads(PROJECTS[requirement.name].read_text(encoding="utf-8"))["project"]["version"]
            major, minor = (int(number) for number in version.split(".")[:2])
            needed = SpecifierSet(f">={major}.{minor},<{major}.{minor + 1}")
            assert requirement.specifier == needed, f"{requirement.name} is {version}: {project} must require {needed}"
