"""What changed between evaluations, problem by problem: which were gained and lost, and some to read side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from eurus_core.records import Sample
from eurus_core.stages.report import Attempts, Table
from eurus_eval.samples import correct_share

Groups = Mapping[str, Sequence[Sample]]

MOST_ROWS = 200
"""Of a list of problems; all samples are in the evaluations' own files."""


def changed(before: str, after: str, first: Groups, second: Groups) -> Table | None:
    """List the problems that ``after`` answers better or worse than ``before``; None where there is none."""
    shares = {problem: (correct_share(first[problem]), correct_share(second[problem])) for problem in first}
    gained = [problem for problem, (was, now) in shares.items() if now > was]
    lost = [problem for problem, (was, now) in shares.items() if now < was]
    if not gained and not lost:
        return None
    listed = [("gained", problem) for problem in gained] + [("lost", problem) for problem in lost]
    rows = tuple(
        (
            change,
            first[problem][0].problem.instruction,
            _answered(first[problem]),
            _answered(second[problem]),
            first[problem][0].problem.reference.answer,
        )
        for change, problem in listed[:MOST_ROWS]
    )
    left = len(listed) - len(rows)
    return Table(
        f"problems gained and lost, {after} against {before}: {len(gained)} gained, {len(lost)} lost",
        ("change", "problem", before, after, "reference"),
        rows,
        f"What was read as the answer, and how it was judged.{f' {left} more are not listed.' if left else ''}",
        folded=True,
    )


def side_by_side(groups: Mapping[str, Groups]) -> list[Attempts]:
    """Choose problems to read, one of a kind: first one that was learnt, then one that was lost, then one that nobody answers.

    Of each kind the one whose replies ended by themselves and are the shortest to read.
    """
    labels = list(groups)
    kinds: dict[int, str] = {}
    for problem in next(iter(groups.values())):
        shares = [correct_share(found[problem]) for found in groups.values()]
        kind = _kind(shares)
        if kind not in kinds or _length(groups, problem) < _length(groups, kinds[kind]):
            kinds[kind] = problem
    chosen = [kinds[kind] for kind in sorted(kinds)]
    return [Attempts(_named(labels, groups, problem), {x: groups[x][problem][0] for x in labels}) for problem in chosen]


LEARNT, LOST, NEVER, ALWAYS = range(4)


def _kind(shares: Sequence[Fraction]) -> int:
    if shares[-1] > shares[0]:
        return LEARNT
    if max(shares) > shares[-1]:
        return LOST
    return ALWAYS if shares[0] else NEVER


def _named(labels: Sequence[str], groups: Mapping[str, Groups], problem: str) -> str:
    """Return ``Right by sft and nca, not by base``."""
    right = [label for label in labels if groups[label][problem][0].verdict.correct]
    wrong = [label for label in labels if label not in right]
    if not right or not wrong:
        return f"Right by {'none' if wrong else 'all'}"
    return f"Right by {' and '.join(right)}, not by {' or '.join(wrong)}"


def _length(groups: Mapping[str, Groups], problem: str) -> tuple[int, int]:
    samples = [found[problem][0] for found in groups.values()]
    return sum(sample.verdict.outcome == "limit" for sample in samples), sum(len(s.action.text) for s in samples)


def _answered(samples: Sequence[Sample]) -> str:
    if len(samples) > 1:
        return f"{sum(sample.verdict.correct for sample in samples)} of {len(samples)} correct"
    [sample] = samples
    given = sample.verdict.parsed_prediction
    return f"{given} ({sample.verdict.outcome})" if given else sample.verdict.outcome
