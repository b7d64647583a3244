"""What eurus-serve offers: backends."""

from __future__ import annotations

from collections.abc import Iterator

from eurus_core.parts.component import Component, hookimpl


@hookimpl
def eurus_backends() -> Iterator[Component]:
    yield Component(
        "transformers",
        "eurus_serve.backends.transformers.backend:TransformersBackend",
        "A model in this process; batches waiting requests.",
        requires="eurus-serve[local]",
    )
    yield Component(
        "scripted",
        "eurus_serve.backends.scripted:ScriptedBackend",
        "Replies from a list or table, for tests and dry runs.",
    )
    yield Component(
        "replay", "eurus_serve.backends.replay:ReplayBackend", "Replies recorded earlier, from a JSONL file."
    )
