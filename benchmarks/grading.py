"""How well and how fast the math grader judges a file of labelled pairs, beside Math-Verify where that is installed.

    python benchmarks/grading.py CASES.jsonl [--data DATA] [--json] [--list] [--skip-peer]

A line of the file is ``{"pred": ..., "gold": ..., "equal": true, "why": "[group] remark"}``; pairs whose remark starts with ``[policy]`` rest on a
convention and are counted apart among the false accepts. Speed is CPU time: on the cases, and on plain numbers, of the function; below the
table that of the whole command `eurus grade`, which reads and writes JSON and judges in its worker. Its worker's time is counted. Whole replies,
made ones and, of the folder DATA of public data, GSM8K's and MATH's solutions, are judged by both in the same run: rows a CPU second.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eurus_core.records import Verdict
from eurus_graders import equivalent
from eurus_graders.math import judge

Judge = Callable[[str, str], bool]
PLAIN_PAIRS = 20_000


@dataclass(frozen=True)
class Row:
    """What one grader did on all the cases."""

    grader: str
    cases: int
    right: int
    false_accepts: int
    false_accepts_by_policy: int
    false_rejects: int
    asymmetric: int
    slowest_ms: float
    verdicts_a_second: float
    plain_verdicts_a_second: float


def eurus(prediction: str, reference: str) -> bool:
    return equivalent(prediction, reference).correct


def reads(text: str, reference: str) -> bool:
    """Judge a whole reply as the math grader does, without its worker."""
    found = judge.at_sight(text, reference)
    return (found if isinstance(found, Verdict) else judge.judge(text, found, reference)).correct


def math_verify_reads(text: str, reference: str) -> bool:
    """Judge a whole reply as Math-Verify's documentation has it."""
    from math_verify import parse, verify

    try:
        return bool(verify(parse(f"${reference}$"), parse(text)))
    except Exception:  # a peer that raises has rejected
        return False


@dataclass(frozen=True)
class Read:
    """How fast whole replies are judged; ``eurus`` and ``grade`` (the command), and the peer on every so many of them."""

    replies: str
    count: int
    characters: int
    right: int
    eurus_a_cpu_second: float
    grade_a_cpu_second: float
    peer_right: float | None = None
    peer_a_cpu_second: float | None = None


MOST_PEER = 600
"""Replies that the peer judges of each kind: it takes milliseconds for one."""


def read_all(name: str, pairs: Sequence[tuple[str, str]], *, peer: bool) -> Read:
    started = time.process_time()
    right = sum(reads(text, reference) for text, reference in pairs)
    rate = len(pairs) / (time.process_time() - started)
    command = whole(name, pairs, [True] * len(pairs))
    characters = sum(len(text) for text, _ in pairs) // len(pairs)
    shares: dict[str, float] = {}
    if peer:
        some = pairs[:: max(1, len(pairs) // MOST_PEER)]
        math_verify_reads("The answer is 1.", "1")
        started = time.process_time()
        peer_right = sum(math_verify_reads(text, reference) for text, reference in some) / len(some)
        shares = {"peer_right": peer_right, "peer_a_cpu_second": len(some) / (time.process_time() - started)}
    return Read(name, len(pairs), characters, right, rate, command.verdicts_a_cpu_second, **shares)


def made_replies(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return replies of some thirty steps that end in an answer, as a reasoning model writes them; each is right."""
    rng = random.Random(seed)
    ends = ("The answer is {}.", "So the answer is $\\boxed{{{}}}$.", "**Final Answer:** {}", "#### {}")
    replies = []
    for index in range(count):
        total, lines = rng.randrange(100), list[str]()
        for step in range(1, 31):
            more = rng.randrange(1, 100)
            lines.append(
                f"Step {step}: we add {more} to $x_{{{step}}} = {total}$, which gives ${total} + {more} = {total + more}$."
            )
            total += more
        answer = (str(total), f"\\frac{{{total}}}{{7}}")[index % 2]
        replies.append(("\n".join([*lines, ends[index % 4].format(answer)]), answer))
    return replies


def published_replies(data: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the solutions of GSM8K and MATH with their answers."""
    from eurus_data.sources.math import boxed

    def rows(path: Path) -> list[Any]:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    for file in sorted((data / "gsm8k").glob("test*.gz")):
        yield "GSM8K solutions", [(row["answer"], row["answer"].rpartition("####")[2].strip()) for row in rows(file)]
    solutions = [row["solution"] for row in rows(data / "math" / "test.jsonl.gz")]
    yield "MATH solutions", [(solution, boxed(solution) or "") for solution in solutions]


def math_verify() -> Judge | None:
    """Return Math-Verify's judgement as its users call it, or None where it is not installed."""
    if importlib.util.find_spec("math_verify") is None:
        return None
    from math_verify import parse, verify  # type: ignore[import-untyped]

    def judge(prediction: str, reference: str) -> bool:
        try:
            return bool(verify(parse(f"${reference}$"), parse(f"${prediction}$")))
        except Exception:  # a peer that raises has rejected
            return False

    return judge


def measure(
    name: str, judge: Judge, cases: Sequence[dict[str, Any]], plain: Sequence[tuple[str, str]]
) -> tuple[Row, list[str]]:
    """Return the figures of one grader and the cases that it got wrong."""
    wrong: list[str] = []
    counts = dict.fromkeys(("accepts", "policy", "rejects", "asymmetric"), 0)
    slowest, spent = 0.0, 0.0
    for case in cases:
        started = time.process_time()
        correct = judge(case["pred"], case["gold"])
        took = time.process_time() - started
        slowest, spent = max(slowest, took), spent + took
        counts["asymmetric"] += judge(case["gold"], case["pred"]) != correct
        if correct == case["equal"]:
            continue
        kind = "rejects" if case["equal"] else "policy" if case["why"].startswith("[policy]") else "accepts"
        counts[kind] += 1
        wrong.append(f"{name}: false {kind}: {case['pred']!r} for {case['gold']!r}  {case['why']}")
    started = time.process_time()
    for prediction, reference in plain:
        judge(prediction, reference)
    plain_seconds = time.process_time() - started
    row = Row(
        grader=name,
        cases=len(cases),
        right=len(cases) - len(wrong),
        false_accepts=counts["accepts"],
        false_accepts_by_policy=counts["policy"],
        false_rejects=counts["rejects"],
        asymmetric=counts["asymmetric"],
        slowest_ms=round(slowest * 1000, 1),
        verdicts_a_second=round(len(cases) / spent) if spent else 0.0,
        plain_verdicts_a_second=round(len(plain) / plain_seconds),
    )
    return row, wrong


def plain_numbers(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return pairs of plainly written numbers, half of them equal, as word problems have them."""
    rng = random.Random(seed)
    pairs = []
    for index in range(count):
        value = rng.randrange(100_000)
        printed = (str(value), f"{value}.0", f"{value:,}", f"{value / 4}")[index % 4]
        reference = str(value if index % 4 < 3 else value / 4)
        pairs.append((printed, reference if index % 2 else str(value + 1)))
    return pairs


@dataclass(frozen=True)
class Whole:
    """What the whole command took for some pairs, start included; CPU time of itself and its worker."""

    rows: str
    pairs: int
    right: int
    cpu_seconds: float
    verdicts_a_cpu_second: float


def whole(name: str, pairs: Sequence[tuple[str, str]], equal: Sequence[bool]) -> Whole:
    """Run ``eurus grade`` on the pairs; it is right where a verdict is as labelled."""
    given = "".join(json.dumps({"prediction": one, "reference": other}) + "\n" for one, other in pairs)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "eurus_core", "grade"], input=given, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = [json.loads(line)["outcome"] == "correct" for line in done.stdout.splitlines()]
    right = sum(one == other for one, other in zip(found, equal, strict=True))
    return Whole(name, len(pairs), right, round(seconds, 2), round(len(pairs) / seconds))


def read_table(rows: Sequence[Read]) -> str:
    found = [
        f"{'whole replies':<18}{'count':>8}{'letters':>9}{'right':>9}{'eurus/CPU s':>13}{'grade/CPU s':>13}{'peer right':>12}{'peer/CPU s':>12}"
    ]
    for row in rows:
        peer = "-" if row.peer_right is None else f"{100 * row.peer_right:.1f} %"
        rate = "-" if row.peer_a_cpu_second is None else f"{row.peer_a_cpu_second:,.0f}"
        found.append(
            f"{row.replies:<18}{row.count:>8,}{row.characters:>9,}{f'{100 * row.right / row.count:.1f} %':>9}"
            f"{row.eurus_a_cpu_second:>13,.0f}{row.grade_a_cpu_second:>13,.0f}{peer:>12}{rate:>12}"
        )
    return "\n".join(found)


def rates(ends: Sequence[Whole]) -> str:
    found = [f"{'eurus grade':<14}{'pairs':>10}{'right':>10}{'CPU s':>8}{'verdicts/CPU s':>17}"]
    found += [
        f"{end.rows:<14}{end.pairs:>10,}{end.right:>10,}{end.cpu_seconds:>8}{end.verdicts_a_cpu_second:>17,.0f}"
        for end in ends
    ]
    return "\n".join(found)


def table(rows: Sequence[Row]) -> str:
    lines = [
        f"{'grader':<14}{'right':>16}{'false accepts':>16}{'(policy)':>10}{'false rejects':>15}{'slowest':>11}{'verdicts/s':>12}{'plain/s':>10}"
    ]
    lines += [
        f"{row.grader:<14}{f'{row.right}/{row.cases} {100 * row.right / row.cases:.1f} %':>16}{row.false_accepts:>16}{row.false_accepts_by_policy:>10}"
        f"{row.false_rejects:>15}{f'{row.slowest_ms} ms':>11}{row.verdicts_a_second:>12,.0f}{row.plain_verdicts_a_second:>10,.0f}"
        for row in rows
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("cases", type=Path, help="JSONL of pred, gold, equal, why")
    options.add_argument("--data", type=Path, help="the folder of public data, whose solutions are judged, too")
    options.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_argument("--list", action="store_true", help="list the cases judged wrongly, on stderr")
    options.add_argument("--skip-peer", action="store_true", help="leave Math-Verify out")
    chosen = options.parse_args(arguments)
    cases = [json.loads(line) for line in chosen.cases.read_text(encoding="utf-8").splitlines() if line.strip()]
    judges: dict[str, Judge] = {"eurus": eurus}
    peer = None if chosen.skip_peer else math_verify()
    if peer is not None:
        judges["math-verify"] = peer
    eurus("1/2", "0.5")  # imports are not part of a verdict
    rows, wrong = [], list[str]()
    for name, judged in judges.items():
        # A peer takes milliseconds a verdict: fewer plain ones tell its rate as well.
        row, mistakes = measure(
            name, judged, cases, plain_numbers(PLAIN_PAIRS if name == "eurus" else PLAIN_PAIRS // 40)
        )
        rows.append(row)
        wrong += mistakes
    if chosen.list:
        print("\n".join(wrong), file=sys.stderr)
    plain = plain_numbers(PLAIN_PAIRS)
    ends = [
        whole("cases", [(case["pred"], case["gold"]) for case in cases] * 20, [case["equal"] for case in cases] * 20),
        whole("plain numbers", plain, [bool(index % 2) for index in range(PLAIN_PAIRS)]),
    ]
    replies = [("made replies", made_replies(2_000)), *(published_replies(chosen.data) if chosen.data else ())]
    read = [read_all(name, pairs, peer=peer is not None) for name, pairs in replies]
    found = {
        "rows": [asdict(row) for row in rows],
        "command": [asdict(end) for end in ends],
        "replies": [asdict(one) for one in read],
        "wrong": wrong,
    }
    shown = f"{table(rows)}\n\n{rates(ends)}\n\n{read_table(read)}"
    print(json.dumps(found, ensure_ascii=False) if chosen.json else shown)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
