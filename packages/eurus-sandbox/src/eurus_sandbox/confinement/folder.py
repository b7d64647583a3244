"""The folder that sessions find themselves in: on the disk it is empty and nobody's; at tier T3 each has its own in memory over it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folder:
    """``top`` holds what the zygote writes. ``work`` lies alone in ``box``, and neither can be written to.

    Landlock judges a file on a mounted file system by the folders above the place where it is mounted, hence ``box``: what is
    allowed beneath it is allowed in what is mounted on ``work``, and nowhere else.
    """

    top: Path

    @classmethod
    def make(cls) -> Folder:
        """Return a new one."""
        folder = cls(Path(tempfile.mkdtemp(prefix="eurus-sandbox-")))
        folder.top.chmod(0o755)
        folder.work.mkdir(parents=True)
        for closed in (folder.work, folder.box):
            closed.chmod(0o555)
        return folder

    @property
    def box(self) -> Path:
        return self.top / "box"

    @property
    def work(self) -> Path:
        return self.box / "work"

    def remove(self) -> None:
        if self.box.exists():
            self.box.chmod(0o755)
        shutil.rmtree(self.top, ignore_errors=True)
