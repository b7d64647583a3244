"""Records, preference trees, plugins, recipes and the launcher of Eurus (arXiv 2404.02078)."""

from eurus_core.lazy import exports

TYPE_CHECKING = False  # as of typing, which takes 8 ms to import: until __main__ runs, Ctrl-C shows a traceback

if TYPE_CHECKING:
    from eurus_core.plugins.component import Component as Component
    from eurus_core.plugins.component import ModelSource as ModelSource
    from eurus_core.plugins.component import RunOption as RunOption
    from eurus_core.plugins.component import hookimpl as hookimpl

__getattr__, __all__ = exports(__name__, {"plugins.component": ["Component", "ModelSource", "RunOption", "hookimpl"]})
