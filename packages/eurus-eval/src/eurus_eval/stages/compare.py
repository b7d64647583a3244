"""The ``compare`` stage: several evaluations of the same problems side by side, and their differences, paired."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

from pydantic import Field

from eurus_core.errors import InputError
from eurus_core.parts.choice import Samples
from eurus_core.parts.contracts import Artefact, Stage
from eurus_core.records import Sample
from eurus_core.stages import Context
from eurus_core.stages.report import Table
from eurus_core.statistics import Interval, mean_interval, paired_difference, sign_flip_p
from eurus_eval.samples import by_problem, correct_share, read_samples
from eurus_eval.stages import cuts
from eurus_eval.stages.accuracy import INTERVAL_NOTE, TERMS, percent, points, problem_groups, worded
from eurus_eval.stages.changes import changed, side_by_side

Groups = Mapping[str, Sequence[Sample]]

METHOD = (
    "Paired over the same problems, in percentage points; brackets hold 95 % intervals (Newcombe 1998, method 10; for several "
    "samples a problem its square-and-add form). p: exact sign flips, with one sample a problem the exact McNemar test; "
    "two-sided, not corrected for the number of comparisons. Where the interval holds 0, no difference was found. "
    "Gained and lost count the problems that the first of the two answers better and worse than the second."
)


class Compare(Stage):
    """Compare evaluations by label; the first is the baseline."""

    produces: ClassVar[Artefact] = "none"

    samples: dict[str, Samples] = Field(min_length=2)
    """A table of labels and samples, such as base = "@evaluate-base"."""
    by: tuple[str, ...] = ("family", "level")
    """Labels of problems to report by."""

    def run(self, context: Context) -> None:
        groups = {label: by_problem(read_samples(path)) for label, path in self.samples.items()}
        common = _common(groups)
        for label, found in groups.items():
            if len(found) > len(common):
                context.note(f"{label}: {len(found) - len(common)} problems left out, which the others did not answer.")
        groups = {label: {problem: found[problem] for problem in common} for label, found in groups.items()}
        shares = {label: [correct_share(found[problem]) for problem in common] for label, found in groups.items()}
        for label, values in shares.items():
            context.figure(f"accuracy of {label}", float(sum(values) / len(values)))

        labels = list(groups)
        rows = []
        for i, before in enumerate(labels):
            for j in range(i + 1, len(labels)):
                comparison = Comparison(before, labels[j], shares[before], shares[labels[j]])
                rows.append(comparison.row())
                if i == 0 or j == i + 1:
                    context.finding(comparison.sentence())
        if sentence := cuts.cut_sentence(groups):
            context.finding(sentence)
        context.show(_accuracy_table(groups, self.by))
        context.show(
            Table(
                "differences", ("comparison", "difference", "p", "gained", "lost", "finding", "n"), tuple(rows), METHOD
            )
        )
        for before, after in itertools.pairwise(labels):
            if table := changed(before, after, groups[before], groups[after]):
                context.show(table)
        for attempts in side_by_side(groups):
            context.show(attempts)
        context.define(TERMS)


class Comparison:
    """The difference of a later system from an earlier one over the same problems, each a share of correct samples."""

    def __init__(self, before: str, after: str, first: Sequence[Fraction], second: Sequence[Fraction]):
        self.before, self.after = before, after
        self.interval: Interval = paired_difference([float(x) for x in first], [float(y) for y in second])
        self.p = sign_flip_p(first, second)
        self.gained = sum(y > x for x, y in zip(first, second, strict=True))
        self.lost = sum(y < x for x, y in zip(first, second, strict=True))

    @property
    def finding(self) -> str:
        return worded(self.interval)

    def row(self) -> tuple[str | int, ...]:
        return (
            f"{self.after} against {self.before}",
            points(self.interval),
            _p(self.p),
            self.gained,
            self.lost,
            self.finding,
            self.interval.n,
        )

    def sentence(self) -> str:
        relation = "=" if self.p >= 0.001 else "<"
        p = f"p {relation} {_p(self.p).removeprefix('< ')}"
        return (
            f"{self.after} against {self.before}: {self.finding}, {points(self.interval)} points, {p} "
            f"(n = {self.interval.n} problems)."
        )


def _common(groups: Mapping[str, Groups]) -> list[str]:
    """Return the problems that every side answered, in the first side's order; InputError where there is none."""
    (first_label, first), *others = groups.items()
    common = [problem for problem in first if all(problem in found for _, found in others)]
    if not common:
        raise InputError(
            f"{', '.join(groups)} have no problem in common",
            needed="Evaluate them with the same source, split, problems and problem_seed.",
        )
    for problem in common:
        asked = first[problem][0].problem
        for label, found in others:
            if found[problem][0].problem.instruction != asked.instruction:
                raise InputError(
                    f"problem {problem} reads differently in {first_label} and {label}",
                    needed="Evaluate them with the same source.",
                )
    return common


def _accuracy_table(groups: Mapping[str, Groups], by: Sequence[str]) -> Table:
    rows = []
    first = next(iter(groups.values()))
    for name, problems in problem_groups(first, by).items():
        cells = [
            percent(
                mean_interval([float(correct_share(found[problem])) for problem in problems]),
                cuts.count([sample for problem in problems for sample in found[problem]]),
            )
            for found in groups.values()
        ]
        rows.append((name, *cells, len(problems)))
    note = cuts.cut_note([sample for found in groups.values() for group in found.values() for sample in group])
    said = " ".join(filter(None, (INTERVAL_NOTE, note)))
    return Table("accuracy", ("problems", *groups, "n"), tuple(rows), said)


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"
