"""Curves as they come out of a training: with gaps, with numbers that no axis holds."""

from __future__ import annotations

import math

import pytest

from eurus_core.stages.report import Line, Plot
from eurus_eval.report.plots import shared_range, svg


@pytest.mark.parametrize("wild", [math.inf, -math.inf, math.nan, 1e308, -1e308])
def test_a_value_that_no_axis_holds_is_a_gap(wild: float) -> None:
    line = Line("chosen", (1.0, 2.0, 3.0), (0.1, wild, 0.3), low=(0.0, wild, 0.2), high=(0.2, wild, 0.4))
    plot = Plot("rewards", "step", "reward", (line,), marks={"settles": 0.35, "out of reach": wild})
    limits = shared_range([plot])
    assert limits is not None
    assert -0.1 < limits.low < 0.1
    assert 0.35 < limits.high < 0.5
    drawn = svg(plot, "key")
    assert "settles" in drawn
    assert "out of reach" not in drawn


def test_a_curve_of_nothing_but_gaps_is_drawn_empty() -> None:
    assert "<svg" in svg(Plot("loss", "step", "loss", (Line("loss", (1.0, 2.0), (math.nan, math.inf)),)), "key")
