"""Backends that generate: transformers, scripted, replay."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_serve.backends.replay import ReplayBackend as ReplayBackend
    from eurus_serve.backends.scripted import ScriptedBackend as ScriptedBackend
    from eurus_serve.backends.transformers.backend import TransformersBackend as TransformersBackend

__getattr__, __all__ = exports(
    __name__,
    {
        "backends.replay": ["ReplayBackend"],
        "backends.scripted": ["ScriptedBackend"],
        "backends.transformers.backend": ["TransformersBackend"],
    },
)
