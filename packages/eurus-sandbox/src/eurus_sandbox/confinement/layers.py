"""What holds a session's process: the layers in their order, and an honest test of which of them hold.

Each layer would forbid those before it. All that can be built before forking is built once, in the zygote. The tier is found by
attempting attacks (:mod:`~eurus_sandbox.confinement.attacks`) from a confined child: T3 no file outside the read-only roots, no
network, no process, no signal, namespaces of its own and a work folder with a quota; T2 the same without the namespaces,
hence nothing to write to; T1 files can be read; T0 resource limits only.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import signal
import site
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from eurus_core.records import Tier
from eurus_sandbox.confinement import attacks, kernel, landlock, namespaces, syscalls
from eurus_sandbox.confinement.folder import Folder

TIERS: tuple[Tier, ...] = get_args(Tier)
ADDED: dict[Tier, tuple[str, ...]] = {"T1": ("seccomp",), "T2": ("Landlock",), "T3": ("namespaces", "tmpfs quota")}
"""The layers that make a tier, on top of those of the tier below."""
LAYERS = (
    "process group",
    "uid drop",
    "namespaces",
    "tmpfs quota",
    "PDEATHSIG",
    "resource limits",
    "no_new_privs",
    "Landlock",
    "seccomp",
)

_OPEN_FILES = 64
_THREADS = 256
_THREADS_OF_ALL = 4096
"""Of all sessions together, and what the user runs besides: below T3 the kernel counts by user only. 16 kB of stack a thread would
otherwise allow one session 25,000, and a machine has 32,768 process identifiers."""
_SYSTEM_ROOTS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/dev/zero", "/dev/urandom", "/dev/random")
_ATTACKS = {
    "Landlock": {"files"},
    "seccomp": {"network", "processes", "signals"},
    "namespaces": {"namespaces"},
    "tmpfs quota": {"tmpfs quota"},
}


class Confinement:
    """Every layer that this machine grants, up to those of ``maximum``. ``missing`` says why, for each that it does not."""

    def __init__(
        self,
        *,
        folder: Folder,
        memory_bytes: int,
        folder_bytes: int,
        maximum: Tier = "T3",
        preload: Sequence[str] = (),
    ):
        self.missing: dict[str, str] = {}
        self._held: set[str] = set()
        self._prepared: list[tuple[str, Callable[[], object]]] = []
        self._folder, self._folder_bytes, self._preload = folder, folder_bytes, preload
        # on top of what is mapped already: an absolute limit under a large parent once scored every answer 0
        mapped_pages = int(Path("/proc/self/statm").read_text().split()[0])
        self._address_space = mapped_pages * resource.getpagesize() + memory_bytes
        self._memory_bytes = memory_bytes
        self._most_threads = _THREADS_OF_ALL
        self._user: int | None = None
        if os.geteuid() != 0:
            self.missing["uid drop"] = (
                f"sessions are user {os.geteuid()}, as you are; only root can become somebody else"
            )
            self._most_threads += _threads_of(os.getuid())
        elif not _readable_by(namespaces.USER):
            self.missing["uid drop"] = f"user {namespaces.USER} may not read this Python, {sys.prefix}"
        else:
            self._user = namespaces.USER
        for tier in TIERS[TIERS.index(maximum) + 1 :]:
            self.missing.update(dict.fromkeys(ADDED[tier], f"maximum_tier is {maximum}"))
        self._build()

    def _build(self) -> None:
        """Make what the wanted layers need; a layer that cannot be made is given up, and those above it are of no use."""
        self._thread_limit = _lowered(resource.RLIMIT_NPROC, self._most_threads)
        self._limits = [
            _lowered(resource.RLIMIT_AS, self._address_space),
            _lowered(resource.RLIMIT_CORE, 0),
            _lowered(resource.RLIMIT_FSIZE, self._folder_bytes if self._has_folder else 0),
            _lowered(resource.RLIMIT_MEMLOCK, 0),
            _lowered(resource.RLIMIT_MSGQUEUE, 0),
            _lowered(resource.RLIMIT_NOFILE, _OPEN_FILES),
            _lowered(resource.RLIMIT_NPROC, _THREADS if self._has_folder else self._most_threads),
        ]
        self._ruleset: landlock.Ruleset | None = None
        self._filter: syscalls.Filter | None = None
        if "seccomp" in self.missing or "Landlock" in self.missing:
            for layer in ADDED["T3"]:
                self.missing.setdefault(layer, "of no use without Landlock and seccomp")
        if "Landlock" not in self.missing:
            readable = _readable_roots(self._folder.work, self._preload)
            writable = [self._folder.box] if self._has_folder else []
            try:
                self._ruleset = landlock.Ruleset(
                    readable, writable_files=[Path("/dev/null")], writable_folders=writable
                )
            except OSError as error:
                self._give_up("Landlock", f"the kernel answers: {error.strerror}")
                return
        if "seccomp" not in self.missing:
            try:
                self._filter = syscalls.build(read_only=self._ruleset is None, work_folder=self._has_folder)
            except (ImportError, OSError, RuntimeError) as error:
                self._give_up("seccomp", f"the filter cannot be built ({error})")

    def _give_up(self, layer: str, why: str) -> None:
        self.missing[layer] = why
        if layer in ADDED["T3"]:
            for other in ADDED["T3"]:
                self.missing.setdefault(other, f"of no use without {layer}")
        if self._ruleset is not None:
            os.close(self._ruleset.descriptor)
        self._build()

    @property
    def _has_folder(self) -> bool:
        return "tmpfs quota" not in self.missing

    @property
    def descriptors(self) -> list[int]:
        """What a child must keep open until it has entered."""
        return [] if self._ruleset is None else [self._ruleset.descriptor]

    def enter(self) -> None:
        """Confine the calling process, for ever: a child, to live no longer, of the one that made the :meth:`attempt`."""
        for _, put_on in self._prepared:
            put_on()

    def _steps(self, parent: int) -> list[tuple[str, Callable[[], object]]]:
        steps: list[tuple[str, Callable[[], object]]] = [("process group", os.setsid)]
        if self._user is not None:
            steps.append(("uid drop", self._become_nobody))
        elif os.geteuid() == 0:
            steps.append(("resource limits", _be_counted))
        # before there is a namespace, whose own count the last limit bounds: it keeps this one for its sessions together
        steps.append(("resource limits", functools.partial(resource.setrlimit, *self._thread_limit)))
        if self._has_folder:
            steps.append(("namespaces", namespaces.enter))
            steps.append(
                ("tmpfs quota", functools.partial(namespaces.mount_folder, self._folder.work, self._folder_bytes))
            )
        if self._has_folder or os.geteuid() == 0:
            steps.append(("no_new_privs", kernel.drop_capabilities))
        steps.append(
            ("PDEATHSIG", functools.partial(_die_with, parent))
        )  # after the change of user, which would clear it
        steps += [("resource limits", functools.partial(resource.setrlimit, *limit)) for limit in self._limits]
        steps.append(("no_new_privs", _stay_unprivileged))
        if self._ruleset is not None:
            steps.append(("Landlock", self._ruleset.restrict))
        if self._filter is not None:
            steps.append(("seccomp", self._filter.install))
        return steps

    def attempt(self) -> Tier:
        """Return the tier that held when a confined child tried to break out.

        A layer that did not hold is given up, and ``missing`` says so. RuntimeError where one fails that cannot be done without.
        """
        while True:
            report = attacks.in_child(self._attack)
            if report is None:
                raise RuntimeError("a confined child died of its own attacks")
            fault = self._fault(report)
            if fault is None:
                break
            self._give_up(*fault)
        self._held = set(report["held"])
        if attacks.dies_with_parent(lambda parent: [put_on() for _, put_on in self._steps(parent)]):
            self._held.add("PDEATHSIG")
        self._prepared = self._steps(os.getpid())
        return max(("T0", *(tier for tier in ADDED if not self.missing.keys() & _up_to(tier))))

    def _attack(self) -> dict[str, Any]:
        before = attacks.Before.look()
        for layer, put_on in self._steps(before.parent):
            try:
                put_on()
            except OSError as error:
                return {"failed": layer, "why": error.strerror}
        most = self._address_space, self._folder_bytes
        return {"held": attacks.held(before, memory_bytes=most[0], folder_bytes=most[1])}

    def _fault(self, report: dict[str, Any]) -> tuple[str, str] | None:
        """Return the layer to give up after such a report, and why."""
        failed = report.get("failed")
        if failed in _ATTACKS:
            return failed, f"the kernel answers: {report['why']}"
        if failed is not None:
            raise RuntimeError(f"{failed}: {report['why']}")
        for layer, stopped in _ATTACKS.items():
            escaped = sorted(stopped - set(report["held"]))
            if layer not in self.missing and escaped:
                return layer, f"it was put on, and did not stop a child's attack on {', '.join(escaped)}"
        return None

    def layers(self) -> list[tuple[str, bool, str]]:
        """Return each layer, whether it was seen to hold, and why not; after :meth:`attempt`."""
        found = []
        for layer in LAYERS:
            active = layer not in self.missing and _ATTACKS.get(layer, {layer}) <= self._held
            what = f"ABI {self._ruleset.abi}" if layer == "Landlock" and self._ruleset is not None else ""
            why = self.missing.get(layer, "it was put on, and no effect of it was seen")
            found.append((layer, active, what if active else why))
        return found

    def _become_nobody(self) -> None:
        user = namespaces.USER
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def _lowered(kind: int, value: int) -> tuple[int, tuple[int, int]]:
    """Return a limit of so much, or of what this process is held to, if that is less."""
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    return kind, (value, value)


def _be_counted() -> None:
    """Have root's threads counted as nobody's: root's own are not limited. Files and the namespace go by the effective user.

    ``os.access`` goes by this one, hence the mask: what a session makes in its work folder is writable to both.
    """
    os.setresuid(namespaces.USER, -1, -1)
    os.umask(0)


def _threads_of(user: int) -> int:
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if folder.stat().st_uid == user:
                count += (folder / "task").stat().st_nlink - 2
    return count


def _up_to(tier: Tier) -> set[str]:
    return {layer for one in ADDED if one <= tier for layer in ADDED[one]}


def _die_with(parent: int) -> None:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _stay_unprivileged() -> None:
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


def _readable_roots(folder: Path, preload: Sequence[str]) -> list[Path]:
    """Return what Python needs for imports, and the (empty) work folder; never a home, /etc or /proc."""
    modules = [getattr(sys.modules[name], "__file__", None) for name in preload if name in sys.modules]
    packages = [str(Path(file).parent) for file in modules if file and Path(file).name == "__init__.py"]
    variants: tuple[dict[str, str], ...] = ({}, {"base": sys.base_prefix, "platbase": sys.base_exec_prefix})
    python = [
        sysconfig.get_path(name, vars=paths)
        for paths in variants
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    ]
    shared = [f"{prefix}/lib" for prefix in (sys.base_prefix, sys.prefix)]
    user = [site.getusersitepackages()] if site.getusersitepackages() in sys.path else []
    return [folder, *map(Path, dict.fromkeys([*python, *shared, *user, *packages, *_SYSTEM_ROOTS, *_SYSTEM_FILES]))]


def _readable_by(user: int) -> bool:
    """Tell whether that user could still import what a session may import."""
    modules = [sys.modules[name].__file__ for name in ("os", "IPython", "numpy") if name in sys.modules]
    files = [file for file in modules if file]

    def read_them() -> list[str]:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        return [file for file in files if os.access(file, os.R_OK)]

    return bool(attacks.in_child(read_them) == files)
