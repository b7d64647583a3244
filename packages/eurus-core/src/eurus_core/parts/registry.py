"""The registry: who offers what, found without importing anything heavy.

A plugin is a light module named in the entry-point group ``eurus``; its hooks (:mod:`eurus_core.parts.hookspecs`) yield
:class:`~eurus_core.parts.component.Component` descriptors that say where the real thing lives. A plugin that cannot be used is
recorded with its reason and never takes the tool down.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pluggy

from eurus_core.errors import PluginError, UnknownName
from eurus_core.parts import hookspecs
from eurus_core.parts.component import KINDS, bare
from eurus_core.parts.known import KNOWN_PACKAGES
from eurus_core.parts.loading import describe, load
from eurus_core.parts.offers import Offer, Plugin
from eurus_core.parts.requirements import normal

GROUP = "eurus"


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
        left_out = [
            f"{plugin.distribution} {plugin.version}".rstrip() + f" has it, but {one.why}"
            for plugin in self.plugins
            for one in plugin.left_out
            if (one.kind, one.name) == (kind, own) and owner in ("", plugin.distribution)
        ]
        if left_out:
            hint = f"{' '.join(left_out)} {hint}"
        # where the name is right, no other is meant
        right = package or left_out or (lost if owner else self._named_after(own))
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
    ordered = sorted(entry_points, key=lambda e: (e.value != "eurus_core.plugin", e.name, e.value))
    once = {(one.name, one.value): one for one in reversed(ordered)}  # a distribution may be found twice on sys.path
    found = [describe(one) for one in reversed(once.values())]
    versions = {normal(one.distribution): one.version for one in found if one.version}
    return Plugins(tuple(load(manager, one, versions) for one in found), manager)
