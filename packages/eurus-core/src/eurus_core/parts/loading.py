"""One plugin from its entry point: what it requires, which hooks it implements, what they yield.

A plugin may be older or newer than this core. A hook that this core does not know is ignored and noted, unless its name is so close to
a known one that it must be misspelt; a component for another plugin api is left out and noted. The rest of the plugin works.
"""

from __future__ import annotations

import difflib
import functools
import importlib.metadata
import inspect
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import pluggy

from eurus_core.errors import PluginError
from eurus_core.parts import hookspecs
from eurus_core.parts.component import API, KINDS, OLDEST_API, Component
from eurus_core.parts.offers import LeftOut, Offer, Plugin
from eurus_core.parts.requirements import failing, unmet

log = logging.getLogger(__name__)

CLOSE = 0.85
"""From this likeness on a hook's name is a known one misspelt: ``objective``, ``soruces``, ``run_start``, but not ``run_failed``."""


class Described(NamedTuple):
    """An entry point and what the metadata of its distribution say."""

    entry_point: importlib.metadata.EntryPoint
    distribution: str
    version: str = ""
    requires: tuple[str, ...] = ()


def describe(entry_point: importlib.metadata.EntryPoint) -> Described:
    """Return an entry point with its distribution's metadata, read once: each of importlib's properties reads them again."""
    about = entry_point.dist.metadata if entry_point.dist else None
    if about is None or "Name" not in about:
        return Described(entry_point, entry_point.name)
    requires = tuple(about.get_all("Requires-Dist") or ())
    return Described(entry_point, about["Name"], (about.get_all("Version") or [""])[0], requires)


def load(manager: pluggy.PluginManager, described: Described, versions: Mapping[str, str]) -> Plugin:
    """Return the plugin of an entry point, registered where it can be used; its ``problem`` says why where it cannot.

    ``versions`` are those of all distributions that bring plugins: one that was made for another version of these is not loaded.
    """
    entry_point, distribution, version = described.entry_point, described.distribution, described.version
    plugin = functools.partial(Plugin, entry_point.name, distribution, version, entry_point.value)
    try:
        for line in failing(described.requires, versions.get, among=versions):
            raise PluginError(line)
        module = entry_point.load()
        ignored = tuple(_strange_hooks(module))
        # Offers are asked before registering: a plugin whose hook raises must leave no trace in the manager.
        offers, left_out = [], []
        for kind in KINDS:
            for component in _components(module, f"eurus_{kind}"):
                if why := _not_served(component, f"eurus_{kind}"):
                    left_out.append(LeftOut(kind, component.name, why))
                else:
                    offers.append(Offer(kind, component, distribution, version))
        manager.register(module, name=f"{distribution}:{entry_point.name}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit in a plugin's module is a plugin's fault, too
        told = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        lines = [line for line in unmet(distribution) if line != told]
        problem = ". It ".join(one.rstrip(".") for one in (" ".join(told.split()) or type(error).__name__, *lines))
        log.debug("plugin %s not loaded", entry_point.value, exc_info=True)
        return plugin(problem=f"{problem}." if lines else problem)
    return plugin(offers=tuple(offers), left_out=tuple(left_out), ignored=ignored)


def _implementations(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the hook that each implementation of a module is for, and the function."""
    for name, function in inspect.getmembers(module, lambda member: hasattr(member, "eurus_impl")):
        yield function.eurus_impl.get("specname") or name, function


def _strange_hooks(module: ModuleType) -> Iterator[str]:
    """Yield a note on every hook of another core; PluginError for a misspelt one and for arguments that pluggy would never pass."""
    specs = {name for name in dir(hookspecs) if hasattr(getattr(hookspecs, name), "eurus_spec")}
    for hook, function in _implementations(module):
        if hook not in specs:
            yield _strange(hook, specs, optional=function.eurus_impl["optionalhook"])  # type: ignore[attr-defined]
            continue
        name = function.__name__
        offered = inspect.signature(getattr(hookspecs, hook)).parameters
        for parameter in inspect.signature(function).parameters.values():
            if parameter.default is not inspect.Parameter.empty:
                raise PluginError(f"{name}: argument {parameter.name!r} has a default; hooks are never passed those.")
            if parameter.name not in offered:
                raise PluginError(
                    f"{name}: no argument {parameter.name!r}; the hook offers: {', '.join(offered) or 'none'}."
                )


def _strange(hook: str, specs: Collection[str], *, optional: bool) -> str:
    """Return the note on a hook that this core does not have; PluginError where it is one of this core's, misspelt."""
    if not optional and (meant := misspelt(hook, specs)):
        raise PluginError(
            f"No hook named {hook!r}. Did you mean {meant!r}? If it is a hook of another core, mark it "
            "@hookimpl(optionalhook=True)."
        )
    close = misspelt(hook, specs, likeness=0.7)
    return f"hook {hook!r} is none of this core's and is ignored" + (f"; the nearest is {close!r}." if close else ".")


def misspelt(hook: str, specs: Collection[str], *, likeness: float = CLOSE) -> str | None:
    """Return the hook whose name was meant: the same words, or nearly the same letters after the prefix that all share."""
    stems = {spec.removeprefix("eurus_"): spec for spec in specs}
    stem = hook.lower().removeprefix("eurus_")
    for own, spec in stems.items():
        if sorted(own.split("_")) == sorted(stem.split("_")):
            return spec
    close = difflib.get_close_matches(stem, stems, n=1, cutoff=likeness)
    return stems[close[0]] if close else None


def _components(module: ModuleType, hook: str) -> Iterator[Component]:
    for name, function in _implementations(module):
        if name != hook:
            continue
        for component in function():
            if not isinstance(component, Component):
                raise PluginError(f"{hook} yielded {type(component).__name__}; it must yield eurus_core.Component.")
            if "/" in component.name or not component.name or ":" not in component.target:
                raise PluginError(f"{hook}: {component!r} needs a name without '/' and a target 'module:attribute'.")
            yield component


def _not_served(component: Component, hook: str) -> str:
    """Say why this core cannot use a component; "" where it can."""
    match component.api:
        case int() as only:
            oldest, newest = only, only
        case (int() as oldest, int() as newest):
            pass
        case other:
            raise PluginError(
                f"{hook}: {component.name!r} has api {other!r}; it must be a whole number, or a pair of the oldest and the newest."
            )
    if oldest <= API and newest >= OLDEST_API:
        return ""
    return f"it is made for plugin api {_range(oldest, newest)}; this core serves {_range(OLDEST_API, API)}."


def _range(oldest: int, newest: int) -> str:
    return f"{oldest}" if oldest == newest else f"{oldest} to {newest}"
