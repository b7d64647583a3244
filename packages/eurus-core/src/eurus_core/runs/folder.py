"""A run folder on disk: the names in it, the lock on it, writing that is whole or not at all, and whether it has room."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eurus_core.errors import UserError
from eurus_core.files.atomic import whole

DONE_MARK, REPORT = "stage.json", "report.json"
RECIPE, MANIFEST, EVENTS = "recipe.json", "manifest.json", "events.jsonl"
LOCK = ".lock"
"""The first file of a run folder, and what one is known by."""
FULL_BYTES = 1 << 16
"""With less left on the device, nothing that a stage writes has room."""


def stage_folders(run: Path) -> dict[str, list[Path]]:
    """Return where each stage of a run that has begun keeps its files, by name in the run's order; empty for what is no run.

    Of a stage that is under way and had been finished before, with other settings, the folder of what is under way is first.
    """
    try:
        stages = json.loads((run / MANIFEST).read_text(encoding="utf-8"))["stages"]
        names = [(str(stage["name"]), str(stage["fingerprint"])) for stage in stages]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    found = {}
    for name, fingerprint in names:
        folders = [partial_folder(run, name, fingerprint), run / name]
        if begun := [folder for folder in folders if folder.is_dir()]:
            found[name] = begun
    return found


def partial_folder(run: Path, name: str, fingerprint: str) -> Path:
    """Return where a stage works until it is done."""
    return run / ".partial" / f"{name}-{fingerprint[:12]}"


def check(folder: Path) -> None:
    """Refuse a place that is no folder, and a folder that somebody else's files are in."""
    if folder.is_dir():
        if not (folder / LOCK).exists() and any(folder.iterdir()):
            raise UserError(f"{folder}: holds files and is no run folder. Choose an empty or a new --out.")
    elif folder.exists() or folder.is_symlink():
        raise UserError(f"{folder}: is no folder. Choose another --out.")


def make(folder: Path) -> tuple[Path, ...]:
    """Make a run folder and return what was not there before, the run folder first; UserError where it cannot be made."""
    new = tuple(one for one in (folder, *folder.parents) if not one.exists())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}. Choose another --out.") from error
    return new


def unmake(new: tuple[Path, ...]) -> None:
    """Remove a run folder that was made in vain, and the folders made for it while nothing else is in them."""
    shutil.rmtree(new[0], ignore_errors=True)
    with contextlib.suppress(OSError):
        for folder in new[1:]:
            folder.rmdir()


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the run folder's lock; the kernel drops it with the process, however that dies."""
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{folder}: another process is running in this folder. Wait for it, or choose another --out."
            ) from None
        yield


def has_files(folder: Path) -> bool:
    """Return whether anything but folders lies below a folder."""
    return any(not path.is_dir() for path in folder.rglob("*"))


def text_of(file: Path) -> str | None:
    """Return what a file holds, None where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def write_json(path: Path, data: dict[str, Any]) -> None:
    write(path, json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def at_fault(folder: Path, error: Exception) -> str:
    """Return which place takes no more, and why, where that is what an error comes from; libraries say it in many ways."""
    if not folder.is_dir():
        return f"{folder}: the run folder was removed or moved while the run was in it."
    if isinstance(error, UserError):
        return ""
    full = [place for place in (folder, *_temporary()) if shutil.disk_usage(place).free < FULL_BYTES]
    if folder not in full and "No space left on device" not in str(error):
        return ""
    named = error.filename if isinstance(error, OSError) else None
    place = named or next(iter(full), folder)
    return f"{place}: no space left on device. Make room and run the same command again: what is done is kept."


def _temporary() -> list[Path]:
    """Return the folder of temporary files; none where there is no room to try one, which Python does when it is first asked."""
    try:
        return [Path(tempfile.gettempdir())]
    except FileNotFoundError:
        return []
