"""What a stage leaves for its reader: findings, tables, lines, trees and attempts by name, in ``report.json``.

A stage knows nothing of pages; whoever renders (eurus-eval) knows nothing of stages. A new kind of block is a class here and a
field of :class:`StageReport`; who does not know it yet shows the rest and names it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from eurus_core.errors import InputError
from eurus_core.records import PreferenceTree, Sample
from eurus_core.records.codec import from_json, to_json
from eurus_core.records.pairs import disorder


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. Cells are text, numbers or None. ``folded`` shows the name alone until a reader opens it."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    caption: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; ``low`` and ``high`` bound its band, where there is one."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over one axis. ``group`` puts plots of several stages side by side; ``marks`` are labelled horizontal lines.

    ``noisy``: every point is one measurement among noisy ones, as a step's loss is, so that their running mean tells more.
    ``panels``: the curves lie on each other, so that each wants a panel of its own.
    """

    name: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    caption: str = ""
    group: str = ""
    marks: dict[str, float] = field(default_factory=dict)
    noisy: bool = False
    panels: bool = False


@dataclass(frozen=True, slots=True)
class TreeDrawing:
    """A preference tree to draw as in the paper's figure 2. Of several of one stage the first is the one to see first."""

    name: str
    tree: PreferenceTree
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Attempts:
    """One problem and what several made of it, by label, to read side by side. Of several of one stage the first is seen first."""

    name: str
    samples: dict[str, Sample]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class StageReport:
    """Everything one stage shows. ``figures`` are single numbers by name (seconds, tokens a second, accuracy).

    ``findings`` are the sentences that belong to the result of the whole run, ``notes`` the others. ``terms`` say what words of the
    report mean, such as ``margin``; an N in one stands for any number (``best of N``).
    """

    stage: str = ""
    kind: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    trees: tuple[TreeDrawing, ...] = ()
    findings: tuple[str, ...] = ()
    attempts: tuple[Attempts, ...] = ()
    terms: dict[str, str] = field(default_factory=dict)


def write_report(path: Path, report: StageReport) -> None:
    path.write_text(json.dumps(to_json(report), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_report(path: Path) -> StageReport:
    """Return the report in a file; InputError where it is not one.

    What a later version shows by a name that is not known here is left out, and a note says so.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"not a stage report ({error})", file=path) from error
    known = {field.name for field in fields(StageReport)}
    unknown = sorted(data.keys() - known) if isinstance(data, dict) else []
    for name in unknown:
        del data[name]
    report = from_json(StageReport, data, where=str(path))
    if unknown:
        report = replace(
            report, notes=(*report.notes, f"Not shown, since this version does not know it: {', '.join(unknown)}.")
        )
    for drawing in report.trees:
        if found := disorder(drawing.tree):
            raise InputError(f"tree {drawing.name!r}: {found}", file=path)
    for plot in report.plots:
        for line in plot.lines:
            if len(line.x) != len(line.y):
                raise InputError(
                    f"plot {plot.name!r}, line {line.label!r}: {len(line.x)} x and {len(line.y)} y", file=path
                )
    return report
