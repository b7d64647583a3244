"""The keys of a sandbox: what is preloaded, what one cell may use, how many run at once."""

from __future__ import annotations

import os

from pydantic import BaseModel, ConfigDict, Field

from eurus_core.records import Tier

TABLES = "pandas"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseModel):
    """One cell runs on one core: ``cells_at_once`` beyond the cores makes honest code miss its deadline."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    preload: tuple[str, ...] = ("numpy", "sympy", "scipy", "scipy.optimize")
    """Modules imported once, in the zygote; sessions get them for nothing."""
    tables: bool = False
    """Preload pandas, too; it needs the extra `tables` of eurus-sandbox and adds half a second to the start, none to a session."""
    memory_mb: int = Field(default=512, ge=16)
    """Address space of a session, on top of what the preloaded modules take."""
    timeout_seconds: float = Field(default=5.0, gt=0)
    """Wall clock of one cell, counted from when it starts, not while it waits for a core."""
    tool_seconds: float = Field(default=30.0, gt=0)
    """Wall clock of one call to a function on offer; the cell's own clock stands still meanwhile."""
    output_chars: int = Field(default=20_000, ge=200)
    """What is kept of a cell's output: three quarters from its head, the rest from its tail."""
    minimum_tier: Tier = "T2"
    """Refuse to start below this: T3 namespaces and a folder with a quota on top of T2, T2 Landlock and seccomp, T1 seccomp only,
    T0 resource limits only."""
    maximum_tier: Tier = "T3"
    """Leave out the layers beyond this. T2 takes a fifth less time a session than T3; its work folder is read-only."""
    folder_mb: int = Field(default=32, ge=1)
    """What the files of a session's work folder may take, in memory, at tier T3; below it the folder is read-only."""
    cells_at_once: int = Field(default_factory=_cores, ge=1)
    """Cells that run at the same time; by default the cores."""
    idle_sessions: int = Field(default=64, ge=0)
    """Interpreters kept alive between cells; beyond it the one longest idle is ended, and replayed when it is used again."""
    idle_mb: int = Field(default=4096, ge=0)
    """Memory that they may hold together, beyond what they began with; beyond it, too, the one longest idle is ended."""
    seed: int = 0
    """Seed of ``random`` and ``numpy.random`` in each session, so that a replay draws the same numbers."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What is imported once, in the zygote."""
        return (*self.preload, TABLES) if self.tables and TABLES not in self.preload else self.preload
