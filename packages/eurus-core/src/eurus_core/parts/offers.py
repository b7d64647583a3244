"""What was found: a component and who offers it, and a plugin with what can and cannot be used of it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, NamedTuple

from eurus_core.errors import MissingExtra, PluginError
from eurus_core.parts.component import KINDS, Component
from eurus_core.parts.requirements import unmet


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
            raise PluginError(f"{what} of {self.distribution} cannot be imported: {error}.{self._lacks()}") from error
        except (ImportError, AttributeError) as error:
            raise PluginError(
                f"{what} of {self.distribution} cannot be loaded from {self.component.target!r}: {error}.{self._lacks()}"
            ) from error
        return target

    def _lacks(self) -> str:
        return "".join(f" {self.distribution} {line}" for line in unmet(self.distribution))


class LeftOut(NamedTuple):
    """A component that this core does not serve, and why."""

    kind: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point: usable when ``problem`` is empty. ``notes`` say what of it this core leaves aside."""

    name: str
    distribution: str
    version: str
    module: str
    problem: str = ""
    offers: tuple[Offer, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    ignored: tuple[str, ...] = ()
    """Hooks of another core, a sentence each."""

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.ignored, *(f"{KINDS[one.kind]} {one.name!r} is left out: {one.why}" for one in self.left_out))
