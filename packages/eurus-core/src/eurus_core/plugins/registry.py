"""The registry: who offers what, found without importing anything heavy.

A plugin is a light module named in the entry-point group ``eurus``; its hooks (:mod:`eurus_core.plugins.hookspecs`) yield
:class:`~eurus_core.plugins.component.Component` descriptors that say where the real thing lives. A plugin that cannot be used is
recorded with its reason and never takes the tool down.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import inspect
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pluggy

from eurus_core.errors import MissingExtra, PluginError, UnknownName, nearest
from eurus_core.plugins import hookspecs
from eurus_core.plugins.component import API, KINDS, Component, bare
from eurus_core.plugins.known import KNOWN_PACKAGES

log = logging.getLogger(__name__)

GROUP = "eurus"


@dataclass(frozen=True, slots=True)
class Offer:
    """A component and who offers it."""

    kind: str
    component: Component
    distribution: str
    version: str

    @property
    def full_name(self) -> str:
        return f"{self.distribution}/{self.component.name}"

    def load(self) -> Any:
        """Import and return the target; MissingExtra or PluginError where that fails."""
        module_name, _, attribute = self.component.target.partition(":")
        what = f"{KINDS[self.kind]} {self.component.name!r}"
        try:
            target = importlib.import_module(module_name)
            for part in filter(None, attribute.split(".")):
                target = getattr(target, part)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if self.component.requires and not module_name.startswith(missing):
                raise MissingExtra(what, self.component.requires) from error
            raise PluginError(f"{what} of {self.distribution} cannot be imported: {error}.") from error
        except (ImportError, AttributeError) as error:
            raise PluginError(
                f"{what} of {self.distribution} cannot be loaded from {self.component.target!r}: {error}."
            ) from error
        return target


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: usable when ``problem`` is empty."""

    name: str
    distribution: str
    version: str
    module: str
    problem: str = ""
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True)
class Plugins:
    """Everything that is installed, and the hook callers."""

    plugins: tuple[Plugin, ...]
    manager: pluggy.PluginManager = field(repr=False)

    @property
    def hook(self) -> Any:
        return self.manager.hook

    @functools.cached_property
    def _by_name(self) -> dict[str, dict[str, list[Offer]]]:
        table: dict[str, dict[str, list[Offer]]] = {kind: {} for kind in KINDS}
        for plugin in self.plugins:
            for offer in plugin.offers:
                table[offer.kind].setdefault(offer.component.name, []).append(offer)
                table[offer.kind].setdefault(offer.full_name, []).append(offer)
        return table

    def offers(self, kind: str) -> dict[str, Offer]:
        """Return what is offered under a kind by the name to type: bare while unique, else ``distribution/name``."""
        return {
            offer.component.name if len(self._by_name[kind][offer.component.name]) == 1 else offer.full_name: offer
            for plugin in self.plugins
            for offer in plugin.offers
            if offer.kind == kind
        }

    def find(self, kind: str, name: str) -> Offer:
        """Return the offer of that name; UnknownName (with a suggestion) or PluginError (ambiguous) otherwise."""
        found = self._by_name[kind].get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(sorted({offer.full_name for offer in found}))
            raise PluginError(f"Several plugins offer {KINDS[kind]} {name!r}. Write {choices}.")
        raise self._unknown(kind, name)

    def _unknown(self, kind: str, name: str) -> UnknownName:
        """Return what is to be said of a name that nothing offers: what was meant, where it may be, what to install."""
        from eurus_core.installing import how_to_install

        owner, own = name.rpartition("/")[0], bare(name)
        package = KNOWN_PACKAGES.get((kind, own))
        if owner and package and package.partition("[")[0] != owner:
            package = None
        lost = self._may_offer(own, owner or (package or "").partition("[")[0])
        hint = how_to_install(package) if package and not lost else f"(eurus parts {kind} lists all)"
        if elsewhere := [other for other in KINDS if name in self._by_name[other]]:
            hint = f"{name!r} is one of the {elsewhere[0]}. {hint}"
        if lost:
            told = "; ".join(
                f"{plugin.distribution} {plugin.version}".rstrip() + f": {plugin.problem}" for plugin in lost
            )
            sure = package or owner
            hint = f"It {'is' if sure else 'may be'} of a plugin that could not be loaded: {told}. {hint}"
        elif owner and not package and owner not in {plugin.distribution for plugin in self.plugins}:
            hint = f"No plugin {owner!r} is installed. {hint}"
        # where the name is right, no other is meant
        right = package or lost if owner else package or self._named_after(own)
        full = {offer.full_name for plugin in self.plugins for offer in plugin.offers if offer.kind == kind}
        others = () if right else full if owner else self.offers(kind)
        return UnknownName(KINDS[kind], name, others, hint=hint)

    def _may_offer(self, name: str, owner: str) -> tuple[Plugin, ...]:
        """Return the broken plugins that a name may be of: its owner's where that is known, else those named after it, else all."""
        if owner:
            return tuple(plugin for plugin in self.broken() if plugin.distribution == owner)
        return self._named_after(name) or self.broken()

    def _named_after(self, name: str) -> tuple[Plugin, ...]:
        """Return the broken plugins whose name holds a part's: eurus-simpo may well offer simpo."""
        return tuple(
            plugin for plugin in self.broken() if name.lower() in f"{plugin.distribution}/{plugin.name}".lower()
        )

    def broken(self) -> tuple[Plugin, ...]:
        return tuple(plugin for plugin in self.plugins if plugin.problem)


@functools.cache
def installed() -> Plugins:
    """Return the plugins of this environment; scanned once a process."""
    return scan(importlib.metadata.entry_points(group=GROUP))


def scan(entry_points: Iterable[importlib.metadata.EntryPoint]) -> Plugins:
    """Load plugins from entry points, core first, each on its own: one that fails is recorded and left out."""
    manager = pluggy.PluginManager("eurus")
    manager.add_hookspecs(hookspecs)
    seen: set[tuple[str, str]] = set()
    plugins = []
    for entry_point in sorted(entry_points, key=lambda e: (e.value != "eurus_core.plugin", e.name, e.value)):
        if (entry_point.name, entry_point.value) in seen:  # the same distribution found twice on sys.path
            continue
        seen.add((entry_point.name, entry_point.value))
        plugins.append(_load(manager, entry_point))
    return Plugins(tuple(plugins), manager)


def _load(manager: pluggy.PluginManager, entry_point: importlib.metadata.EntryPoint) -> Plugin:
    dist = entry_point.dist
    distribution, version = (dist.name, dist.version) if dist else (entry_point.name, "")
    plugin = functools.partial(Plugin, entry_point.name, distribution, version, entry_point.value)
    try:
        module = entry_point.load()
        _check_hooks(module)
        # Offers are asked before registering: a plugin whose hook raises must leave no trace in the manager.
        offers = tuple(
            Offer(kind, component, distribution, version)
            for kind in KINDS
            for component in _components(module, f"eurus_{kind}")
        )
        manager.register(module, name=f"{distribution}:{entry_point.name}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit in a plugin's module is a plugin's fault, too
        problem = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        log.debug("plugin %s not loaded", entry_point.value, exc_info=True)
        return plugin(problem=" ".join(problem.split()) or type(error).__name__)
    return plugin(offers=offers)


def _check_hooks(module: ModuleType) -> None:
    """Refuse misspelt hooks and arguments that pluggy would never pass."""
    specs = {name for name in dir(hookspecs) if hasattr(getattr(hookspecs, name), "eurus_spec")}
    for name, function in inspect.getmembers(module, lambda member: hasattr(member, "eurus_impl")):
        hook = function.eurus_impl.get("specname") or name
        if hook not in specs:
            meant = nearest(hook, specs)
            raise PluginError(f"No hook named {hook!r}." + (f" Did you mean {meant!r}?" if meant else ""))
        offered = inspect.signature(getattr(hookspecs, hook)).parameters
        for parameter in inspect.signature(function).parameters.values():
            if parameter.default is not inspect.Parameter.empty:
                raise PluginError(f"{name}: argument {parameter.name!r} has a default; hooks are never passed those.")
            if parameter.name not in offered:
                raise PluginError(
                    f"{name}: no argument {parameter.name!r}; the hook offers: {', '.join(offered) or 'none'}."
                )


def _components(module: ModuleType, hook: str) -> list[Component]:
    components: list[Component] = []
    for name, function in inspect.getmembers(module, lambda member: hasattr(member, "eurus_impl")):
        if (function.eurus_impl.get("specname") or name) != hook:
            continue
        for component in function():
            if not isinstance(component, Component):
                raise PluginError(f"{hook} yielded {type(component).__name__}; it must yield eurus_core.Component.")
            if component.api != API:
                raise PluginError(
                    f"{hook}: {component.name!r} is made for plugin api {component.api}; this core speaks {API}."
                )
            if "/" in component.name or not component.name or ":" not in component.target:
                raise PluginError(f"{hook}: {component!r} needs a name without '/' and a target 'module:attribute'.")
            components.append(component)
    return components
