"""What options of several commands take."""

from __future__ import annotations

import math
from typing import Any

import click


class Seconds(click.FloatRange):
    """A positive time, however short; NaN, which no bound keeps out, is none."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no time.", param, ctx)
        return seconds
