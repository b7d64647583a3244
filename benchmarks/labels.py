"""Published correctness labels and references, judged again by our graders; every disagreement with its reason.

    python benchmarks/labels.py DATA [--json] [--list] [--skip-code]

DATA is the folder of public data. Labels: the ``is_correct`` of OpenAI's GSM8K solutions, the ``success`` of MINT trajectories (of the
solutions in the first two replies of a trajectory that propose one, as MINT's environment allows). References of WikiTableQuestions, HotpotQA, StrategyQA,
MMLU and MATH must be right for themselves and, handed to another question, wrong. Every labelled text is judged at both doors, by `eurus grade` and by a
growth to which it is scripted; "one verdict at both doors" counts those whose outcome, rule, reason and reading are the same. Reasons come from predicates below that state a published
evaluator's convention, such as "within 5 % of the reference"; a disagreement that none of them covers is counted as unexplained.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gzip
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from eurus_core.parts.contracts import Grader
from eurus_core.records import Action, Problem, Reference
from eurus_core.records.tree_set import TreeSet
from eurus_core.stages import Context
from eurus_data.grow.ladder import Rung
from eurus_data.grow.stage import Grow
from eurus_data.sources.jsonl import JSONL
from eurus_data.sources.math import boxed
from eurus_graders import ChoiceGrader, MathGrader, TextGrader
from eurus_graders.options import options
from eurus_serve import ScriptedBackend

GRADERS: dict[str, Grader] = {
    "math": MathGrader(),
    "choice": ChoiceGrader(),
    "text": TextGrader(),
    "tables": TextGrader(match="denotation"),
}
COMPARED = ("outcome", "rule", "why", "parsed_prediction", "parsed_reference")
AT_ONCE = 250
DOORS = "one verdict at both doors"


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
            yield Case(reference, (sample["solution"],), sample["is_correct"])


def gsm8k_gold(data: Path) -> Iterator[Case]:
    for file in sorted((data / "gsm8k").glob("*.jsonl*")):
        for row in lines(file):
            yield Case(row["answer"].rpartition("####")[2].strip(), (row["answer"],), True, row["question"])


def math_gold(data: Path, written: Callable[[str, str], str]) -> Iterator[Case]:
    for row in lines(data / "math" / "test.jsonl.gz"):
        answer = boxed(row["solution"]) or ""
        yield Case(answer, (written(row["solution"], answer),), True, row["problem"])


def unboxed(solution: str) -> str:
    """Return a solution without its boxes: what they hold stays where it is."""
    while (start := solution.rfind("\\boxed")) >= 0:
        inside = boxed(solution[start:]) or ""
        end = solution.find(inside, start) + len(inside)
        closed = solution[end:].lstrip()[:1] == "}"
        solution = solution[:start] + inside + (solution[end:].lstrip()[1:] if closed else solution[end:])
    return solution


WRITTEN: dict[str, Callable[[str, str], str]] = {
    "boxed": lambda solution, _: solution,
    "unboxed, the answer said last": lambda solution, answer: f"{unboxed(solution)}\nThe answer is ${answer}$.",
    "unboxed, nothing announced": lambda solution, _: unboxed(solution),
}
"""How a solution says its answer."""


def math_samples(data: Path) -> Iterator[Case]:
    for row in lines(data / "rerank_math8" / "math_cot_100.jsonl.gz"):
        for text, right in zip(row["code"], row["score"], strict=True):
            yield Case(row["gt"], (text,), bool(right), row["question"])


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


def by_reference(case: Case) -> str:
    return "choice" if re.fullmatch(r"[a-e]", case.reference) else "math"


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


def judged(name: str, cases: Sequence[Case], kind: Callable[[Case], str], told: list[str]) -> list[Row]:
    """Judge labelled cases at both doors; a case is right where one of its solutions is."""
    rows, reasons, different = [], Counter[str](), 0
    by_kind: dict[str, list[Case]] = {}
    for case in cases:
        by_kind.setdefault(kind(case), []).append(case)
    for chosen, some in by_kind.items():
        pairs = [Pair(solution, case.reference, case.instruction) for case in some for solution in case.solutions]
        found = at_both_doors(name, chosen, pairs, told)
        different += found.different
        verdicts = iter(found.correct)
        for case in some:
            ours = any(list(islice(verdicts, len(case.solutions))))
            if ours != case.theirs:
                sides = ("theirs right, ours not", "ours right, theirs not")
                why = reason(case, ours) if name.startswith("MINT") else sides[ours]
                reasons[why] += 1
                told.append(f"{name}: {case.reference!r} {case.solutions!r}: {why}"[:400])
    rows.append(Row(name, len(cases), len(cases) - reasons.total(), dict(reasons.most_common())))
    judged_twice = sum(len(case.solutions) for case in cases)
    return [*rows, Row(f"  {DOORS}", judged_twice, judged_twice - different, {})]


@dataclass(frozen=True)
class Pair:
    """A text to judge, its reference, and the problem's text."""

    text: str
    reference: str
    instruction: str = ""


@dataclass(frozen=True)
class Doors:
    """What `eurus grade` found, and of how many a growth found something else."""

    correct: list[bool]
    different: int


def at_both_doors(name: str, kind: str, pairs: Sequence[Pair], told: list[str]) -> Doors:
    """Judge pairs by the command `eurus grade`, and by a growth to which the texts are scripted; compare all of the verdicts."""
    if not pairs:
        return Doors([], 0)
    ours = graded(kind, pairs)
    # A growth names its actor, script and all, with each request: short scripts keep that small.
    theirs = [one for at in range(0, len(pairs), AT_ONCE) for one in grown(kind, pairs[at : at + AT_ONCE])]
    different = [at for at, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    told += [f"{name}: two verdicts on {pairs[at]!r}: {ours[at]!r}, {theirs[at]!r}"[:600] for at in different]
    return Doors([one["outcome"] == "correct" for one in ours], len(different))


def asked(pair: Pair, at: int) -> str:
    """Return an instruction that no other pair has: sources leave repeats out."""
    return f"{pair.instruction}\n\n(row {at})"


def graded(kind: str, pairs: Sequence[Pair]) -> list[dict[str, str]]:
    """Return the verdicts of the command."""
    given = "".join(
        json.dumps({"prediction": one.text, "reference": one.reference, "instruction": asked(one, at)}) + "\n"
        for at, one in enumerate(pairs)
    )
    command = [
        sys.executable,
        "-m",
        "eurus_core",
        "grade",
        "--kind",
        *(("text", "--set", "match=denotation") if kind == "tables" else (kind,)),
    ]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return [{key: row[key] for key in COMPARED} for row in map(json.loads, done.stdout.splitlines())]


def grown(kind: str, pairs: Sequence[Pair]) -> list[dict[str, str]]:
    """Return the verdicts of a growth: one problem a pair, whose text a scripted actor answers."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "train.jsonl"
        aside = {"id": "aside", "instruction": "Of the other split.", "answer": "0"}
        source.with_name("test.jsonl").write_text(json.dumps(aside) + "\n")
        with source.open("w", encoding="utf-8") as file:
            for at, pair in enumerate(pairs):
                row = {"id": str(at), "instruction": asked(pair, at), "answer": pair.reference, "task": "Logic"}
                file.write(json.dumps(row) + "\n")
        actor = ScriptedBackend(replies={str(at): (pair.text,) for at, pair in enumerate(pairs)})
        context = Context(Path(folder) / "grown", name="grown")
        context.folder.mkdir()
        Grow.model_validate(
            {
                "source": JSONL(path=source),
                "problems": len(pairs),
                "actors": (Rung(backend=actor, samples=1, max_tokens=1_000_000),),
                "grader": kind,
                "tool": "none",
                "critic": "none",
                "turns": 1,
            }
        ).run(context)
        trees = {tree.problem.id: tree for tree in TreeSet.open(context.path("trees"))}
    verdicts = [trees[str(at)].nodes[0].verdict for at in range(len(pairs))]
    return [{key: getattr(verdict, key) for key in COMPARED} for verdict in verdicts]


def programs(name: str, cases: Sequence[Case], told: list[str]) -> Row:
    """Judge MINT's programs by their tests in the sandbox, a few at a time."""
    from eurus_graders.code import CodeGrader

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


def references(name: str, answers: Sequence[str], kind: str, told: list[str]) -> list[Row]:
    """Judge each reference by itself, and handed to the question half the list away, unless that one has an answer of the same key."""
    grader = GRADERS[kind]
    itself = graded(kind, [Pair(answer, answer) for answer in answers])
    own = [answer for answer, one in zip(answers, itself, strict=True) if one["outcome"] != "correct"]
    told += [f"{name}: {answer!r} is not itself" for answer in own]
    half = len(answers) // 2
    others = [(one, answers[(at + half) % len(answers)]) for at, one in enumerate(answers)]
    pairs = [Pair(one, other) for one, other in others if grader.key(one) != grader.key(other)]
    found = graded(kind, pairs)
    taken = [pair for pair, one in zip(pairs, found, strict=True) if one["outcome"] == "correct"]
    told += [f"{name}: {pair.text!r} was taken for {pair.reference!r}" for pair in taken]
    return [
        Row(f"{name}: itself", len(answers), len(answers) - len(own), {"not itself": len(own)} if own else {}),
        Row(
            f"{name}: another's",
            len(pairs),
            len(pairs) - len(taken),
            {"right by convention, such as 30 degrees for pi/6": len(taken)} if taken else {},
        ),
    ]


def published(data: Path) -> Iterator[tuple[str, list[str], str]]:
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
    yield "WikiTableQuestions", rows, "tables"
    with opened(data / "hotpotqa" / "hotpot_dev_v1_simplified.json.gz") as file:
        yield "HotpotQA", [row["answer"] for row in json.load(file)], "text"
    found: list[str] = []
    for split in ("train", "dev"):
        with opened(data / "strategyqa" / f"{split}.json.gz") as file:
            found += ["yes" if row["answer"] else "no" for row in json.load(file)]
    yield "StrategyQA", found, "text"
    letters = [row[5] for file in sorted((data / "mmlu" / "test").glob("*.csv")) for row in csv.reader(opened(file))]
    yield "MMLU", letters, "choice"
    yield "MATH", list(math_references(data / "math")), "math"


def math_references(folder: Path) -> Iterator[str]:
    """Yield every answer of every file, boxed ones out of their solutions; of a cut line what can be read."""
    for file in sorted(folder.iterdir()):
        if "json" not in file.suffixes[0] if file.suffixes else True:
            continue
        for line in opened(file):
            cut = re.search(r'"(?:answer|target)":\s*"((?:[^"\\]|\\.)*)"', line)
            try:
                row = json.loads(line)
                answer = row.get("answer", row.get("target"))
                if answer is None and "solution" in row:
                    answer = boxed(row["solution"])
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
    rows = judged("GSM8K is_correct (OpenAI)", list(gsm8k(chosen.data)), lambda _: "math", told)
    rows += judged("GSM8K gold solutions", list(gsm8k_gold(chosen.data)), lambda _: "math", told)
    for name, written in WRITTEN.items():
        rows += judged(f"MATH test, {name}", list(math_gold(chosen.data, written)), lambda _: "math", told)
    rows += judged("MATH samples (rerank)", list(math_samples(chosen.data)), lambda _: "math", told)
    for name in ("gsm8k", "math", "theoremqa"):
        rows += judged(f"MINT {name} success", list(mint(chosen.data, [name])), by_reference, told)
    rows += judged("MINT mmlu success", list(mint(chosen.data, ["mmlu"])), lambda _: "choice", told)
    rows += judged("MINT hotpotqa success", list(mint(chosen.data, ["hotpotqa"])), lambda _: "text", told)
    if not chosen.skip_code:
        for name in ("humaneval", "mbpp"):
            rows.append(programs(f"MINT {name} success", list(mint(chosen.data, [name])), told))
    for name, answers, kind in published(chosen.data):
        rows += references(name, answers, kind, told)
    if chosen.list:
        print("\n".join(told), file=sys.stderr)
    print(json.dumps([asdict(row) for row in rows], ensure_ascii=False) if chosen.json else table(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
