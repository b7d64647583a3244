"""The few system calls that Python does not wrap: prctl, capset, unshare, mount and raw calls by number."""

from __future__ import annotations

import ctypes
import fcntl
import os

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x8000000, 0x10000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8

_MADV_COLLAPSE = 25

_libc = ctypes.CDLL(None, use_errno=True)
_libc_with_python_stopped = ctypes.PyDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
_libc.mount.argtypes = (*[ctypes.c_char_p] * 3, ctypes.c_ulong, ctypes.c_char_p)
_CAPABILITY_VERSION_3 = 0x20080522
_THIS_THREAD = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
_NOTHING = (ctypes.c_uint32 * 6)()
_FIRST_FREE_DESCRIPTOR = 10


def syscall(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call by number; OSError with errno where the kernel refuses."""
    converted = [ctypes.c_long(one) if isinstance(one, int) else ctypes.c_char_p(one) for one in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *converted))


def prctl(option: int, argument: int, pointer: int = 0) -> None:
    _checked(_libc.prctl(option, argument, pointer, 0, 0))


def unshare(namespaces: int) -> None:
    """Leave the namespaces of those kinds for new ones; ``os.unshare`` came with Python 3.12."""
    _checked(_libc.unshare(namespaces))


def mount_tmpfs(folder: bytes, options: bytes) -> None:
    """Mount an empty file system in memory: no devices, no programs."""
    _checked(_libc.mount(b"tmpfs", folder, b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options))


def madvise_collapse(address: int, size: int) -> None:
    """Make huge pages of that memory; nothing happens where the kernel refuses, or is too old to know how."""
    _libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), _MADV_COLLAPSE)


def fork() -> int:
    """Fork as C does it; only for a process with one thread.

    ``os.fork`` also renews locks and seeds for the sake of threads that are gone: 1 ms of CPU, with a hundred pages to copy.
    """
    return _checked(_libc_with_python_stopped.fork())


def mprotect(address: int, size: int, rights: int) -> None:
    """Set the rights of that memory; nothing happens where the kernel refuses."""
    _libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), rights)


def move_up(descriptor: int) -> int:
    """Return a duplicate out of the way of the standard streams, and close the original."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE_DESCRIPTOR)
    finally:
        os.close(descriptor)


def drop_capabilities() -> None:
    """Give up every capability: a root process without them owns its files, and nothing else."""
    _checked(_libc.capset(_THIS_THREAD, _NOTHING))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
