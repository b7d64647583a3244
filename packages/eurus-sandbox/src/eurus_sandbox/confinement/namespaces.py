"""Namespaces: a session without network devices, System V queues or a user of its own, and with a work folder in memory.

A user namespace is what allows an ordinary user the others. Inside it every session is user 65534, whoever it is outside. The
process identifiers stay those of the machine: a PID namespace holds only children made after it, hence costs a second fork,
and guards what Landlock and seccomp refuse already (``/proc`` and signals).
"""

from __future__ import annotations

import os
from pathlib import Path

from eurus_sandbox.confinement import kernel

USER = 65534
_MOST_FILES = 4096
_KINDS = kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC


def enter() -> None:
    """Take the calling process into new user, network, mount and IPC namespaces, with every capability inside them."""
    maps = {"setgroups": "deny", "uid_map": f"{USER} {os.geteuid()} 1", "gid_map": f"{USER} {os.getegid()} 1"}
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else its own /proc files belong to root after a change of user
    kernel.unshare(_KINDS)
    for name, content in maps.items():
        file = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(file, content.encode())
        os.close(file)


def mount_folder(folder: Path, most_bytes: int) -> None:
    """Mount an empty folder of at most so many bytes over ``folder``, for this process alone, and go there."""
    kernel.mount_tmpfs(os.fsencode(folder), f"size={most_bytes},nr_inodes={_MOST_FILES},mode=0777".encode())
    os.chdir(folder)
