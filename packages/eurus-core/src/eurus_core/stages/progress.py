"""Progress of long work: one live line on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")

PLAIN_SECONDS = 10.0
"""Between two plain lines, so that a log of an hour stays readable."""


BATCH_SECONDS = 1.0
"""What is done within such a time of one another came of one batch."""


class Pace:
    """How fast work goes, known from the second batch on: the first one's time holds what it costs to start."""

    def __init__(self) -> None:
        self._begun: list[float] = []  # when the first three batches came
        self._first = (0.0, 0)  # when the first batch was whole, and what was done by then
        self._done = self._size = 0

    def add(self, now: float, count: int) -> None:
        """Say that so many more are done."""
        self._done += count
        if not self._begun or (len(self._begun) < 3 and now - self._begun[-1] > BATCH_SECONDS):
            self._begun.append(now)
        if len(self._begun) == 1:
            self._first, self._size = (now, self._done), self._done

    def rate(self, now: float) -> float | None:
        """Return how many are done a second after the first batch; None until a second one is whole."""
        since, before = self._first
        whole = len(self._begun) > 2 or (len(self._begun) == 2 and self._done - before >= self._size)
        return (self._done - before) / max(now - since, 1e-9) if whole else None


class Progress:
    """Counts done of total and shows rate and time left, both from the second batch on; at the end the rate of the whole.

    Use as a context manager; ``advance`` is cheap enough to call for every item. ``extra`` holds a few numbers to show
    beside the rate, such as a loss. What is over within ``patience`` seconds is not told at all.
    """

    def __init__(
        self,
        label: str,
        total: int | None = None,
        unit: str = "",
        *,
        patience: float = 0.0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_line: Callable[[dict[str, object]], None] | None = None,
    ):
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._clock, self._on_line, self._patience = clock, on_line, patience
        self._started = self._shown = clock()
        self._first = 0  # done before we began, when resuming: no part of the rate
        self._pace = Pace()
        self._extra: dict[str, float | str] = {}
        self._width = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *failure: object) -> None:
        if self.done or self.total:  # nothing to do is nothing to tell
            self._show(last=True)

    def resume_at(self, done: int) -> None:
        """Say that ``done`` items were there already."""
        self.done = self._first = done

    def advance(self, count: int = 1, **extra: float | str) -> None:
        self.done += count
        self._pace.add(self._clock(), count)
        self._extra.update(extra)
        interval = 0.1 if self._live else PLAIN_SECONDS
        ends = self.done == self.total and not self._live  # the last line says the same and how long it took
        if self._clock() - self._shown >= interval and not ends:
            self._show()

    def line(self, last: bool = False) -> str:
        """Return the present state in words: ``grow 12/64 trees, 3.1 a second, 17 s left``."""
        now = self._clock()
        rate = (self.done - self._first) / max(now - self._started, 1e-9) if last else self._pace.rate(now)
        count = f"{self.done}" if self.total is None else f"{self.done}/{self.total}"
        parts = [f"{self.label} {count}" + (f" {self.unit}" if self.unit else "")]
        if rate:
            parts.append(f"{rate:.1f} a second" if rate >= 1 else f"{1 / rate:.1f} s each")
            if self.total and self.done < self.total:
                parts.append(f"{duration((self.total - self.done) / rate)} left")
        parts += [
            f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in self._extra.items()
        ]
        return ", ".join(parts)

    def _show(self, last: bool = False) -> None:
        self._shown = self._clock()
        if self._shown - self._started < self._patience:
            return
        text = self.line(last) + (f", took {duration(self._shown - self._started)}" if last else "")
        if self._live:
            self._stream.write("\r" + text.ljust(self._width) + ("\n" if last else ""))
            self._width = len(text)
        else:
            self._stream.write(text + "\n")
        self._stream.flush()
        if self._on_line:
            self._on_line({"label": self.label, "done": self.done, "total": self.total, **self._extra})


def shown(items: Collection[T], label: str, unit: str) -> Iterator[T]:
    """Yield the items, and tell how far it is where that takes longer than a plain line waits."""
    with Progress(label, len(items), unit, patience=PLAIN_SECONDS) as progress:
        for item in items:
            yield item
            progress.advance()


def duration(seconds: float) -> str:
    """Word a time: ``42 s``, ``3 min 05 s``, ``2 h 04 min``."""
    minutes, rest = divmod(round(seconds), 60)
    if round(seconds) < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min {rest:02d} s" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
