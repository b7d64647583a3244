"""Plugins: the descriptors they yield, the hooks they implement, and the registry of what is installed."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_core.parts.offers import Offer as Offer
    from eurus_core.parts.offers import Plugin as Plugin
    from eurus_core.parts.registry import Plugins as Plugins
    from eurus_core.parts.registry import installed as installed
    from eurus_core.parts.registry import scan as scan

__getattr__, __all__ = exports(__name__, {"offers": ["Offer", "Plugin"], "registry": ["Plugins", "installed", "scan"]})
