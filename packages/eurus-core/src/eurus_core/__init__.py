"""Records, preference trees, plugins, recipes and the launcher of Eurus (arXiv 2404.02078)."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_core.plugins.component import Component as Component
    from eurus_core.plugins.component import RunOption as RunOption
    from eurus_core.plugins.component import hookimpl as hookimpl

__getattr__, __all__ = exports(__name__, {"plugins.component": ["Component", "RunOption", "hookimpl"]})
