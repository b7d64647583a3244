"""How many threads to compute with: the physical cores that this process may use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")
_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def compute_threads() -> int:
    """Return ``$OMP_NUM_THREADS`` where it is set, else the physical cores within our affinity and cgroup, at least 1."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    try:
        allowed: Iterable[int] = os.sched_getaffinity(0)
    except AttributeError:  # not on Linux
        allowed = range(os.cpu_count() or 1)
    cores = {_physical_core(cpu) for cpu in allowed}
    return max(1, min(len(cores), _cgroup_cpus()))


def _physical_core(cpu: int) -> str:
    """Return a name that the hyperthreads of one core share; matrix products gain nothing from a second one."""
    with contextlib.suppress(OSError):
        return (_TOPOLOGY / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text(encoding="ascii").strip()
    return str(cpu)


def _cgroup_cpus() -> int:
    """Return the processors that the cgroup's quota grants (containers), a large number where there is none."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = _CGROUP_LIMIT.read_text(encoding="ascii").split()
        return max(1, round(int(quota) / int(period)))
    return 1 << 16
