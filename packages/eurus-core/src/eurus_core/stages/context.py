"""What a stage is given to work with: a folder of its own, a seed, progress, events, and a report to fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from eurus_core.stages.progress import Progress
from eurus_core.stages.report import Attempts, Plot, StageReport, Table, TreeDrawing

Artefact = Literal["trees", "rows", "model", "reward-model", "samples", "scores", "none"]
"""What a stage may make, and what an input may need."""

PLACES: dict[Artefact, str] = {
    "trees": "trees",
    "rows": "rows.jsonl",
    "model": "model",
    "reward-model": "model",
    "samples": "samples.jsonl",
    "scores": "scores.jsonl",
}
"""Where inside its folder a stage leaves its artefact, by kind."""


class Context:
    """Handed to :meth:`eurus_core.parts.contracts.Stage.run`.

    ``folder`` survives a kill: when the same stage starts again with the same settings and inputs, it finds what it left.
    The folder takes its final name only when ``run`` returns, so that a finished stage is whole. ``events`` receives each
    event as a dict; without one they go nowhere.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "stage",
        seed: int = 0,
        events: Callable[[dict[str, object]], None] | None = None,
    ):
        self.folder, self.name, self.seed = folder, name, seed
        self.report = StageReport(stage=name)
        self._events = events

    def path(self, kind: Artefact) -> Path:
        """Return where the artefact of that kind belongs."""
        return self.folder / PLACES[kind]

    def progress(self, label: str, total: int | None = None, unit: str = "") -> Progress:
        return Progress(label, total, unit, on_line=lambda state: self.event("progress", **state))

    def event(self, kind: str, **data: object) -> None:
        """Add a line to the run's ``events.jsonl``; ``data`` must be plain JSON values."""
        if self._events:
            self._events({"event": kind, "stage": self.name, **data})

    def figure(self, name: str, value: float) -> None:
        """Show one number, such as ``tokens a second``."""
        self.report = replace(self.report, figures={**self.report.figures, name: float(value)})

    def note(self, text: str) -> None:
        """Show one sentence."""
        self.report = replace(self.report, notes=(*self.report.notes, text))

    def finding(self, text: str) -> None:
        """Show one sentence that belongs to the result of the whole run: what was found, or what limits it."""
        self.report = replace(self.report, findings=(*self.report.findings, text))

    def define(self, terms: Mapping[str, str]) -> None:
        """Say what words of the report mean; who renders it tells the reader where a word is met first."""
        self.report = replace(self.report, terms={**self.report.terms, **terms})

    def show(self, block: Table | Plot | TreeDrawing | Attempts) -> None:
        """Show a table, a plot, a tree, or attempts at one problem."""
        field = {Table: "tables", Plot: "plots", TreeDrawing: "trees", Attempts: "attempts"}[type(block)]
        more: dict[str, Any] = {field: (*getattr(self.report, field), block)}
        self.report = replace(self.report, **more)
