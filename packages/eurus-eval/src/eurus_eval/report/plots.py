"""Plots as inline SVG whose colours are the page's: light and dark from one drawing, text that stays text."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from eurus_core.stages.report import Line, Plot
from eurus_eval.report.smoothing import running

SERIES = 6
"""Colours the page has for curves: ``--series-1`` ... ``--series-6``."""

SIZE = (4.3, 2.9)
"""Inches of a plot: its letters are as large as the text on a phone, and little larger on a wide screen."""

PANEL_SIZE = (2.3, 1.9)
"""Inches of a curve's own panel; two stand side by side on a phone."""

LARGEST = 1e100
"""What is beyond cannot be drawn: axes overflow. Curves have a gap there, as where they are not a number."""

_INK, _FAINT, _GRID = "#010101", "#010102", "#010103"  # stand-ins, replaced in the SVG's text
_THEME = {_INK: "var(--ink)", _FAINT: "var(--faint)", _GRID: "var(--rule)"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "eurus",
    "text.parse_math": False,  # labels come from data: a dollar sign is a dollar sign
    "font.family": "sans-serif",
    "font.size": 10,
    "path.simplify": True,
}


@dataclass(frozen=True, slots=True)
class Range:
    """Limits of an axis that several plots share."""

    low: float
    high: float


def shared_range(plots: Sequence[Plot]) -> Range | None:
    """Return limits that hold every curve and mark of the plots; None where there is nothing to draw."""
    lines = [line for plot in plots for line in plot.lines]
    lines += [mean for plot in plots if plot.noisy for line in plot.lines if (mean := running(line)) is not None]
    values = [y for line in lines for y in (*line.y, *line.low, *line.high)]
    values += [mark for plot in plots for mark in plot.marks.values()]
    values = [value for value in values if _drawable(value)]
    if not values:
        return None
    room = 0.06 * (max(values) - min(values) or 1.0)
    return Range(min(values) - room, max(values) + room)


def common_range(plots: Sequence[Plot]) -> Range | None:
    """Return one range for all plots where theirs overlap (rewards start at 0), else None.

    Losses of different objectives lie apart: one range would flatten them.
    """
    own = [each for plot in plots if (each := shared_range([plot])) is not None]
    if not own or max(each.low for each in own) > min(each.high for each in own):
        return None
    return shared_range(plots)


def series_colour(plot: Plot, place: int) -> str:
    """Return the page's colour of a curve: by meaning where the label says chosen, rejected or oracle, else by place."""
    label = plot.lines[place].label.lower()
    for word, colour in (("chosen", "var(--right)"), ("rejected", "var(--wrong)"), ("oracle", "var(--faint)")):
        if word in label:
            return colour
    return f"var(--series-{place % SERIES + 1})"


def single(plot: Plot) -> dict[str, float]:
    """Return each curve's only value where none has more than one: a plot of one point tells less than its number."""
    points = [[y for y in line.y if _drawable(y)] for line in plot.lines]
    if any(len(values) > 1 for values in points):
        return {}
    return {line.label: values[0] for line, values in zip(plot.lines, points, strict=True) if values}


def svg(
    plot: Plot,
    key: str,
    *,
    size: tuple[float, float] = SIZE,
    y_range: Range | None = None,
    alone: int | None = None,
) -> str:
    """Draw a plot; ``key`` makes its ids its own on the page, ``size`` is in inches.

    With ``alone`` that curve is drawn and the others stand behind it, faint and without their bands.
    """
    plot = _with_gaps(plot)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        theme = dict(_THEME)
        for place, line in enumerate(plot.lines):
            colour = f"#0102{place:02x}"
            theme[colour] = series_colour(plot, place)
            if alone is None or place == alone:
                _draw(axes, line, colour, noisy=plot.noisy)
            else:
                axes.plot(line.x, line.y, color=_FAINT, linewidth=0.9, alpha=0.45, zorder=1.5)
        _dress(axes, plot, y_range or shared_range([plot]), labelled=alone is None)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _for_page(text.getvalue(), theme, key)


def _draw(axes: Axes, line: Line, colour: str, *, noisy: bool) -> None:
    if noisy and (mean := running(line)) is not None:
        axes.plot(line.x, line.y, color=colour, linewidth=0.8, alpha=0.35)
        line = mean
    if line.low and line.high:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.13, linewidth=0)
    dashes = (4, 2.5) if "oracle" in line.label.lower() else (None, None)
    few = len(line.x) <= 16 and not noisy
    axes.plot(line.x, line.y, color=colour, linewidth=1.9, dashes=dashes, marker="o" if few else "", markersize=3.2)


def _dress(axes: Axes, plot: Plot, y_range: Range | None, *, labelled: bool) -> None:
    if labelled:
        axes.set_xlabel(plot.x_label, color=_FAINT)
        axes.set_ylabel(plot.y_label, color=_FAINT)
    if y_range is not None:
        axes.set_ylim(y_range.low, y_range.high)
        if y_range.low < 0 < y_range.high:
            axes.axhline(0, color=_FAINT, linewidth=0.8)
    places = {x for line in plot.lines for x in line.x if _drawable(x)}
    if len(places) == 1:
        axes.set_xlim(min(places) - 1, max(places) + 1)
    if all(float(x).is_integer() for x in places):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for label, height in plot.marks.items():
        axes.axhline(height, color=_FAINT, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.annotate(
            label, (1, height), xycoords=("axes fraction", "data"), xytext=(-2, 3), textcoords="offset points",
            ha="right", va="bottom", fontsize=8.5, color=_FAINT,
        )  # fmt: skip
    axes.grid(visible=True, axis="y", color=_GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_GRID)
    axes.tick_params(colors=_INK, length=0, labelsize=9)


def _for_page(text: str, theme: dict[str, str], key: str) -> str:
    """Keep the ``<svg>`` element alone, with the page's colours and ids that are its own."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'id="([^"]+)"', rf'id="{key}-\1"', text)
    text = re.sub(r'((?:xlink:)?href="|url\()#', rf"\g<1>#{key}-", text)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", text, count=1)
    text = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", text, count=1)
    for stand_in, colour in theme.items():
        text = text.replace(stand_in, colour)
    return text


def _with_gaps(plot: Plot) -> Plot:
    """Leave out what cannot be drawn."""

    def gaps(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(value if _drawable(value) else math.nan for value in values)

    lines = tuple(
        replace(line, x=gaps(line.x), y=gaps(line.y), low=gaps(line.low), high=gaps(line.high)) for line in plot.lines
    )
    return replace(plot, lines=lines, marks={label: y for label, y in plot.marks.items() if _drawable(y)})


def _drawable(value: float) -> bool:
    return abs(value) <= LARGEST  # false for what is not a number, too
