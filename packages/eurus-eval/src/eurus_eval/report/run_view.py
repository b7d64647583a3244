"""A run as its reader sees it: the stages' reports in order, the time they took, versions and settings."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eurus_core.errors import InputError
from eurus_core.runs.folder import DONE_MARK, EVENTS, MANIFEST, RECIPE, REPORT
from eurus_core.stages import PLACES
from eurus_core.stages.report import Attempts, Plot, StageReport, TreeDrawing, read_report

BUSY = 1.25
"""Load a core from which on others must have been at work: we start about a thread a core."""

FIRST_GROUPS = ("rewards while learning (figure 5)", "best of N")


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage of the run; ``problem`` says why it has no report to show, where its report cannot be read.

    ``outdated`` is one whose report is of other settings than those that it was begun with since. ``resumed`` is one whose time
    counts from its last stop on only. ``load`` is the machine's before and after. ``files`` are what it made, as paths in the run's
    folder.
    """

    name: str
    kind: str = ""
    status: str = ""
    seconds: float | None = None
    report: StageReport = field(default_factory=StageReport)
    problem: str = ""
    outdated: bool = False
    resumed: bool = False
    load: tuple[float, ...] = ()
    cores: int | None = None
    files: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether others wanted the machine's cores, too, so that times tell little."""
        return self.cores is not None and max(self.load, default=0.0) > BUSY * self.cores

    @property
    def own_plots(self) -> list[tuple[str, Plot]]:
        """Plots that stand in the stage's own part."""
        return [("", plot) for plot in self.report.plots if not plot.group]

    @property
    def rates(self) -> dict[str, float]:
        return {name: value for name, value in self.report.figures.items() if name.endswith("a second")}


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything the page shows."""

    name: str
    title: str
    summary: str
    finished: str
    stages: tuple[StageView, ...]
    recipe: dict[str, Any]
    manifest: dict[str, Any]
    records: tuple[str, ...] = ()
    """The run's own files, as paths in its folder."""

    @property
    def seconds(self) -> float:
        return sum(stage.seconds or 0.0 for stage in self.stages)

    @property
    def unfinished(self) -> tuple[StageView, ...]:
        return tuple(stage for stage in self.stages if stage.status not in ("done", ""))

    @property
    def groups(self) -> dict[str, list[tuple[str, Plot]]]:
        """Plots that several stages want side by side, by group, with their stages' names; what the paper shows stands first."""
        found: dict[str, list[tuple[str, Plot]]] = {group: [] for group in FIRST_GROUPS}
        for stage in self.stages:
            for plot in stage.report.plots:
                if plot.group:
                    found.setdefault(plot.group, []).append((stage.name, plot))
        return {group: members for group, members in found.items() if members}

    def group_number(self, group: str) -> int:
        return list(self.groups).index(group) + 1

    @property
    def command(self) -> str:
        """What makes the run again, as it was typed."""
        return str(self.manifest.get("command") or "")

    @property
    def headline(self) -> list[StageView]:
        """The stages whose tables are the run's result."""
        return [stage for stage in self.stages if stage.kind == "compare" and stage.report.tables]

    @property
    def findings(self) -> list[tuple[StageView, str]]:
        """What the stages found: first those that compare, then the others in their order."""
        stages = sorted(self.stages, key=lambda stage: stage.kind != "compare")
        return [(stage, finding) for stage in stages for finding in stage.report.findings]

    @property
    def busy(self) -> bool:
        return any(stage.busy for stage in self.stages)

    @property
    def models(self) -> list[str]:
        return [file for stage in self.stages for file in stage.files if file.endswith(f"/{PLACES['model']}")]

    @property
    def terms(self) -> dict[str, str]:
        """What words mean; of two meanings the earlier stage's."""
        found: dict[str, str] = {}
        for stage in self.stages:
            found = stage.report.terms | found
        return found

    @property
    def trees(self) -> list[tuple[StageView, tuple[TreeDrawing, ...]]]:
        return [(stage, stage.report.trees) for stage in self.stages if stage.report.trees]

    @property
    def attempts(self) -> list[tuple[StageView, tuple[Attempts, ...]]]:
        return [(stage, stage.report.attempts) for stage in self.stages if stage.report.attempts]


def gather(folder: Path) -> RunView:
    """Read a run folder; InputError where it is none.

    Stages stand in the manifest's order; folders that the manifest does not name follow by age.
    """
    if not folder.is_dir():
        raise InputError("no such folder", file=folder, needed="Give the folder of a run.")
    manifest, recipe = _json(folder / MANIFEST), _json(folder / RECIPE)
    entries = {str(e["name"]): e for e in manifest.get("stages", []) if isinstance(e, dict) and "name" in e}
    reports = sorted(folder.glob(f"[!.]*/{REPORT}"), key=lambda path: (path.stat().st_mtime, path.parent.name))
    paths = {path.parent.name: path for path in reports}
    if not entries and not paths:
        raise InputError("no stage has left a report here", file=folder, needed="Give the folder of a run.")
    names = [*entries, *(name for name in paths if name not in entries)]
    return RunView(
        name=str(recipe.get("name") or folder.resolve().name),
        title=str(recipe.get("title") or recipe.get("name") or folder.resolve().name),
        summary=str(recipe.get("summary") or ""),
        finished=_day(max((path.stat().st_mtime for path in reports), default=folder.stat().st_mtime)),
        stages=tuple(_stage(name, entries.get(name, {}), paths.get(name), manifest.get("cores")) for name in names),
        recipe=recipe,
        manifest=manifest,
        records=tuple(name for name in (RECIPE, MANIFEST, EVENTS) if (folder / name).exists()),
    )


def _stage(name: str, entry: dict[str, Any], path: Path | None, cores: object) -> StageView:
    report, problem = StageReport(), ""
    if path is not None:
        try:
            report = read_report(path)
        except InputError as error:
            problem = str(error)
    seconds = entry.get("seconds", report.figures.get("seconds"))
    load = entry.get("load", ())
    finished = _json(path.with_name(DONE_MARK)).get("fingerprint") if path is not None else None
    return StageView(
        name=name,
        kind=str(entry.get("kind") or report.kind),
        status=str(entry.get("status", "")),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        report=report,
        problem=problem,
        outdated=finished is not None and entry.get("fingerprint", finished) != finished,
        resumed=bool(entry.get("resumed")),
        load=tuple(float(one) for one in load if isinstance(one, int | float)) if isinstance(load, list) else (),
        cores=cores if isinstance(cores, int) else None,
        files=() if path is None else _files(path.parent),
    )


def _files(folder: Path) -> tuple[str, ...]:
    return tuple(f"{folder.name}/{place}" for place in dict.fromkeys(PLACES.values()) if (folder / place).exists())


def _json(path: Path) -> dict[str, Any]:
    """Return a JSON object, or an empty one where the file is missing or was never finished."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
