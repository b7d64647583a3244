"""The doors of Eurus: every hook a plugin may implement.

The offering hooks return an iterable of :class:`~eurus_core.parts.component.Component`. All are optional, called once, and must
import nothing heavy: name the class by its dotted path and keep torch out of ``plugin.py``. Hooks only ever gain arguments.

Example, a complete plugin module::

    from eurus_core import Component, hookimpl

    @hookimpl
    def eurus_objectives():
        yield Component(name="simpo", target="eurus_simpo.loss:SimPO", summary="Reference-free, length-normalised.")
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from eurus_core.parts.component import Component, ModelSource, RunOption, hookspec


class Run(Protocol):
    """What a hook is told of a run: its folder, its resolved recipe and its manifest. A hook must not change them."""

    folder: Path
    recipe: dict[str, Any]
    manifest: dict[str, Any]


@hookspec
def eurus_commands() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer subcommands of ``eurus``; targets are click commands or groups. Example: ``data``. Added in 0.1."""


@hookspec
def eurus_stages() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer steps of a recipe; targets are subclasses of :class:`eurus_core.parts.contracts.Stage`. Added in 0.1."""


@hookspec
def eurus_recipes() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer recipes; targets are ``package:file.toml`` inside the wheel. Example: ``demo``. Added in 0.1."""


@hookspec
def eurus_sources() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer sources of problems; targets subclass :class:`eurus_core.parts.contracts.Source`. Added in 0.1."""


@hookspec
def eurus_tools() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer tools that run an actor's code; targets subclass :class:`eurus_core.parts.contracts.Tool`. Added in 0.1."""


@hookspec
def eurus_functions() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer functions that an actor's code may call; targets subclass :class:`eurus_core.parts.contracts.Function`.

    Example: ``wikipedia_search``. Added in 0.2.
    """


@hookspec
def eurus_graders() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer graders; targets subclass :class:`eurus_core.parts.contracts.Grader`. Added in 0.1."""


@hookspec
def eurus_critics() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer critics; targets subclass :class:`eurus_core.parts.contracts.Critic`. Added in 0.1."""


@hookspec
def eurus_backends() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer actors' backends; targets subclass :class:`eurus_core.parts.contracts.Backend`. Added in 0.1."""


@hookspec
def eurus_scorers() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer scorers of responses; targets subclass :class:`eurus_core.parts.contracts.Scorer`. Added in 0.1."""


@hookspec
def eurus_objectives() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer training objectives; targets subclass an objective of :mod:`eurus_train.objectives`. Added in 0.1."""


@hookspec
def eurus_formats() -> Iterable[Component]:  # type: ignore[empty-body]
    """Offer forms of published rows; targets subclass :class:`eurus_core.parts.contracts.Format`. Example: ``trl``. Added in 0.2."""


@hookspec
def eurus_run_options() -> Iterable[RunOption]:  # type: ignore[empty-body]
    """Add flags to the commands that carry out recipes: :class:`~eurus_core.parts.component.RunOption`.

    Example: ``--sandbox-min``. Added in 0.2.
    """


@hookspec(firstresult=True)
def eurus_find_model(ref: str) -> ModelSource | None:
    """Turn a model reference into something transformers loads, or None where it is not yours. Added in 0.1."""


@hookspec
def eurus_run_started(run: Run) -> None:
    """Learn that a run begins; its folder and resolved recipe exist. Added in 0.1."""


@hookspec
def eurus_run_progress(run: Run, event: dict[str, object]) -> None:
    """Learn of one line of the run's ``events.jsonl`` as it is written. Added in 0.1."""


@hookspec
def eurus_run_finished(run: Run, failed: bool) -> Path | None:
    """Learn that a run ended; return the path of what you wrote for its reader, if anything. Added in 0.1."""
