"""What other people's code may rely on, as it stands in ``public_surface.txt``: a change of it is seen in review and in a CHANGELOG.

The surface is every hook with its arguments and the names that each package exports. ``python tests/integration/test_public_surface.py``
prints the text of the file. READMEs and examples use these names and no others.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest
from readme_blocks import READMES, blocks

from eurus_core.parts import hookspecs
from eurus_core.testing import assert_light

ROOT = Path(__file__).resolve().parents[2]
SURFACE = Path(__file__).with_name("public_surface.txt")
HOOKS = "eurus_core.parts.hookspecs"
PACKAGES = sorted(folder.name.replace("-", "_") for folder in (ROOT / "packages").iterdir())
PUBLIC = (*PACKAGES, "eurus_core.testing")
LAZY = sorted(file for file in ROOT.glob("packages/*/src/**/__init__.py") if "= exports(" in file.read_text())
HEAVY = (
    *("torch", "transformers", "accelerate", "peft", "datasets", "safetensors", "gguf"),
    *("numpy", "scipy", "sympy", "mpmath", "pandas", "pyarrow", "matplotlib"),
    *("IPython", "pyseccomp", "pydantic", "jinja2", "rich", "sqlite3", "asyncio"),
)
"""What takes long to import, of ours and of the standard library's."""


def surface() -> dict[str, list[str]]:
    """Return what is public now, by section: the hooks, then each package."""
    return {HOOKS: sorted(_hooks()), **{name: sorted(importlib.import_module(name).__all__) for name in PUBLIC}}


def _hooks() -> Iterator[str]:
    for name, function in inspect.getmembers(hookspecs, lambda member: hasattr(member, "eurus_spec")):
        arguments = ", ".join(inspect.signature(function).parameters)
        yield f"{name}({arguments})" + (" -> the first answer" if function.eurus_spec["firstresult"] else "")


def written(sections: Mapping[str, list[str]]) -> str:
    """Return the text of ``public_surface.txt``: a section's name, and its lines indented."""
    return "\n\n".join("\n".join((name, *(f"  {line}" for line in lines))) for name, lines in sections.items()) + "\n"


def read(text: str) -> dict[str, list[str]]:
    """Return the sections of a text that :func:`written` made."""
    parts = (part.splitlines() for part in text.strip().split("\n\n"))
    return {name: [line.strip() for line in lines] for name, *lines in parts}


def changes(before: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> list[str]:
    """Return a sentence for each section that changed: what was added or removed, and what to do about it."""
    found = []
    for section in dict.fromkeys((*before, *now)):
        old, new = before.get(section, []), now.get(section, [])
        differing = {"added": sorted({*new} - {*old}), "removed": sorted({*old} - {*new})}
        if said := "; ".join(f"{what} {', '.join(names)}" for what, names in differing.items() if names):
            package = section.partition(".")[0].replace("_", "-")
            found.append(
                f"{section}: {said}. If this is meant, change {SURFACE.relative_to(ROOT)} and write a line in "
                f"packages/{package}/CHANGELOG.md."
            )
    return found


def test_what_is_public_is_what_the_file_says():
    told = "\n".join(changes(read(SURFACE.read_text()), surface()))
    assert not told, told


def test_the_file_is_written_as_the_program_prints_it():
    assert SURFACE.read_text() == written(read(SURFACE.read_text()))


def test_a_change_is_told_with_what_to_do():
    before = {HOOKS: ["eurus_find_model(ref)"], "eurus_rm": ["BT", "DR"]}
    assert not changes(before, before)
    hook, rm = changes(before, {HOOKS: ["eurus_find_model(ref, revision)"], "eurus_rm": ["BT", "Head", "Pool"]})
    assert hook.startswith(
        "eurus_core.parts.hookspecs: added eurus_find_model(ref, revision); removed eurus_find_model(ref). If this is "
    )
    assert rm == (
        "eurus_rm: added Head, Pool; removed DR. If this is meant, change "
        "tests/integration/public_surface.txt and write a line in packages/eurus-rm/CHANGELOG.md."
    )


def test_each_hook_says_since_when_it_is_there():
    core = tuple(int(number) for number in importlib.metadata.version("eurus-core").split(".")[:2])
    for name, hook in inspect.getmembers(hookspecs, lambda member: hasattr(member, "eurus_spec")):
        found = re.search(r"Added in (\d+)\.(\d+)\.$", inspect.getdoc(hook) or "")
        assert found, f"{name}: its docstring must end with the release that brings it, such as 'Added in 0.3.'"
        assert (int(found[1]), int(found[2])) <= core


@pytest.mark.parametrize("package", PUBLIC)
def test_each_name_that_is_exported_is_there(package):
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__) > 2
    for name in module.__all__:
        assert getattr(module, name) is not None


def _package(file: Path) -> str:
    return ".".join(file.parent.parts[file.parts.index("src") + 1 :])


@pytest.mark.parametrize("file", LAZY, ids=_package)
def test_type_checkers_see_the_names_that_are_exported_lazily(file):
    told, exported = _for_type_checkers(file), _lazily(file)
    assert told == exported, "\n".join(difflib.ndiff(sorted(map(str, told)), sorted(map(str, exported))))


def _for_type_checkers(file: Path) -> set[tuple[str, str]]:
    """Return module and name of what an ``__init__`` imports below ``if TYPE_CHECKING``, each as itself (PEP 484)."""
    tree = ast.parse(file.read_text())
    guarded = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [line for block in guarded for line in block.body if isinstance(line, ast.ImportFrom)]
    return {(line.module or "", one.name) for line in imports for one in line.names if one.asname == one.name}


def _lazily(file: Path) -> set[tuple[str, str]]:
    """Return module and name of what an ``__init__`` hands to ``exports``."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    (homes,) = (ast.literal_eval(call.args[1]) for call in calls if ast.unparse(call.func) == "exports")
    return {(f"{_package(file)}.{home}", name) for home, names in homes.items() for name in names}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_and_its_plugin_import_nothing_heavy(package):
    assert_light(f"import {package}, {package}.plugin", heavy=HEAVY)


def shown() -> Iterator[tuple[str, str]]:
    """Yield name and text of every program that shows how our packages are used: Python in READMEs, the examples, a plugin."""
    for readme in READMES:
        yield from ((block.name, block.text) for block in blocks(readme) if block.language == "python")
    for folder in (ROOT / "examples", Path(__file__).parent / "one_of_each"):
        yield from ((str(file.relative_to(ROOT)), file.read_text()) for file in sorted(folder.rglob("*.py")))


def private(program: str) -> list[str]:
    """Return what a program imports from our packages that they do not export, as it is written there."""
    found = []
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.ImportFrom) and re.split(r"\W", node.module or "")[0] in PACKAGES:
            given = _exported(node.module or "")
            found += [f"from {node.module} import {one.name}" for one in node.names if one.name not in given]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names if one.name.partition(".")[0] in PACKAGES]
            found += [f"import {name}" for name in names if name not in PUBLIC]
    return found


def _exported(module: str) -> list[str]:
    found: ModuleType | None = importlib.import_module(module) if module in PUBLIC else None
    return found.__all__ if found else []


def test_what_readmes_and_examples_import_is_public():
    programs = dict(shown())
    assert len(programs) > 10
    told = [f"{name}: {line}" for name, program in programs.items() for line in private(program)]
    assert not told, "\n".join((*told, "Import an exported name, or export this one from the package's __init__."))


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("from eurus_core import Problem, hookimpl", []),
        ("from eurus_core.testing import SourceContract", []),
        ("import eurus_core, eurus_core.testing, json", []),
        ("from eurus_simpo.loss import SimPO", []),
        ("from eurus_core import Problem, nearest", ["from eurus_core import nearest"]),
        ("def f():\n    from eurus_core.records import Problem", ["from eurus_core.records import Problem"]),
        ("import eurus_train.learning.stage", ["import eurus_train.learning.stage"]),
    ],
)
def test_a_private_import_is_found(program, found):
    assert private(program) == found


if __name__ == "__main__":
    print(written(surface()), end="")
