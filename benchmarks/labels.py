"""Published correctness labels and references, judged again by our graders; every disagreement with its reason.

    python benchmarks/labels.py DATA [--json] [--list] [--skip-code]

DATA is the folder of public data. Labels: the ``is_correct`` of OpenAI's GSM8K solutions, the ``success`` of MINT trajectories (of the
solutions in the first two replies of a trajectory that propose one, as MINT's environment allows). References of WikiTableQuestions, HotpotQA, StrategyQA,
MMLU and MATH must be right for themselves and, handed to another question, wrong. Reasons come from predicates below that state a published
evaluator's convention, such as "within 5 % of the reference"; a disagreement that none of them covers is counted as unexplained.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eurus_core.records import Action, Problem, Reference
from eurus_data.graders import AnswerGrader, ChoiceGrader, MathGrader, TextGrader
from eurus_data.graders.options import options

MATH, CHOICE, TEXT, TABLES = MathGrader(), ChoiceGrader(), TextGrader(), TextGrader(match="denotation")


@dataclass(frozen=True)
class Row:
    """One set of labels: how many of ours agree, and why the others do not."""

    labels: str
    n: int
    agree: int
    reasons: dict[str, int]


@dataclass(frozen=True)
class Case:
    """A label and what it is about."""

    reference: str
    solutions: tuple[str, ...]
    theirs: bool
    instruction: str = ""


def opened(path: Path) -> Any:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def lines(path: Path) -> Iterator[Any]:
    with opened(path) as file:
        for line in file:
            yield json.loads(line)


def gsm8k(data: Path) -> Iterator[Case]:
    for row in lines(data / "rerank_gsm8k_openai" / "example_model_solutions.jsonl.gz"):
        reference = row["ground_truth"].rpartition("A: ")[2]
        for sample in (value for value in row.values() if isinstance(value, dict)):
            # The published label reads what stands behind the last "A:", and nothing else.
            found = re.findall(r"A:\s*([^\n]*)", sample["solution"])
            yield Case(reference, (found[-1],) if found else (), sample["is_correct"])


def mint(data: Path, names: Sequence[str]) -> Iterator[Case]:
    for file in sorted((data / "mint").glob("trajectories_*.jsonl.gz")):
        for row in lines(file):
            if row["dataset"] in names:
                yield Case(str(row["reference"]), proposed(row["turns"]), row["success"], row["instruction"])


def proposed(turns: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """Return every solution of the first two turns that have one: MINT looks at no third, and any right one of a turn counts."""
    found = (
        re.findall(r"<solution>(.*?)</solution>", one["content"], re.DOTALL)
        for one in turns
        if one["role"] == "assistant"
    )
    return tuple(solution.strip() for solutions in [each for each in found if each][:2] for solution in solutions)


def by_reference(case: Case) -> AnswerGrader:
    return CHOICE if re.fullmatch(r"[a-e]", case.reference) else MATH


def reason(case: Case, ours: bool) -> str:
    """Return why MINT's label differs from our verdict, by its evaluator's conventions (mint/tasks/reasoning.py)."""
    expected, given = number(case.reference), [number(solution) for solution in case.solutions]
    close = expected is not None and any(
        value is not None and abs(value - expected) <= 0.05 * abs(expected) + 1e-12 for value in given
    )
    option = options(case.instruction).get(case.reference.upper(), "") if len(case.reference) == 1 else ""
    if ours:
        if expected is not None and expected < 0 and close:
            return "their defect: 5 % of a negative reference is negative, so nothing is within it"
        if option or len(case.reference) == 1:
            return "their reading: an option's text without its letter, or a letter in another dress, is not taken"
        if expected is not None and not close:
            return "their reading: float() refuses commas, units, formulas and sentences"
        if expected is not None and len(case.solutions) > 2:
            return "their reading: of several solutions in one reply they took another"
        if not any(case.reference.lower() in solution.lower() for solution in case.solutions):
            return "their substring: the reference must occur letter by letter"
        return "unexplained: ours right, theirs not"
    if close:
        return "their tolerance: any number within 5 % is right"
    if option and any(option.lower() in solution.lower() for solution in case.solutions):
        return "their substring: the option's text occurs somewhere, if only as a part of another number"
    if any(case.reference.lower() in solution.lower() for solution in case.solutions):
        return "their substring: the reference, for options one letter, occurs somewhere in the answer"
    digits = sorted(re.findall(r"\d+", case.reference))
    if digits and any(sorted(re.findall(r"\d+", solution)) == digits for solution in case.solutions):
        return "their lists: order does not count"
    return "unexplained: theirs right, ours not"


def number(text: str) -> float | None:
    try:
        return float(text.lower().strip())
    except ValueError:
        return None


def judged(name: str, cases: Sequence[Case], grader: Callable[[Case], AnswerGrader], told: list[str]) -> Row:
    """Judge labelled cases; a case is right where one of its solutions is."""
    reasons: Counter[str] = Counter()
    for case in cases:
        chosen = grader(case)
        ours = any(chosen.compare(one, case.reference, case.instruction).correct for one in case.solutions)
        if ours != case.theirs:
            why = reason(case, ours)
            reasons[why] += 1
            told.append(f"{name}: {case.reference!r} {case.solutions!r}: {why}"[:400])
    return Row(name, len(cases), len(cases) - reasons.total(), dict(reasons.most_common()))


def programs(name: str, cases: Sequence[Case], told: list[str]) -> Row:
    """Judge MINT's programs by their tests in the sandbox, a few at a time."""
    from eurus_data.graders.code import CodeGrader

    async def all_of_them() -> list[tuple[bool, str]]:
        async with CodeGrader(timeout_seconds=10).open() as grading:
            gate = asyncio.Semaphore(4)

            async def right(case: Case, solution: str) -> tuple[bool, str]:
                problem = Problem("p", "Coding", name, case.instruction, Reference(asserts=(case.reference,)))
                async with gate:
                    verdict = await grading.grade(problem, Action(solution, code=(solution,)), None)
                return verdict.correct, f"{verdict.outcome} ({verdict.rule}): {verdict.why}"[:160]

            async def any_right(case: Case) -> tuple[bool, str]:
                found = [await right(case, solution) for solution in case.solutions]
                return any(one for one, _ in found), "; ".join(why for _, why in found)

            return list(await asyncio.gather(*map(any_right, cases)))

    reasons: Counter[str] = Counter()
    for case, (ours, why) in zip(cases, asyncio.run(all_of_them()), strict=True):
        if ours != case.theirs:
            several = "their reading: of several solutions in one reply they took another"
            kind = (
                (several if len(case.solutions) > 2 else "unexplained: ours right, theirs not")
                if ours
                else "theirs right, ours not: " + re.sub(r"[:(].*", "", why).strip()
            )
            reasons[kind] += 1
            told.append(f"{name}: {kind}: {why} {case.solutions!r}"[:600])
    return Row(name, len(cases), len(cases) - reasons.total(), dict(reasons.most_common()))


def references(name: str, answers: Sequence[str], grader: AnswerGrader, told: list[str]) -> list[Row]:
    """Judge each reference by itself, and handed to the question half the list away, unless that one has an answer of the same key."""
    own = [answer for answer in answers if not grader.compare(answer, answer).correct]
    told += [f"{name}: {answer!r} is not itself" for answer in own]
    half = len(answers) // 2
    pairs = [(one, answers[(at + half) % len(answers)]) for at, one in enumerate(answers)]
    pairs = [(one, other) for one, other in pairs if grader.key(one) != grader.key(other)]
    taken = [(one, other) for one, other in pairs if grader.compare(one, other).correct]
    told += [f"{name}: {one!r} was taken for {other!r}" for one, other in taken]
    return [
        Row(f"{name}: itself", len(answers), len(answers) - len(own), {"not itself": len(own)} if own else {}),
        Row(
            f"{name}: another's",
            len(pairs),
            len(pairs) - len(taken),
            {"right by convention, such as 30 degrees for pi/6": len(taken)} if taken else {},
        ),
    ]


def published(data: Path) -> Iterator[tuple[str, list[str], AnswerGrader]]:
    """Yield the references of each data set with the grader that is meant for them."""
    tables = data / "wikitablequestions"
    rows = [
        row.rstrip("\n").split("\t")[3]
        for file in (
            tables / "training.tsv.gz",
            tables / "random-split-1-dev.tsv",
            tables / "pristine-unseen-tables.tsv.gz",
        )
        for row in list(opened(file))[1:]
    ]
    yield "WikiTableQuestions", rows, TABLES
    with opened(data / "hotpotqa" / "hotpot_dev_v1_simplified.json.gz") as file:
        yield "HotpotQA", [row["answer"] for row in json.load(file)], TEXT
    found: list[str] = []
    for split in ("train", "dev"):
        with opened(data / "strategyqa" / f"{split}.json.gz") as file:
            found += ["yes" if row["answer"] else "no" for row in json.load(file)]
    yield "StrategyQA", found, TEXT
    letters = [row[5] for file in sorted((data / "mmlu" / "test").glob("*.csv")) for row in csv.reader(opened(file))]
    yield "MMLU", letters, CHOICE
    yield "MATH", list(math_references(data / "math")), MATH


def math_references(folder: Path) -> Iterator[str]:
    """Yield every answer of every file, boxed ones out of their solutions; of a cut line what can be read."""
    from eurus_data.graders import reply

    for file in sorted(folder.iterdir()):
        if "json" not in file.suffixes[0] if file.suffixes else True:
            continue
        for line in opened(file):
            cut = re.search(r'"(?:answer|target)":\s*"((?:[^"\\]|\\.)*)"', line)
            try:
                row = json.loads(line)
                answer = row.get("answer", row.get("target"))
                if answer is None and "solution" in row:
                    boxed = reply.announced(row["solution"])
                    answer = boxed.answer if boxed is not None else None
            except ValueError:
                answer = json.loads(f'"{cut[1]}"') if cut is not None else None
            if answer:  # two rows of train_answers have an empty one
                yield str(answer)


def table(rows: Sequence[Row]) -> str:
    found = [f"{'labels':<34}{'n':>8}{'agree':>8}{'':>9}"]
    for row in rows:
        found.append(f"{row.labels:<34}{row.n:>8}{row.agree:>8}{100 * row.agree / max(row.n, 1):>7.2f} %")
        found += [f"{'':<38}{count:>4}  {why}" for why, count in row.reasons.items()]
    return "\n".join(found)


def main(arguments: Sequence[str]) -> int:
    flags = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    flags.add_argument("data", type=Path, help="the folder of public data")
    flags.add_argument("--json", action="store_true", help="print one JSON object")
    flags.add_argument("--list", action="store_true", help="list every disagreement, on stderr")
    flags.add_argument("--skip-code", action="store_true", help="leave out programs, which need the sandbox")
    chosen = flags.parse_args(arguments)
    told: list[str] = []
    rows = [judged("GSM8K is_correct (OpenAI)", list(gsm8k(chosen.data)), lambda _: MATH, told)]
    for name in ("gsm8k", "math", "theoremqa"):
        rows.append(judged(f"MINT {name} success", list(mint(chosen.data, [name])), by_reference, told))
    rows.append(judged("MINT mmlu success", list(mint(chosen.data, ["mmlu"])), lambda _: CHOICE, told))
    rows.append(judged("MINT hotpotqa success", list(mint(chosen.data, ["hotpotqa"])), lambda _: TEXT, told))
    if not chosen.skip_code:
        for name in ("humaneval", "mbpp"):
            rows.append(programs(f"MINT {name} success", list(mint(chosen.data, [name])), told))
    for name, answers, grader in published(chosen.data):
        rows += references(name, answers, grader, told)
    if chosen.list:
        print("\n".join(told), file=sys.stderr)
    print(json.dumps([asdict(row) for row in rows], ensure_ascii=False) if chosen.json else table(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
