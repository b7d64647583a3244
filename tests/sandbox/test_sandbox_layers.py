"""The layers: what is said where one is missing, and that an ordinary user has them all.

A kernel without Landlock or seccomp is had by filtering the system calls that give them.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eurus_core.records import Tier
from eurus_sandbox import Sandbox

WITHOUT_LANDLOCK = "filter.add_rule(seccomp.ERRNO(errno.ENOSYS), 444)"
WITHOUT_SECCOMP = 'filter.add_rule(seccomp.ERRNO(errno.EINVAL), "prctl", seccomp.Arg(0, seccomp.EQ, 22))'
WITHOUT_NAMESPACES = 'filter.add_rule(seccomp.ERRNO(errno.EPERM), "unshare")'
WITHOUT_MOUNTS = 'filter.add_rule(seccomp.ERRNO(errno.EACCES), "mount")'
OPEN = """
import errno, sys
import pyseccomp as seccomp
from eurus_core.records import Tier
from eurus_sandbox import Sandbox
from eurus_sandbox import SandboxError
filter = seccomp.SyscallFilter(seccomp.ALLOW)
{removal}
filter.load()
try:
    with Sandbox(preload=(), minimum_tier="{minimum}") as sandbox, sandbox.session() as session:
        print(sandbox.tier)
        for code in {cells!r}:
            seen = session.run(code)
            print(seen.tier, seen.status, seen.text.splitlines()[-1])
except SandboxError as error:
    print(error)
"""
NOBODY = 65534
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1 << 12, 1 << 14, 1 << 18


def output(removal: str, minimum: str, *cells: str) -> list[str]:
    code = OPEN.format(removal=removal, minimum=minimum, cells=cells)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.stdout.splitlines()


def test_without_landlock_it_says_so_and_how_to_go_on() -> None:
    (message,) = output(WITHOUT_LANDLOCK, "T2")
    assert message.startswith("The sandbox reaches tier T1; minimum_tier is T2. Landlock is missing: ")
    assert "Linux 5.13 or newer" in message
    assert message.endswith('set minimum_tier = "T1" (--sandbox-min T1).')


def test_without_landlock_tier_one_reads_files_and_still_writes_none() -> None:
    assert output(WITHOUT_LANDLOCK, "T1", "len(open('/etc/passwd').read()) > 0", "open('/dev/null', 'w')") == [
        "T1",
        "T1 ok Out: True",
        "T1 error PermissionError: [Errno 1] Operation not permitted: '/dev/null'",
    ]


def test_without_seccomp_it_says_what_was_not_stopped() -> None:
    (message,) = output(WITHOUT_SECCOMP, "T2")
    assert message.startswith("The sandbox reaches tier T0; minimum_tier is T2. seccomp is missing: ")
    assert "network" in message
    assert message.endswith('set minimum_tier = "T0" (--sandbox-min T0).')


def test_without_seccomp_tier_zero_runs_where_it_is_asked_for() -> None:
    assert output(WITHOUT_SECCOMP, "T0", "6 * 7") == ["T0", "T0 ok Out: 42"]


@pytest.mark.parametrize("removal", [WITHOUT_NAMESPACES, WITHOUT_MOUNTS])
def test_without_namespaces_tier_two_is_reached_and_nothing_can_be_written(removal: str) -> None:
    assert output(removal, "T2", "open('x', 'w')") == [
        "T2",
        "T2 error PermissionError: [Errno 13] Permission denied: 'x'",
    ]


def test_without_namespaces_tier_three_is_refused_with_the_reason() -> None:
    (message,) = output(WITHOUT_NAMESPACES, "T3")
    assert message.startswith(
        "The sandbox reaches tier T2; minimum_tier is T3. namespaces is missing: the kernel answers: Operation not permitted."
    )
    assert "sysctl" in message


@pytest.mark.parametrize("tier", ["T0", "T1", "T2"])
def test_layers_beyond_the_maximum_are_left_out(tier: Tier) -> None:
    with Sandbox(preload=(), minimum_tier="T0", maximum_tier=tier) as sandbox, sandbox.session() as session:
        assert session.run("1").tier == tier
        left_out = [layer.name for layer in sandbox.layers if layer.about == f"maximum_tier is {tier}"]
    assert left_out == ["namespaces", "tmpfs quota", "Landlock", "seccomp"][: 2 + 2 - int(tier[1])]


def test_the_work_folder_of_tier_three_is_each_sessions_own_and_ends_at_its_quota(tmp_path: Path) -> None:
    full = (
        "import errno, os\nwritten = 0\ntry:\n    for name in range(3):\n        with open(f'{name}', 'wb', buffering=0) as file:\n"
        "            while written < 1 << 24: written += file.write(bytes(1 << 16))\n"
        "except OSError as error:\n    print(errno.errorcode[error.errno], written)"
    )
    with Sandbox(preload=(), folder_mb=4) as sandbox:
        if sandbox.tier != "T3":
            pytest.skip("no namespaces here")
        with sandbox.session() as one, sandbox.session() as other:
            assert one.run("open('x', 'w').write('kept')").text == "Out: 4"
            assert one.run("open('x').read()").text == "Out: 'kept'"
            assert other.run("import os\nos.listdir()").text == "Out: []"
            assert one.branch().run("open('x').read()").text == "Out: 'kept'"
            # a file may take the whole quota (4 MiB), and then hits its own limit: "too large"
            assert other.run(full).text == f"EFBIG {4 << 20}"
            assert other.run(full.replace("1 << 24", "3 << 20").replace("written = 0", "written = -1")).text
            for outside in ("'../x'", "'../../x'", "'/tmp/x'", f"'{tmp_path}/x'"):
                assert "PermissionError" in one.run(f"open({outside}, 'w')").text


def test_files_in_the_work_folder_can_be_made_renamed_and_removed() -> None:
    with Sandbox(preload=()) as sandbox, sandbox.session() as session:
        if sandbox.tier != "T3":
            pytest.skip("no namespaces here")
        seen = session.run(
            "import pathlib, tempfile\nwith tempfile.TemporaryDirectory() as name:\n    path = pathlib.Path(name, 'a')\n"
            "    path.write_text('1')\n    path = path.rename(path.with_name('b'))\n    print(path.read_text())\n"
            "pathlib.Path(name).exists()"
        )
        assert seen.text == "1\nOut: False"
        refused = (
            "os.symlink('/etc', 'l')",
            "os.link('/etc/passwd', 'l')",
            "os.chmod('.', 0o777)",
            "os.mkfifo('f')",
            "os.mknod('n')",
        )
        for call in refused:
            assert "PermissionError" in session.run(f"import os\n{call}").text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_session_of_tier_three_sees_no_network_device_and_is_nobody() -> None:
    with Sandbox(preload=()) as sandbox, sandbox.session() as session:
        if sandbox.tier != "T3":
            pytest.skip("no namespaces here")
        assert (
            session.run("import os\nos.getresuid(), os.getresgid()").text == f"Out: ({(NOBODY,) * 3}, {(NOBODY,) * 3})"
        )


def bare_interpreter(user: int) -> None:
    """In a forked child of root: make the interpreter readable by everybody in a mount namespace of its own, become ``user``."""
    libc = ctypes.CDLL(None, use_errno=True)

    def checked(result: int) -> None:
        if result:
            raise OSError(ctypes.get_errno(), "no mount namespace")

    checked(libc.unshare(CLONE_NEWNS))
    checked(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    base = Path(sys.base_prefix).resolve()
    for folder in reversed(base.parents):
        if not folder.stat().st_mode & 0o001:
            kept = os.open(base, os.O_PATH)
            checked(libc.mount(b"none", bytes(folder), b"tmpfs", 0, b"mode=755"))
            base.mkdir(parents=True)
            checked(libc.mount(f"/proc/self/fd/{kept}".encode(), bytes(base), None, MS_BIND | MS_REC, None))
            os.close(kept)
            break
    os.chdir("/")
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("user", [0, NOBODY])
def test_sessions_of_root_and_of_an_ordinary_user_run_as_nobody(user: int) -> None:
    code = OPEN.format(
        removal="", minimum="T2", cells=("import os\nos.getuid(), os.geteuid(), os.getgroups()", "import sympy")
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/bin:/bin", "HOME": "/"},
            preexec_fn=lambda: bare_interpreter(user),
        )
    except subprocess.SubprocessError:
        pytest.skip("no mount namespaces here")
    assert not done.stderr
    assert done.stdout.splitlines() == [
        "T3",
        f"T3 ok Out: ({NOBODY}, {NOBODY}, [])",
        "T3 ok [Executed Successfully with No Output]",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to lose")
def test_a_session_has_no_capability_left() -> None:
    code = (
        "import ctypes\nheader = (ctypes.c_uint32 * 2)(0x20080522, 0)\nsets = (ctypes.c_uint32 * 6)()\n"
        "ctypes.CDLL(None).prctl(23, 21)"  # PR_CAPBSET_READ is refused; what counts is what root may not do
    )
    with Sandbox(preload=()) as sandbox, sandbox.session() as session:
        assert session.run(code).text == "Out: -1"
        assert "PermissionError" in session.run("import os\nos.chown('/usr/lib', 0, 0)").text
