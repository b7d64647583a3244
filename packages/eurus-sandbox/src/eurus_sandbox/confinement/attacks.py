"""Attempts to break out of a confined process, made at start in a child that lives for nothing else.

What the kernel says that it can do is not asked: a layer counts as held where what it forbids was tried, and refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK = b"\0" * (1 << 20)
_KINDS = ("user", "net", "mnt", "ipc")
_DEATH_SECONDS = 2.0


@dataclass(frozen=True)
class Before:
    """What an attacker looks at before it is confined, to compare with afterwards."""

    parent: int
    users: str
    namespaces: tuple[str, ...]
    status: int  # a descriptor: once Landlock is on, /proc/self/status cannot be opened any more

    @classmethod
    def look(cls) -> Before:
        status = os.open("/proc/self/status", os.O_RDONLY)
        return cls(os.getppid(), str(os.getresuid()), _namespaces(), status)


def held(before: Before, *, memory_bytes: int, folder_bytes: int) -> list[str]:
    """Return the attacks that were refused, and the layers whose effect can be seen; to be called once confined."""
    attacks: dict[str, Callable[[], object]] = {
        "files": lambda: os.listdir("/"),  # noqa: PTH208  (one system call, and an OSError)
        "network": lambda: socket.socket().close(),
        "processes": _fork,
        "signals": lambda: os.kill(before.parent, 0),
        "box": lambda: os.close(os.open("../outside", os.O_WRONLY | os.O_CREAT)),
    }
    status = os.pread(before.status, 1 << 14, 0).decode()
    seen = {
        "process group": os.getsid(0) == os.getpid(),
        "uid drop": str(os.getresuid()) != before.users,
        "namespaces": all(map(str.__ne__, _namespaces(), before.namespaces)),
        "resource limits": _out_of_memory(memory_bytes),
        "no_new_privs": "NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status,
    }
    names = [name for name, attack in attacks.items() if _refused(attack)] + [name for name in seen if seen[name]]
    # last, since afterwards there is no room for a file
    return names + (["tmpfs quota"] if "box" in names and _quota_holds(folder_bytes) else [])


def dies_with_parent(enter: Callable[[int], object]) -> bool:
    """Tell whether a process that has called ``enter`` ends when its parent is killed."""
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        with leaving():
            child = os.fork()
            if child == 0:
                with leaving():
                    enter(os.getppid())
                    os.write(writing, b"confined")
                    signal.pause()
            os.waitpid(child, 0)
    os.close(writing)
    with contextlib.closing(os.fdopen(reading, "rb", buffering=0)) as answer:
        confined = answer.read(100) == b"confined"
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        ended, _, _ = select.select([answer], [], [], _DEATH_SECONDS)
        return confined and bool(ended)


def in_child(work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns (plain JSON) when it runs in a forked child; None where it fails there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with leaving():
            os.write(writing, json.dumps(work()).encode())
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """End the process with the block, whatever happens in it: nothing of its parent's is run twice."""
    try:
        yield
    finally:
        os._exit(0)


def _refused(attack: Callable[[], object]) -> bool:
    try:
        attack()
    except OSError:
        return True
    return False


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _out_of_memory(most_bytes: int) -> bool:
    try:
        bytearray(most_bytes + (1 << 20))
    except MemoryError:
        return True
    return False


def _quota_holds(most_bytes: int) -> bool:
    """Tell whether the work folder can be written to, and is full after ``most_bytes``."""
    written = 0
    try:
        for name in range(4):
            with Path(str(name)).open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while written <= most_bytes and (size := file.write(_CHUNK)):
                    written += size
    except OSError:  # no room for a further file either
        pass
    return 0 < written <= most_bytes


def _namespaces() -> tuple[str, ...]:
    return tuple(str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in _KINDS)
