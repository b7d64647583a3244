"""How a package that is missing is installed here: one of ours from where eurus-core came from, any other from the index."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

OURS = frozenset(
    {
        "eurus-core",
        "eurus-data",
        "eurus-eval",
        "eurus-graders",
        "eurus-rm",
        "eurus-sandbox",
        "eurus-serve",
        "eurus-train",
    }
)
"""The distributions of this repository, each in a folder of its own name in ``packages/``."""

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?.*")


def how_to_install(requirement: str, *, into_nothing: bool = False) -> str:
    """Return the sentence that says what to run for a requirement, such as ``eurus-serve[local]``.

    Ours come from where eurus-core came from, as its installer recorded it (PEP 610): a clone, a repository, a wheel in a
    folder. Without a record it came from an index, which has its siblings, too. ``into_nothing`` names those as well that are
    installed here, for an environment that holds nothing yet.
    """
    name, extras = _parted(requirement)
    if name not in OURS:
        return _run(requirement)
    record = _record()
    url = str(record.get("url", ""))
    if "vcs_info" in record:
        vcs, commit = record["vcs_info"].get("vcs", "git"), record["vcs_info"].get("commit_id", "")
        return _run(f"{name}{extras} @ {vcs}+{url}{'@' if commit else ''}{commit}#subdirectory=packages/{name}")
    if not url.startswith("file:"):
        return _run(requirement)
    packages = Path(unquote(urlsplit(url).path)).parent
    if "dir_info" not in record:
        return f"Run: pip install --find-links {shlex.quote(_shown(packages))} {shlex.quote(name + extras)}"
    if not (packages / name).is_dir():
        return f"Install {name} from a clone of Eurus: eurus-core came from {packages}, where {name} is no longer."
    first = [one for one in _siblings(packages, name) if into_nothing or not _is_installed(one)]
    return _run(*(_shown(packages / one) for one in first), _shown(packages / name) + extras)


def _run(*requirements: str) -> str:
    return f"Run: pip install {shlex.join(requirements)}"


def _parted(requirement: str) -> tuple[str, str]:
    """Return a requirement's name and its extras, without versions and markers."""
    found = _REQUIREMENT.match(requirement.strip())
    return (found[1].lower(), found[2] or "") if found else (requirement, "")


def _record() -> dict[str, Any]:
    """Return where eurus-core came from; empty where nobody has recorded it."""
    try:
        found = json.loads(importlib.metadata.distribution("eurus-core").read_text("direct_url.json") or "{}")
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _siblings(packages: Path, name: str) -> list[str]:
    """Return which others of ours a package of the clone needs, directly or not; pip would look for them on the index."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        try:
            text = (packages / waiting.pop() / "pyproject.toml").read_text(encoding="utf-8")
            needed = [_parted(one)[0] for one in tomllib.loads(text)["project"]["dependencies"]]
        except (OSError, ValueError, LookupError):
            continue
        new = [one for one in needed if one in OURS and one not in found and one != name]
        found |= dict.fromkeys(new)
        waiting += new
    return sorted(found)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _shown(path: Path) -> str:
    """Return a path as pip takes it from here: below the current folder as ``./packages/eurus-eval``, else in full."""
    try:
        return f"./{path.relative_to(Path.cwd())}"
    except (OSError, ValueError):
        return str(path)
