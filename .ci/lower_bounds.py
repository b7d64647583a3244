"""Print the lower bound of every dependency that a package declares, as constraints for pip: ``name==bound``, a line each.

torch is left out: it is declared at what is tested, and requirements-dev.txt pins it.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1] / "packages"
NAME = re.compile(r"[A-Za-z0-9._-]+")
BOUND = re.compile(r">=\s*([0-9.]+)")


def requirements(file: Path) -> list[str]:
    """Return what a package requires, its extras' requirements too."""
    project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    return [*project["dependencies"], *(line for extra in extras for line in extra)]


def lower_bounds(files: list[Path]) -> dict[str, str]:
    """Return the highest of the lower bounds of each name; SystemExit where a requirement has none."""
    bounds: dict[str, str] = {}
    for file in files:
        for requirement in requirements(file):
            name = NAME.match(requirement)[0].lower()
            if name.startswith("eurus-") or name == "torch":
                continue
            bound = BOUND.search(requirement)
            if not bound:
                sys.exit(f'{file}: "{requirement}" has no lower bound. Declare the oldest release that is tested.')
            bounds[name] = max(bound[1], bounds.get(name, bound[1]), key=numbers)
    return bounds


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


if __name__ == "__main__":
    for name, bound in sorted(lower_bounds(sorted(PACKAGES.glob("*/pyproject.toml"))).items()):
        print(f"{name}=={bound}")
