"""Programs judged by their tests: what one costs beside a bare interpreter, and whether labelled programs are judged as labelled.

    python benchmarks/programs.py [--programs 200] [--rates] [--labels] [--json]

A rate counts CPU time, the parent's and the zygote's included. Labels: the generated programs of five APPS problems (from $EURUS_REALDATA,
or shared/data beside the repository), each with the result that its data set gives; and for eight or more CodeContests problems there a
right and a wrong program of ours (codecontests_programs.jsonl), as the data set holds tests but no programs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cpu_time import milliseconds

from eurus_sandbox import Sandbox

PLAIN = "print(int(input()) * 2)"
IMPORTING = f"import numpy, sympy, scipy\n{PLAIN}"
APPS_IMPORTS = "import sys, math, collections, itertools, heapq, bisect, functools\nfrom typing import *\n"
"""What the data set's own harness puts before a program that defines a function."""


@dataclass(frozen=True)
class Rate:
    """What one program costs."""

    what: str
    n: int
    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True)
class Label:
    """One labelled program and how it was judged."""

    problem: str
    program: int
    label: bool
    outcome: str
    why: str

    @property
    def agrees(self) -> bool:
        return self.label == (self.outcome == "correct")


def measure(what: str, n: int, work: Callable[[], object], *others: int) -> Rate:
    work()
    return Rate(what, n, *milliseconds(n, work, *others))


def rates(n: int) -> list[Rate]:
    """Measure in turns, so that whatever else the machine does falls on all alike."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def bare(code: str) -> Callable[[], object]:
        command = [sys.executable, "-I", "-c", code]
        return lambda: subprocess.run(command, input=b"21\n", env=environment, capture_output=True, check=True)

    def judged(code: str) -> Callable[[], object]:
        def work() -> None:
            if not sandbox.check_stdio(code, [("21\n", "42\n")]).correct:
                raise SystemExit("a right program was judged wrong")

        return work

    with Sandbox() as sandbox:
        judged(PLAIN)()
        judged(IMPORTING)()
        zygotes = [int(pid) for pid in children(os.getpid()) if is_zygote(int(pid))]
        return [
            measure("python -I", n // 2, bare(PLAIN)),
            measure(f"judged at {sandbox.tier}", n, judged(PLAIN), *zygotes),
            measure("python -I, numpy sympy scipy", max(n // 40, 3), bare(IMPORTING)),
            measure(f"judged at {sandbox.tier}, numpy sympy scipy", n // 2, judged(IMPORTING), *zygotes),
        ]


def children(pid: int) -> list[str]:
    found: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text().split()
    return found


def is_zygote(pid: int) -> bool:
    return b"zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()


def apps(folder: Path, sandbox: Sandbox) -> Iterator[Label]:
    for place in sorted((folder / "taco_apps" / "apps_train").iterdir()):
        tests = json.loads((place / "input_output.json").read_text())
        for number, row in enumerate(json.loads((place / "gen_solutions.json").read_text())):
            if "fn_name" in tests:
                program = APPS_IMPORTS + row["code"]
                owner = "Solution()." if "class Solution" in program else ""
                asserts = [
                    # a result may be wrapped in a list, and often is
                    f"assert {owner}{tests['fn_name']}(*{given!r}) in {[wanted, *(wanted if isinstance(wanted, list) else [])]!r}"
                    for given, wanted in zip(tests["inputs"], tests["outputs"], strict=True)
                ]
                verdict = sandbox.check_asserts(program, asserts)
            else:
                verdict = sandbox.check_stdio(row["code"], list(zip(tests["inputs"], tests["outputs"], strict=True)))
            yield Label(f"APPS {place.name}", number, row["result"] is True, verdict.outcome, verdict.why)


def codecontests(folder: Path, sandbox: Sandbox) -> Iterator[Label]:
    tests = {}
    with gzip.open(folder / "codecontests" / "code_eval_code_contests.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            pairs = [(test["input"]["stdin"], test["output"]["stdout"]) for test in json.loads(row["test"])]
            tests[json.loads(row["labels"])["name"]] = pairs
    for number, line in enumerate((Path(__file__).parent / "codecontests_programs.jsonl").read_text().splitlines()):
        row = json.loads(line)
        pairs = next(pairs for name, pairs in tests.items() if name.replace(" ", "_").startswith(row["name"]))
        verdict = sandbox.check_stdio(row["program"], pairs, tolerance=1e-5)  # expected lines are laid out freely
        yield Label(f"CodeContests {row['name']}", number, row["correct"], verdict.outcome, verdict.why)


def labels() -> list[Label]:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("EURUS_REALDATA", beside))
    with Sandbox(timeout_seconds=4) as sandbox:  # the APPS harness's own
        return [*apps(folder, sandbox), *codecontests(folder, sandbox)]


def show_rates(found: list[Rate]) -> None:
    print(f"{'':44}{'n':>6}{'CPU ms':>10}{'wall ms':>10}{'times its peer':>16}")
    for peer, ours in zip(found[::2], found[1::2], strict=True):
        for row in (peer, ours):
            print(f"{row.what:44}{row.n:>6}{row.cpu_ms:>10.2f}{row.wall_ms:>10.2f}{peer.cpu_ms / row.cpu_ms:>16.1f}")


def show_labels(found: list[Label]) -> None:
    print(f"{'problem':28}{'programs':>10}{'correct':>10}{'as labelled':>14}")
    for problem in dict.fromkeys(one.problem for one in found):
        own = [one for one in found if one.problem == problem]
        right = sum(one.outcome == "correct" for one in own)
        print(f"{problem:28}{len(own):>10}{right:>10}{sum(one.agrees for one in own):>14}")
    for one in found:
        if not one.agrees:
            print(f"differs: {one.problem} #{one.program}, labelled {one.label}: {one.outcome}, {one.why}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=200)
    parser.add_argument("--rates", action="store_true", help="only rates")
    parser.add_argument("--labels", action="store_true", help="only labels")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    if not options.labels:
        found["rates"] = rates(options.programs)
    if not options.rates:
        found["labels"] = labels()
    if options.json:
        print(json.dumps({name: [asdict(row) for row in part] for name, part in found.items()}))
        return
    if "rates" in found:
        show_rates(found["rates"])
    if "labels" in found:
        show_labels(found["labels"])


if __name__ == "__main__":
    main()
