"""Hostile code against the sandbox: everything it could take, break or reach is planted, and found untouched afterwards.

    python benchmarks/hostile.py [FILE...] [--tier T2]... [--plain] [--json]

A line of a file is ``{"name", "mode": "cell" | "stdio" | "asserts", "expect", "code", "task"}``. Of cells, ``blocked`` may not print PWNED,
``killed`` may not outlive its deadline, ``contained`` may do as it likes to itself; of programs that are judged, ``fail`` may not pass and
``pass``, an honest one, must; ``flag`` may, but not as a verdict to be trusted. ``--plain`` runs what is harmless enough (no
``danger``) in a plain subprocess, too. A hostile case that succeeded is printed by name, and the exit status is 1. Run it as root and
as an ordinary user: they are confined in different ways.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eurus_sandbox import Sandbox, SandboxError

HERE = Path(__file__).resolve().parent
OWN = tuple(HERE.parent / "tests" / "sandbox" / f"{name}.jsonl" for name in ("hostile", "hostile_programs"))
TIMEOUT_SECONDS = 0.7
LATEST_SECONDS = TIMEOUT_SECONDS + 3
TOKEN_VARIABLE = "EURUS_TEST_TOKEN"
MOST_MEMORY_BYTES = 3 << 30
MOST_INODES = 50_000
MOST_CHARS_OF_WHY = 1000
HARMLESS = re.compile(
    r"(read_secret|net_|proc_|overwrite_|truncate_|rename_|delete_|utime_|rmtree_|write_symlink|v_|environment_)"
)
"""Cases that a plain subprocess may run: what they break is planted for them. Bombs, kills and writes elsewhere are not among them."""
PLACEHOLDER = re.compile(r"@@[A-Z]+@@")

Case = dict[str, Any]


def read_cases(file: Path) -> list[Case]:
    """Return the cases of a file, none where it is missing."""
    if not file.exists():
        return []
    return [{"mode": "cell", **json.loads(line)} for line in file.read_text(encoding="utf-8").splitlines() if line]


@dataclass
class Bait:
    """What a snippet would like to reach."""

    folder: Path
    token: str
    victim: subprocess.Popen[bytes]
    listener: socket.socket
    udp: socket.socket
    unix: socket.socket
    expected: str = field(default_factory=lambda: f"EXPECTED-{secrets.token_hex(8)}")

    @property
    def canary(self) -> Path:
        return self.folder / "canary"

    @property
    def secret(self) -> Path:
        return self.folder / "secret.txt"

    def lay(self) -> None:
        """Put the canary's file there, as a case before may have left it anywhere."""
        self.canary.mkdir(exist_ok=True)
        self.canary.chmod(0o777)
        (self.canary / "victim.txt").write_text("untouched", encoding="utf-8")
        (self.canary / "victim.txt").chmod(0o666)

    def plant(self, text: str) -> str:
        """Fill a case's placeholders in. The word PWNED is split, since a traceback quotes the code it failed in."""
        for name, value in {
            "SECRET": self.secret,
            "CANARY": self.canary,
            "TOKEN": self.token,
            "EXPECTED": self.expected,
            "VPID": self.victim.pid,
            "HPID": os.getpid(),
            "PORT": self.listener.getsockname()[1],
            "UDP": self.udp.getsockname()[1],
            "UNIX": self.unix.getsockname(),
        }.items():
            text = text.replace(f"@@{name}@@", str(value))
        if PLACEHOLDER.search(text):
            raise ValueError(f"a placeholder that the harness does not know: {text}")
        return text.replace("PWNED", "PWN''ED")

    def state(self) -> object:
        """Return all that a snippet could have changed."""
        files = sorted(self.canary.rglob("*")) if self.canary.exists() else []
        seen = [(str(f), f.lstat().st_mode, f.lstat().st_uid, f.lstat().st_mtime, f.lstat().st_nlink) for f in files]
        victim = self.canary / "victim.txt"
        content = (victim.read_bytes(), os.listxattr(victim)) if victim.exists() else None
        return [*seen, content, self.victim.poll()]

    def calls(self) -> int:
        """Return how many connections and datagrams came in."""
        heard = 0
        for receive in (self.listener.accept, lambda: self.udp.recv(100), lambda: self.unix.recv(100)):
            try:
                receive()
                heard += 1
            except BlockingIOError:
                pass
        return heard


@contextmanager
def bait(folder: Path) -> Iterator[Bait]:
    """Plant a secret, a canary, listeners, a process to kill and a token in the environment."""
    token = secrets.token_hex(16)
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1e6)"])
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix,
    ):
        udp.bind(("127.0.0.1", 0))
        unix.bind(f"{folder}/unix")
        for one in (listener, udp, unix):
            one.setblocking(False)
        planted = Bait(folder, token, victim, listener, udp, unix)
        planted.secret.write_text(token, encoding="utf-8")
        planted.lay()
        os.environ[TOKEN_VARIABLE] = token
        try:
            yield planted
        finally:
            del os.environ[TOKEN_VARIABLE]
            victim.kill()
            victim.wait()


class Machine:
    """What the machine had when a case began, and the least memory since."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._inodes = os.statvfs(folder).f_ffree
        self._memory = self._least = _available_memory()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self._least = min(self._least, _available_memory())

    def lost(self) -> list[str]:
        """Return in words what the case took beyond what it may."""
        self._over.set()
        self._watch.join()
        found = []
        if self._memory - self._least > MOST_MEMORY_BYTES:
            found.append(f"took {(self._memory - self._least) >> 20} MB of memory")
        if self._inodes - os.statvfs(self._folder).f_ffree > MOST_INODES:
            found.append("took more than 50,000 inodes")
        return found


def _available_memory() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024
    raise OSError("no MemAvailable in /proc/meminfo")


def attack(case: Case, sandbox: Sandbox, planted: Bait) -> list[str]:
    """Run one case and return in words everything that should not have happened; nothing where the sandbox held."""
    planted.lay()
    before, machine = planted.state(), Machine(planted.folder)
    if case["mode"] == "cell":
        wrong = _attack_by_cell(case, sandbox, planted)
    else:
        wrong = _attack_by_program(case, sandbox, planted)
    wrong += machine.lost()
    if planted.state() != before:
        wrong.append("changed the canary or the victim")
    if planted.calls():
        wrong.append("reached a listener")
    if Path("/tmp/eurus_pwn").exists():
        wrong.append("wrote to /tmp")
    return wrong + _left_behind(sandbox)


def _attack_by_cell(case: Case, sandbox: Sandbox, planted: Bait) -> list[str]:
    wrong = []
    with sandbox.session() as session:
        started = time.monotonic()
        seen = session.run(planted.plant(case["code"]))
        if time.monotonic() - started > LATEST_SECONDS:
            wrong.append(f"ran {time.monotonic() - started:.1f} s")
        wrong += [
            f"showed {word!r}" for word in ("PWNED", planted.token, "root:x:0", "\x1b", "\x00") if word in seen.text
        ]
        if len(seen.text) > 25_000:
            wrong.append(f"showed {len(seen.text)} characters")
        json.dumps(seen.text).encode()
        if case["expect"] == "killed" and seen.status not in ("timeout", "killed", "memory"):
            wrong.append(f"ended as {seen.status}")
        session.run("pass", timeout_seconds=1)  # whatever it did to its own session: that must say how it ended
    with sandbox.session() as other:
        if other.run("6 * 7").text != "Out: 42":
            wrong.append("harmed another session")
    return wrong


def _attack_by_program(case: Case, sandbox: Sandbox, planted: Bait) -> list[str]:
    task, started = case["task"], time.monotonic()
    program = planted.plant(case["code"])
    if case["mode"] == "stdio":
        pairs = [(planted.plant(test["input"]), planted.plant(test["output"])) for test in task["tests"]]
        verdict = sandbox.check_stdio(program, pairs)
    else:
        verdict = sandbox.check_asserts(program, [planted.plant(test) for test in task["tests"]])
    wrong = []
    passed = verdict.correct and (verdict.trusted or case["expect"] != "flag")
    if passed != (case["expect"] == "pass"):
        wrong.append(f"judged {verdict.outcome} ({verdict.why})")
    if len(verdict.why) > MOST_CHARS_OF_WHY or not verdict.why.isprintable():
        wrong.append(f"was worded badly: {verdict.why[:100]!a}")
    if time.monotonic() - started > LATEST_SECONDS * max(1, len(task["tests"])):
        wrong.append(f"ran {time.monotonic() - started:.1f} s")
    return wrong


def _left_behind(sandbox: Sandbox) -> list[str]:
    """Wait for the case's processes to end; a forked one keeps the zygote's command line, wherever it went."""
    deadline = time.monotonic() + 3
    while left := _processes_of(sandbox.zygote_pid):
        if time.monotonic() > deadline:
            return [f"left processes behind: {left}"]
        time.sleep(0.02)
    return []


def _processes_of(zygote: int | None) -> list[int]:
    mark = Path(f"/proc/{zygote}/cmdline").read_bytes()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(folder.name) != zygote and (line == mark or line == b"sleep\x00317\x00"):
            found.append(int(folder.name))
    return found


@contextmanager
def confined(tier: str, least: str | None = None) -> Iterator[Sandbox]:
    """Open a sandbox of that tier, or of the ``least`` where the machine has no better, whose layers have been seen to hold."""
    settings = {
        "minimum_tier": least or tier,
        "maximum_tier": tier,
        "timeout_seconds": TIMEOUT_SECONDS,
        "memory_mb": 256,
    }
    with Sandbox(tools={"lookup": lambda word: str(word)}, preload=("numpy",), **settings) as sandbox:
        try_holds(sandbox)
        yield sandbox


def try_holds(sandbox: Sandbox) -> None:
    """See the layers hold before anything dangerous runs; SandboxError where one does not."""
    with sandbox.session() as session:
        for attempt in (
            "import os; os.kill(os.getppid(), 0)",
            "import os; os.fork()",
            "import os; os.listdir('/proc/1')",
            "import os; os.memfd_create('x')",
        ):
            if "Error" not in session.run(attempt).text:
                raise SandboxError(f"Not safe to go on: {attempt}")
        if session.run("bytearray(1 << 30)").status != "memory":
            raise SandboxError("Not safe to go on: no limit of memory")


def attack_plainly(case: Case, planted: Bait) -> list[str]:
    """Run a harmless case in a plain subprocess, judged inside as human-eval judges; return what went wrong."""
    planted.lay()
    before, code = planted.state(), planted.plant(case["code"])
    fed = ""
    if case["mode"] == "asserts":
        code += "\n" + "\n".join(case["task"]["tests"]) + "\nprint('all passed')"
    elif case["mode"] == "stdio":
        fed = planted.plant(case["task"]["tests"][0]["input"])
    program = planted.folder / "solution.py"
    program.write_text(code, encoding="utf-8", errors="surrogatepass")
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", f'ulimit -v {MOST_MEMORY_BYTES >> 10} && exec "$@"', "sh", sys.executable, "-I", program],
            input=fed, capture_output=True, text=True, errors="replace", timeout=LATEST_SECONDS, cwd=planted.folder, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ["ran over its time"]
    shown = done.stdout + done.stderr
    passed = {
        "cell": False,
        "asserts": done.returncode == 0,
        "stdio": bool(case.get("task")) and done.stdout.strip() == planted.expected,
    }[case["mode"]]
    wrong = [word for word in ("PWNED", planted.token) if word in shown]
    if case["mode"] != "cell" and passed != (case["expect"] == "pass"):
        wrong.append("judged wrongly")
    if planted.state() != before or planted.calls():
        wrong.append("broke or reached something")
    return wrong


def suite(files: Sequence[Path], tier: str, *, plain: bool) -> Iterator[dict[str, Any]]:
    """Yield a row a file (and a row of the plain subprocess): how many cases there are, and which succeeded."""
    with tempfile.TemporaryDirectory() as folder, bait(Path(folder)) as planted:
        for file in files:
            cases = read_cases(file)
            row: dict[str, Any] = {
                "user": os.getuid(),
                "runs in": f"eurus {tier}",
                "list": file.stem,
                "cases": len(cases),
            }
            started = time.monotonic()
            with confined(tier) as sandbox:
                broken = {case["name"]: wrong for case in cases if (wrong := attack(case, sandbox, planted))}
            yield {**row, "succeeded": len(broken), "seconds": time.monotonic() - started, "which": broken}
            if plain:
                tried = [case for case in cases if HARMLESS.match(case["name"]) and not case.get("danger")]
                broken = {case["name"]: wrong for case in tried if (wrong := attack_plainly(case, planted))}
                yield {**row, "runs in": "a subprocess", "cases": len(tried), "succeeded": len(broken), "which": broken}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="*", type=Path, default=OWN)
    parser.add_argument("--tier", action="append")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if not options.json:
        print(f"{'user':>6}  {'runs in':14} {'list':20} {'cases':>5} {'succeeded':>9}")
    held = True
    for tier in options.tier or ["T3", "T2"]:
        for row in suite(options.files, tier, plain=options.plain):
            ours = row["runs in"].startswith("eurus")
            held &= not (ours and row["succeeded"])
            if options.json:
                print(json.dumps(row), flush=True)
                continue
            print(
                f"{row['user']:>6}  {row['runs in']:14} {row['list']:20} {row['cases']:>5} {row['succeeded']:>9}",
                flush=True,
            )
            for name, wrong in row["which"].items() if ours else ():
                print(f"        {name}: {'; '.join(wrong)}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
