"""The fenced blocks of the READMEs, each run as a reader would run it: ``python tests/integration/readme_blocks.py`` prints a table.

Blocks of one README run in their order and in one folder, laid out as a clone is, since later ones read what earlier ones made.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import tomllib
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from readme_rules import COMMANDS, IN_PLACE_OF, LEFT_ALONE, STUBS, TWINS, difference

from eurus_core.cli.launcher import main as eurus_main

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/*/README.md")))
IN_A_CLONE = ("examples", "packages", "Makefile", "benchmarks", "requirements-dev.txt", "requirements-model.txt")


@dataclass(frozen=True)
class Block:
    """A fenced block: which README, below which heading, as which one there, in which language."""

    file: str
    heading: str
    number: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.file}: {self.heading}" + (f" ({self.number})" if self.number > 1 else "")

    @property
    def runnable(self) -> bool:
        """Whether it holds commands, Python or a recipe; a drawing and a printed result are none."""
        first = (self.text.split() or [""])[0]
        return self.language in ("python", "toml") or first == "$" or first in COMMANDS


@dataclass(frozen=True)
class Step:
    """A command and the lines that the README shows beneath it; None where it shows nothing."""

    command: str
    shown: tuple[str, ...] | None


@dataclass(frozen=True)
class Result:
    block: Block
    state: str  # worked, differs, not run
    why: str = ""
    seconds: float = 0.0  # of this process and those it waited for, on the CPU


def blocks(file: str) -> list[Block]:
    """Return the fenced blocks of a README in their order."""
    found: list[Block] = []
    count: Counter[str] = Counter()
    heading, inside, language = "", False, ""
    lines: list[str] = []
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            if inside:
                count[heading] += 1
                found.append(Block(file, heading, count[heading], language, "\n".join(lines)))
            inside, language, lines = not inside, line[3:].strip(), []
        elif inside:
            lines.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return found


def steps(text: str) -> list[Step]:
    """Return the commands of a block. With ``$ `` in front of commands the other lines are what they print."""
    joined = re.sub(r"\\\n\s*", "", text).splitlines()
    if not text.startswith("$ "):
        return [Step(command, None) for line in joined if (command := re.sub(r"(^|\s+)#.*", "", line).strip())]
    found: list[Step] = []
    for line in joined:
        if line.startswith("$ "):
            found.append(Step(re.sub(r"\s{2,}#.*", "", line[2:]), ()))
        else:
            found[-1] = Step(found[-1].command, (*(found[-1].shown or ()), line))
    return [Step(step.command, step.shown or None) for step in found]


def run_all(file: str, folder: Path, *, fast: bool) -> Iterator[Result]:
    """Run a README's blocks in ``folder``; ``fast`` puts the tiny model in the place of SmolLM2, and compares words alone."""
    for name in IN_A_CLONE:
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    twinned = False  # and then all that follows may read what the tiny model made
    for block in blocks(file):
        if block.name in LEFT_ALONE:
            yield Result(block, "not run", LEFT_ALONE[block.name])
            continue
        if not block.runnable:
            yield Result(
                block,
                "differs",
                "neither commands nor Python nor a recipe: name it in LEFT_ALONE, or its program in COMMANDS",
            )
            continue
        text = block.text
        for old, new in IN_PLACE_OF.get(block.name, ()):
            text = text.replace(old, new)
        twin = text
        for old, new in (*TWINS[""], *TWINS.get(block.name, ())) if fast else ():
            twin = twin.replace(old, new)
        twinned = twinned or twin != text
        began = sum(os.times()[:4])
        try:
            why = _run(block, twin, folder, loose=twinned)
        except Exception:
            why = traceback.format_exc()
        yield Result(block, "differs" if why else "worked", why, sum(os.times()[:4]) - began)


def _run(block: Block, text: str, folder: Path, *, loose: bool) -> str:
    """Return what differs from the README; "" for nothing."""
    if block.language == "python":
        return _run_python(text, folder, loose)
    if block.language == "toml":
        return _run_recipe(text, folder)
    for step in steps(text):
        status, printed = shell(step.command, folder)
        if status and step.shown is None:
            return f"{step.command}\nended with {status}:\n{printed}"
        if why := difference(step.shown, printed.splitlines(), loose=loose) if step.shown is not None else "":
            return f"{step.command}\n{why}"
    return ""


def _run_python(text: str, folder: Path, loose: bool) -> str:
    """Run a program; what a ``print(...)  # comment`` prints must be its comment, and those comments all that is shown of it."""
    said = tuple(re.findall(r"^\s*print\(.*\)  # (.*)$", text, re.MULTILINE))
    with _surroundings(folder, b"") as (out, _):
        exec(compile(text, "README", "exec"), {"__name__": "__main__"})
        sys.stdout.flush()
        out.seek(0)
        printed = out.read().decode()
    return difference(said, printed.splitlines(), loose=loose) if said else ""


def _run_recipe(text: str, folder: Path) -> str:
    """Check every setting of a recipe, or of a part of one that reads from the stages in STUBS."""
    file = folder / "readme.toml"
    file.write_text("\n".join((*_missing(text), text)))
    status, printed = shell(f"eurus run {file.name} --dry-run", folder)
    return f"ended with {status}:\n{printed}" if status else ""


def _missing(text: str) -> list[str]:
    """Return the stages that a part of a recipe goes on from, those first that others read."""
    tables: dict[str, Any] = tomllib.loads(text)
    whole = {name for name, table in tables.items() if isinstance(table, dict) and {"stage", "like"} & table.keys()}
    parts = {name for name, table in tables.items() if isinstance(table, dict)} - whole - {"profile"}
    settings = re.sub(r"\s#.*", "", text)
    needed = parts | ({*re.findall(r'"[@$]([\w-]+)', settings), *re.findall(r'like = "([\w-]+)', settings)} - whole)
    for name in reversed(STUBS):
        if name in needed:
            needed |= {*re.findall(r'"@([\w-]+)', STUBS[name]), *re.findall(r'like = "([\w-]+)', STUBS[name])} - whole
    return [stub for name, stub in STUBS.items() if name in needed]


def shell(line: str, folder: Path) -> tuple[int, str]:
    """Run a pipeline as a terminal shows it; ``eurus`` in this process, where torch is loaded once for all blocks."""
    parts = shlex.shlex(line, posix=True, punctuation_chars="|>")
    parts.whitespace_split = True
    pipeline: list[list[str]] = [[]]
    for word in parts:
        if word == "|":
            pipeline.append([])
        else:
            pipeline[-1].append(word)
    given, seen, status = b"", b"", 0
    for at, words in enumerate(pipeline):
        last = at == len(pipeline) - 1
        into = None
        if ">" in words:
            *words, _, into = words
            if words[-1:] == ["2"] and into == "&1":
                words, into = words[:-1], None
                status, out, err = _command(words, folder, given, together=True)
            else:
                status, out, err = _command(words, folder, given)
        elif ">&" in words:  # 2>&1
            words = words[: words.index(">&") - 1]
            status, out, err = _command(words, folder, given, together=True)
        else:
            status, out, err = _command(words, folder, given, together=last)
        seen += err
        if into:
            (folder / into).write_bytes(out)
            out = b""
        given = out
    return status, (seen + given).decode()


def _command(words: Sequence[str], folder: Path, given: bytes, *, together: bool = False) -> tuple[int, bytes, bytes]:
    if words[0] == "eurus":
        return _eurus(words[1:], folder, given, together)
    if words[0] == "pip":
        words = [
            sys.executable,
            "-m",
            "pip",
            "-q",
            words[1],
            "--dry-run",
            "--no-build-isolation",
            "--no-deps",
            *words[2:],
        ]
    stderr = subprocess.STDOUT if together else subprocess.PIPE
    done = subprocess.run(words, input=given, stdout=subprocess.PIPE, stderr=stderr, cwd=folder, check=False)
    return done.returncode, done.stdout, done.stderr or b""


def _eurus(args: Sequence[str], folder: Path, given: bytes, together: bool) -> tuple[int, bytes, bytes]:
    status = 0
    with _surroundings(folder, given, together=together) as (out, err):
        sys.argv = ["eurus", *args]
        try:
            eurus_main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        out.seek(0)
        err.seek(0)
        return status, out.read(), b"" if together else err.read()


@contextlib.contextmanager
def _surroundings(folder: Path, given: bytes, *, together: bool = True) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Give what a process of its own would have: streams, a folder, arguments, signals, warnings that are told on standard error."""
    before = sys.argv, sys.stdin, sys.stdout, sys.stderr, logging.getLogger().handlers[:]
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as other, contextlib.chdir(folder):
        err = out if together else other
        sys.stdin = io.TextIOWrapper(io.BytesIO(given))
        sys.stdout = io.TextIOWrapper(_Kept(out), write_through=True, line_buffering=True)  # type: ignore[arg-type]
        sys.stderr = io.TextIOWrapper(_Kept(err), write_through=True, line_buffering=True)  # type: ignore[arg-type]
        logging.getLogger().handlers[:] = [logging.StreamHandler(sys.stderr)]
        try:
            yield out, err
        finally:
            sys.argv, sys.stdin, sys.stdout, sys.stderr, logging.getLogger().handlers[:] = before
            for number, handler in signals.items():
                signal.signal(number, handler)


class _Kept(io.BufferedIOBase):
    """A file that outlives the text streams on it: two of them may share one."""

    def __init__(self, file: IO[bytes]):
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()


def table(results: Sequence[Result]) -> str:
    """Return a line a block, and beneath it what differs."""
    return "\n".join(
        f"{result.state:8}{result.seconds:6.1f} s  {result.block.name}"
        + (f"\n{result.why}" if result.state == "differs" else f"  -- {result.why}" if result.why else "")
        for result in results
    )


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    names = {word for word in sys.argv[1:] if word != "--fast"}
    for each in [file for file in READMES if not names or names & {file, Path(file).parent.name}]:
        with tempfile.TemporaryDirectory() as place:
            for one in run_all(each, Path(place), fast="--fast" in sys.argv):
                print(table([one]), flush=True)
