"""CPU time of work that processes share: this one, its ended children, and others that go on living."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

REAPING_SECONDS = 0.3
"""Until a zygote has reaped its last child, whose time only then counts."""


def cpu_seconds(*others: int) -> float:
    """Return the time of this process and of ``others``, their ended children included."""
    seconds = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    for pid in others:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds


def milliseconds(n: int, work: Callable[[], object], *others: int) -> tuple[float, float]:
    """Return CPU and wall time of one of ``n`` pieces of work, in milliseconds."""
    cpu, wall = cpu_seconds(*others), time.perf_counter()
    for _ in range(n):
        work()
    wall = time.perf_counter() - wall
    time.sleep(REAPING_SECONDS)
    return 1000 * (cpu_seconds(*others) - cpu) / n, 1000 * wall / n
