"""What a distribution requires and what is installed. Light where only names are compared: every start of the tool asks."""

from __future__ import annotations

import importlib.metadata
import operator
import re
from collections.abc import Callable, Container, Iterable, Iterator

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;@)]*)\)?\s*(?:@[^;]*)?(?:;(.*))?")
_RELEASE, _BOUND = re.compile(r"\d+(\.\d+)*"), re.compile(r"\s*(>=|<=|<|>)\s*(\d+(?:\.\d+)*)\s*")
_COMPARED = {">=": operator.ge, "<=": operator.le, "<": operator.lt, ">": operator.gt}


def unmet(distribution: str) -> list[str]:
    """Return a line for each requirement of an installed distribution that is missing or of a version outside its range."""
    try:
        return list(failing(importlib.metadata.requires(distribution) or (), _version))
    except importlib.metadata.PackageNotFoundError:
        return []


def failing(
    requirements: Iterable[str], version: Callable[[str], str | None], among: Container[str] | None = None
) -> Iterator[str]:
    """Yield a line for each requirement that is not met, extras' own left out.

    ``version`` gives what is installed of a name, None where nothing is. With ``among`` others are not looked at.
    """
    for text in requirements:
        found = _REQUIREMENT.fullmatch(text)
        if found is None or (among is not None and normal(found[1]) not in among) or not _applies(found[3]):
            continue
        has, needed = version(normal(found[1])), text.partition(";")[0].strip()
        if has is None or (found[2].strip() and not _within(has, found[2])):
            yield f"needs {needed}: {f'{has} is' if has else 'not'} installed. {_remedy(needed, has, found[2])}"


def _remedy(needed: str, has: str | None, specifier: str) -> str:
    """Return what to do about a requirement that is not met; where Eurus is newer than a plugin knows, the plugin is what to change."""
    from eurus_core.installing import OURS, how_to_install  # not at every start of the tool

    newest = ",".join(clause for clause in specifier.split(",") if clause.strip().startswith("<"))
    name = normal(re.split(r"[^\w.-]", needed)[0])
    if name in OURS and has and newest and not _within(has, newest):
        return f"Install a release of the plugin that is made for {name} {has}."
    return how_to_install(needed)


def normal(name: str) -> str:
    """Return a distribution's name as any spelling of it gives it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _applies(marker: str | None) -> bool:
    if not marker or "extra" in marker:
        return not marker
    from packaging.markers import Marker  # 15 ms, and few have one

    return Marker(marker).evaluate()


def _within(version: str, specifier: str) -> bool:
    """Return whether a version is in a range; plain releases are compared here, since packaging takes 6 ms to import."""
    bounds = [_BOUND.fullmatch(clause) for clause in specifier.split(",")]
    if _RELEASE.fullmatch(version) and all(bounds):
        return all(_COMPARED[bound[1]](_numbers(version), _numbers(bound[2])) for bound in bounds if bound)
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(version, prereleases=True)


def _numbers(release: str) -> list[int]:
    """Return a release's numbers; 0.2 and 0.2.0 are one."""
    return [int(one) for one in re.sub(r"(\.0+)+$", "", release).split(".")]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
