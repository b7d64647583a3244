"""How much memory a growth takes, and how fast it goes, by the number of its trees; each size in a process of its own.

    python benchmarks/growth.py 500 1000 4000

The actor writes from ground truth and no code is run, so that neither a model nor an interpreter stands beside what is measured.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from memory import Peak

from eurus_core.stages import Context
from eurus_data import Grow


def grow(trees: int) -> None:
    """Grow so many trees and print the size, the peak of memory in MB and the seconds."""
    stage = Grow.model_validate(
        {
            "source": "arithmetic",
            "problems": trees,
            "turns": 1,
            "tool": "none",
            "actors": [{"backend": "reference", "samples": 1, "schema": "cot"}],
            "concurrency": 16,
        }
    )
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Peak() as peak:
        stage.run(Context(Path(folder), name="grow", seed=1))
    print(f"{trees:>8} {peak.mb:>10.0f} {time.perf_counter() - start:>8.1f}")


def main(sizes: list[str]) -> int:
    print(f"{'trees':>8} {'peak, MB':>10} {'seconds':>8}", flush=True)
    for size in sizes:
        subprocess.run([sys.executable, __file__, "--one", size], check=True, stderr=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    arguments = sys.argv[1:] or ["500", "1000", "4000"]
    if arguments[0] == "--one":
        grow(int(arguments[1]))
    else:
        raise SystemExit(main(arguments))
