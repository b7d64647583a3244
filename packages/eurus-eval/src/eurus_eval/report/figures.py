"""A plot as the page shows it: drawn, in a panel a curve, or as a number where there is one point only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from eurus_core.stages.report import Line, Plot
from eurus_eval.report import plots
from eurus_eval.report.cells import number
from eurus_eval.report.smoothing import described


@dataclass(frozen=True, slots=True)
class Panel:
    """One curve with the others faint behind it; ``end`` words its last value."""

    label: str
    end: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Shown:
    """A plot of a stage (its name; empty within the stage's own part), as one drawing, as panels, or as numbers by curve."""

    stage: str
    plot: Plot
    drawing: Markup | None = None
    panels: tuple[Panel, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()
    smoothing: str = ""


def shown(members: Sequence[tuple[str, Plot]], keys: Iterator[int]) -> list[Shown]:
    """Draw plots that stand side by side, with one vertical range where they can share it, so that heights compare."""
    members = [(stage, replace(plot, name=plot.name.removeprefix(f"{stage}: "))) for stage, plot in members]
    ranges = {
        name: plots.common_range([plot for _, plot in members if plot.name == name])
        for name in {plot.name for _, plot in members}
    }
    return [_shown(stage, plot, keys, ranges[plot.name]) for stage, plot in members]


def _shown(stage: str, plot: Plot, keys: Iterator[int], y_range: plots.Range | None) -> Shown:
    if alone := plots.single(plot):
        return Shown(stage, plot, numbers=tuple((label, number(value)) for label, value in alone.items()))
    if plot.panels:
        panels = tuple(
            Panel(line.label, _end(line, plot.x_label), _svg(plot, keys, y_range, alone=place))
            for place, line in enumerate(plot.lines)
        )
        return Shown(stage, plot, panels=panels)
    longest = max((len(line.y) for line in plot.lines), default=0)
    return Shown(stage, plot, _svg(plot, keys, y_range), smoothing=described(longest) if plot.noisy else "")


def _svg(plot: Plot, keys: Iterator[int], y_range: plots.Range | None, alone: int | None = None) -> Markup:
    size = plots.SIZE if alone is None else plots.PANEL_SIZE
    return Markup(plots.svg(plot, f"p{next(keys)}", size=size, y_range=y_range, alone=alone))  # noqa: S704 - escaped there


def _end(line: Line, x_label: str) -> str:
    """Word the last value of a curve, with its band where there is one: ``45.0 [35.2, 55.3] at N = 4``."""
    if not line.y:
        return ""
    bounds = f" [{line.low[-1]:.1f}, {line.high[-1]:.1f}]" if line.low and line.high else ""
    return f"{line.y[-1]:.1f}{bounds} at {x_label} = {number(line.x[-1])}"
