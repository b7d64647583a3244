"""Running means of noisy curves, by hand."""

import math

import pytest

from eurus_core.stages.report import Line
from eurus_eval.report.smoothing import described, running, window


def line(*y: float) -> Line:
    return Line("loss", tuple(float(step) for step in range(1, len(y) + 1)), y)


def test_a_running_mean_is_over_the_five_around_and_fewer_at_the_ends() -> None:
    mean = running(line(0, 1, 2, 3, 4, 5, 6, 7))
    assert mean is not None
    assert mean.y == (1, 1.5, 2, 3, 4, 5, 5.5, 6)
    # the five around the fourth are 1 ... 5: 3 and sqrt(2) either way
    assert mean.low[3] == pytest.approx(3 - math.sqrt(2))
    assert mean.high[3] == pytest.approx(3 + math.sqrt(2))


def test_a_band_does_not_leave_what_was_measured() -> None:
    mean = running(line(0, 0, 0, 0, 1, 0, 0, 0))
    assert mean is not None
    assert min(mean.low) == 0
    assert max(mean.high) <= 1


def test_what_is_no_number_is_passed_over() -> None:
    mean = running(line(1, 1, math.nan, math.inf, 1, 1, 1, 1))
    assert mean is not None
    assert mean.y == (1,) * 8


def test_few_steps_are_not_smoothed() -> None:
    assert running(line(1, 2, 3, 4, 5, 6, 7)) is None
    assert described(7) == ""
    assert described(8).startswith("Bold: mean of the 5 steps")


def test_a_window_is_odd_and_a_sixth_of_the_steps() -> None:
    assert [window(steps) for steps in (8, 30, 44, 100, 600)] == [5, 5, 7, 17, 101]
