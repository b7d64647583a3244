"""The report: one self-contained HTML page of a run, from what its stages left behind.

Knows the blocks, not the stages: whatever a third-party stage shows is rendered the same way. Every word of data is escaped,
and the page's content security policy lets no script run but its own and loads nothing.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eurus_core.blocks import Plot
from eurus_core.whole import whole
from eurus_eval import plots
from eurus_eval.cells import cells, duration, figure, right_aligned
from eurus_eval.drawing import lay_out
from eurus_eval.gathering import FIRST_GROUPS, RunView, StageView, gather

NAME = "report.html"
GROUP_SIZE = (4.8, 3.2)
"""Inches of each plot that stands beside others."""


def write_page(folder: Path) -> Path:
    """Write ``report.html`` into a run folder, whole or not at all, and return its path; InputError where it is no run."""
    text = render(gather(folder))
    path = folder / NAME
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")  # models write lone surrogates
    return path


def render(run: RunView) -> str:
    """Return the page's HTML."""
    script, style = _asset("page.js"), _asset("page.css")
    environment = Environment(
        loader=PackageLoader("eurus_eval"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cells": cells, "duration": duration, "lay_out": lay_out}
    environment.globals |= {"right_aligned": right_aligned, "figure_text": figure, "series_colour": plots.series_colour}
    counter = iter(range(1_000_000))
    environment.globals["draw"] = lambda plot: Markup(plots.svg(plot, f"p{next(counter)}"))  # noqa: S704 - escaped there
    environment.globals["draw_group"] = lambda members: _draw_group(members, next(counter))
    return environment.get_template("page.html.j2").render(
        run=run,
        first_groups=FIRST_GROUPS,
        headline=[stage for stage in run.stages if stage.kind == "compare" and stage.report.tables],
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _draw_group(members: list[tuple[StageView, Plot]], first: int) -> list[tuple[StageView, Plot, Markup]]:
    """Draw plots that stand side by side, with one vertical range where they can share it, so that heights compare."""
    members = [(stage, replace(plot, name=plot.name.removeprefix(f"{stage.name}: "))) for stage, plot in members]
    ranges = {
        name: plots.common_range([plot for _, plot in members if plot.name == name])
        for name in {plot.name for _, plot in members}
    }
    size = GROUP_SIZE if len(members) > 1 else plots.FULL_SIZE
    return [
        (stage, plot, Markup(plots.svg(plot, f"g{first}-{i}", size=size, y_range=ranges[plot.name])))  # noqa: S704
        for i, (stage, plot) in enumerate(members)
    ]


def _asset(name: str) -> str:
    return (files("eurus_eval") / "templates" / name).read_text(encoding="utf-8")
