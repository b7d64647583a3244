"""What a confined session costs in CPU time and memory, beside ipykernel and a fresh Python process in the same run.

    python benchmarks/sandbox_sessions.py [--sessions 200] [--cells 2000] [--kernels 5] [--json]

A session is start + one cell + close with numpy, sympy and scipy loaded, the parent's and the zygote's time included; the kernel
imports them, as it must. The zygote's own start is paid once a sandbox. Memory is what a session shares with no other process.
``pip install ipykernel``; without it that row is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cpu_time import milliseconds

from eurus_core.records import Tier
from eurus_sandbox import Sandbox, SandboxError

PRELOAD = ("numpy", "sympy", "scipy", "scipy.optimize")
CELL = "x = 2\nx * 21"


@dataclass(frozen=True)
class Row:
    what: str
    n: int
    cpu_ms: float  # a piece
    wall_ms: float  # a piece
    private_mb: float | None = None


def measure(what: str, n: int, work: Callable[[], object], *others: int) -> Row:
    return Row(what, n, *milliseconds(n, work, *others))


def private_mb(pid: int) -> float | None:
    """Return the memory that a process shares with none, in MB; None for who may not look: a session is not dumpable."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except PermissionError:
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))) / 1024


def kernel_session() -> None:
    """Start a kernel of Jupyter, run the cell in it, shut it down."""
    from jupyter_client.manager import start_new_kernel

    kernel, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)
    client.execute_interactive(f"import {', '.join(PRELOAD)}\n{CELL}", output_hook=lambda message: None)
    client.stop_channels()
    kernel.shutdown_kernel(now=True)


def fresh_process() -> None:
    code = f"import {', '.join(PRELOAD)}\n{CELL}"
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def confined(tier: Tier, sessions: int, cells: int) -> Iterator[Row]:
    """Yield the rows of a tier: a session, a further cell."""
    with Sandbox(preload=PRELOAD, minimum_tier=tier, maximum_tier=tier) as sandbox:
        zygote = sandbox.zygote_pid or 0

        def session() -> None:
            with sandbox.session() as one:
                one.run(CELL)

        session()
        row = measure(f"session at {tier}", sessions, session, zygote)
        with sandbox.session() as one:
            one.run(CELL)
            (child,) = map(int, Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split())
            row = replace(row, private_mb=private_mb(child))
            yield row
            yield measure(f"a further cell at {tier}", cells, lambda: one.run(CELL), child)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--kernels", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    rows = [measure("fresh process, same imports", options.kernels, fresh_process)]
    if importlib.util.find_spec("ipykernel"):
        kernel_session()
        rows.append(measure("ipykernel session", options.kernels, kernel_session))
    peer = rows[-1]
    tiers: tuple[Tier, ...] = ("T2", "T3")
    for tier in tiers:
        try:
            rows += confined(tier, options.sessions, options.cells)
        except SandboxError as error:
            print(error, file=sys.stderr)
    if options.json:
        print(json.dumps({"user": os.geteuid(), "rows": [asdict(row) for row in rows]}))
        return
    against = f"{peer.what.split()[0]} / this"
    print(f"{'':30}{'n':>6}{'CPU ms':>10}{'wall ms':>10}{against:>18}{'private MB':>12}")
    for row in rows:
        memory = "" if row.private_mb is None else f"{row.private_mb:.1f}"
        print(
            f"{row.what:30}{row.n:>6}{row.cpu_ms:>10.2f}{row.wall_ms:>10.2f}{peer.cpu_ms / row.cpu_ms:>18.0f}{memory:>12}"
        )


if __name__ == "__main__":
    main()
