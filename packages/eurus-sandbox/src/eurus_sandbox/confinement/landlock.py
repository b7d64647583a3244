"""Landlock: after it, only the listed paths can be opened, and no TCP port bound or reached.

Kernel documentation: userspace-api/landlock. Rights that a newer ABI adds are denied wherever the kernel knows them. Not
covered by Landlock, hence left to seccomp: chmod, chown, utimes, xattrs, UDP and raw sockets. Covered by neither: ``stat`` of
a path that is known.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path

from eurus_sandbox.confinement import kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_AND_MAKE = (
    1 << 4 | 1 << 5 | 1 << 7 | 1 << 8
)  # remove folders and files, make folders and files; no links, no devices
_RENAME_AND_TRUNCATE = 1 << 13 | 1 << 14  # from ABI 2 and 3
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}  # by ABI
_FILE_RIGHTS_ABI_5 = (1 << 16) - 1
_TCP_BIND_AND_CONNECT = 0b11  # from ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # from ABI 6


def abi() -> int:
    """Return the kernel's Landlock version; OSError where it has none or it is switched off."""
    return kernel.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)


class Ruleset:
    """What may be opened. Built once before forking; each child restricts itself with the same descriptor."""

    def __init__(
        self, readable: Iterable[Path], *, writable_files: Iterable[Path] = (), writable_folders: Iterable[Path] = ()
    ):
        self.abi = abi()
        rights = _FILE_RIGHTS.get(self.abi, _FILE_RIGHTS_ABI_5)
        fields = [rights]
        if self.abi >= 4:
            fields.append(_TCP_BIND_AND_CONNECT)
        if self.abi >= 6:
            fields.append(_ABSTRACT_SOCKETS_AND_SIGNALS)
        attributes = struct.pack(f"={len(fields)}Q", *fields)
        self.descriptor = kernel.move_up(kernel.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
        for path in readable:
            self._allow(path, _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE)
        for path in writable_files:
            self._allow(path, _READ_FILE | _WRITE_FILE)
        everything = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_AND_MAKE | _RENAME_AND_TRUNCATE
        for path in writable_folders:
            self._allow(path, everything & rights)

    def _allow(self, path: Path, rights: int) -> None:
        try:
            beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            rule = struct.pack("=Qi", rights, beneath)
            kernel.syscall(_ADD_RULE, self.descriptor, _RULE_PATH_BENEATH, rule, 0)
        finally:
            os.close(beneath)

    def restrict(self) -> None:
        """Hold the calling thread to these rules for ever; needs no_new_privs first. Closes the descriptor."""
        kernel.syscall(_RESTRICT_SELF, self.descriptor, 0)
        os.close(self.descriptor)
