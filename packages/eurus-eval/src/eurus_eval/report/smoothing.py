"""Curves of noisy measurements: their running mean, and how far the measurements lie from it."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean, pstdev

from eurus_core.stages.report import Line

LEAST = 8
"""Measurements from which on a running mean tells more than they do."""

SMALLEST_WINDOW, SHARE = 5, 6
"""A window holds a sixth of the measurements, an odd number of them, and five at least."""


def window(measurements: int) -> int:
    """Return how many measurements a running mean is taken over; 1 where it would tell nothing."""
    return 1 if measurements < LEAST else max(SMALLEST_WINDOW, measurements // SHARE | 1)


def running(line: Line) -> Line | None:
    """Return the running mean of a curve; its band is a standard deviation of the same measurements either way, as far as they reach.

    The window is centred and cut off at the ends. What is no number is passed over. None where there are too few measurements.
    """
    size = window(len(line.y))
    if size == 1:
        return None
    around = [_finite(line.y[max(0, i - size // 2) : i + size // 2 + 1]) for i in range(len(line.y))]
    bands = [_band(values) for values in around]
    return replace(
        line,
        y=tuple(fmean(values) if values else math.nan for values in around),
        low=tuple(low for low, _ in bands),
        high=tuple(high for _, high in bands),
    )


def _band(values: list[float]) -> tuple[float, float]:
    if not values:
        return math.nan, math.nan
    mean, spread = fmean(values), pstdev(values)
    return max(mean - spread, min(values)), min(mean + spread, max(values))  # no share of pairs lies below 0


def described(measurements: int) -> str:
    """Say what a smoothed plot shows; nothing where nothing was smoothed."""
    size = window(measurements)
    if size == 1:
        return ""
    return (
        f"Bold: mean of the {size} steps around each, of fewer at the ends. Band: one standard deviation of these steps either way, "
        "as far as they reach. Faint: every step."
    )


def _finite(values: tuple[float, ...]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
