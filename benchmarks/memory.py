"""What a process holds of its own, and the most of it while something runs."""

from __future__ import annotations

import threading
from pathlib import Path


def own_mb() -> float:
    """Return the process's own memory in MiB, without the pages of mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


class Peak:
    """The most memory that the process holds of its own while this is entered, in MiB."""

    def __enter__(self) -> Peak:
        self.mb, self._over = own_mb(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.mb = max(self.mb, own_mb())

    def __exit__(self, *failure: object) -> None:
        self._over.set()
        self._thread.join()
