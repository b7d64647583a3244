"""The seccomp filter: the system calls a session may make. Any other fails with EPERM.

An allow-list, so that a call the kernel learns tomorrow is refused today. What is left out on purpose: fork and exec, sockets
but for local stream pairs, sending descriptors or datagrams to an address (sendmsg, sendto with one), every signal to
anybody, ptrace and its kin, memfd and shared memory (not charged to RLIMIT_AS), flock (which needs no right to write: a file that may be
read could be locked against everybody), and all that changes a file's name, mode, owner or times.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import struct
import tempfile

from eurus_sandbox.confinement import kernel

_ALLOWED = (
    "read readv pread64 preadv write writev pwrite64 pwritev close close_range lseek dup dup2 dup3 pipe pipe2 "
    "stat lstat fstat newfstatat statx access faccessat faccessat2 readlink readlinkat getdents getdents64 "
    "getcwd chdir fchdir statfs fstatfs fadvise64 fsync fdatasync umask sendfile copy_file_range "
    "mmap mprotect munmap mremap madvise brk mincore membarrier "
    "futex set_robust_list get_robust_list rseq set_tid_address sched_yield sched_getaffinity getcpu get_mempolicy "
    "exit exit_group restart_syscall arch_prctl getrandom "
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause "
    "select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 "
    "getsockopt shutdown getsockname getpeername "
    "nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times "
    "alarm setitimer getitimer timer_create timer_settime timer_delete timer_gettime timerfd_create timerfd_settime "
    "getpid gettid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getgroups getresuid getresgid "
    "getrlimit getrusage uname sysinfo wait4 waitid "
)
_CHANGING_FOLDERS = "creat mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 ftruncate"
_MISSING = ["clone3", "openat2"]  # ENOSYS: libc falls back to the older call, whose flags a filter can read

_CLONE_THREAD = 0x10000
_PR_SET_NAME, _PR_GET_NAME = 15, 16
_FCNTLS = [0, 1, 2, 3, 4, 5, 6, 1030]  # duplicate, get and set flags, ask for and take a record's lock without waiting
_IOCTLS = [0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451]  # isatty, window size, bytes ready, (non)blocking, cloexec
_OPENS = (
    (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC, os.O_RDONLY),
    (os.O_ACCMODE | os.O_TRUNC, os.O_RDONLY),
    (os.O_ACCMODE, os.O_WRONLY),
    (os.O_ACCMODE, os.O_RDWR),
)
"""Masks and flags: to read only; else what Landlock understands. It takes no account of the fourth access mode, which neither reads
nor writes, and none of emptying a file that is read before its ABI 3."""
_MODE_FILTER = 2
_MSG_OOB = (
    socket.MSG_OOB
)  # out-of-band bytes on a local stream have let a confined process into the kernel (CVE-2025-38236)
_AS_TREE = 2


def build(*, read_only: bool, work_folder: bool = False) -> Filter:
    """Return the filter, to be installed in any number of children.

    ``read_only`` also refuses every ``open`` that could write: for kernels where Landlock cannot say which files may be.
    ``work_folder`` allows files and folders to be made, renamed and removed, where Landlock lets them. ImportError where
    libseccomp is not installed.
    """
    import pyseccomp as seccomp

    allow = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # libseccomp before 2.5
        # a tree, not a list of 170 comparisons: the kernel walks the filter for every call when it is installed
        allow.set_attr(seccomp.Attr.CTL_OPTIMIZE, _AS_TREE)

    def rule(action: int, name: str, *conditions: object) -> None:
        try:
            allow.add_rule(action, name, *conditions)
        except (OSError, RuntimeError, ValueError):
            # this architecture has no such call, or libseccomp is older than it: it stays refused
            return

    for name in _ALLOWED.split():
        rule(seccomp.ALLOW, name)
    for name in _CHANGING_FOLDERS.split() if work_folder else ():
        rule(seccomp.ALLOW, name)
    for name, place in (("open", 1), ("openat", 2)):
        for mask, flags in _OPENS[:1] if read_only else _OPENS[1:]:
            rule(seccomp.ALLOW, name, seccomp.Arg(place, seccomp.MASKED_EQ, mask, flags))
    for name in _MISSING:
        rule(seccomp.ERRNO(errno.ENOSYS), name)
    rule(seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD))
    rule(
        seccomp.ALLOW,
        "socketpair",
        seccomp.Arg(0, seccomp.EQ, socket.AF_UNIX),
        seccomp.Arg(1, seccomp.MASKED_EQ, 0xF, socket.SOCK_STREAM),
    )
    rule(seccomp.ALLOW, "sendto", seccomp.Arg(3, seccomp.MASKED_EQ, _MSG_OOB, 0), seccomp.Arg(4, seccomp.EQ, 0))
    rule(seccomp.ALLOW, "recvfrom", seccomp.Arg(3, seccomp.MASKED_EQ, _MSG_OOB, 0))
    rule(seccomp.ALLOW, "prlimit64", seccomp.Arg(2, seccomp.EQ, 0))  # asking only
    rule(seccomp.ALLOW, "prlimit64", seccomp.Arg(0, seccomp.EQ, 0))  # its own: without capabilities none can be raised
    for option in (_PR_SET_NAME, _PR_GET_NAME):
        rule(seccomp.ALLOW, "prctl", seccomp.Arg(0, seccomp.EQ, option))
    for command in _FCNTLS:
        rule(seccomp.ALLOW, "fcntl", seccomp.Arg(1, seccomp.EQ, command))
    for request in _IOCTLS:
        rule(seccomp.ALLOW, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    with tempfile.TemporaryFile() as file:
        allow.export_bpf(file)
        file.seek(0)
        return Filter(file.read())


class Filter:
    """A built filter, laid out for the kernel once: a child only points at it."""

    def __init__(self, instructions: bytes):
        self._code = ctypes.create_string_buffer(instructions, len(instructions))
        layout = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(self._code))
        self._program = ctypes.create_string_buffer(layout, len(layout))
        self._address = ctypes.addressof(self._program)

    def install(self) -> None:
        """Filter the calling thread's system calls for ever; needs no_new_privs first."""
        kernel.prctl(kernel.PR_SET_SECCOMP, _MODE_FILTER, self._address)
