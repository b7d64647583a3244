"""Accuracy in words and tables: overall and by group, each with its interval and number of problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from eurus_core.records import Sample
from eurus_core.stages.report import Table
from eurus_core.statistics import Interval, mean_interval
from eurus_eval.samples import correct_share
from eurus_eval.stages import cuts

EXAMPLE_LETTERS = 1200
NO_ANSWER_NOTE = "No answer: none could be read from code or text."
OUTCOME_NOTE = (
    "Unparsed: no answer could be read. Timeout: the code did not end in time. Limit: our own cap cut the reply or its grading off. "
    "Only correct counts."
)
EXAMPLE_NOTE = "The first attempt of each outcome. Answer read: what the grader took for the answer, such as the last line that code printed."
INTERVAL_NOTE = "Brackets hold 95 % intervals over problems (Wilson)."


TERMS = {
    "interval": "where the true value lies with 95 % confidence, had other problems of the same kind been drawn; it is wide where there "
    "are few problems",
    "no difference found": "the interval of the difference holds 0; a difference that is too small for so few problems may still be there",
}


def percent(interval: Interval, cut: int = 0) -> str:
    """Word a share: ``51.7 % [42.8, 60.4]``, or ``51.7 % [42.8, 60.4], 12 cut`` where a limit of ours cut so many replies."""
    told = f", {cut} cut" if cut else ""
    return f"{100 * interval.value:.1f} % [{100 * interval.low:.1f}, {100 * interval.high:.1f}]{told}"


def points(interval: Interval) -> str:
    """Word a difference of shares in percentage points: ``+4.2 [-3.1, +11.4]``."""
    return f"{100 * interval.value:+.1f} [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"


def worded(difference: Interval, more: str = "higher", less: str = "lower") -> str:
    """Say in words what a difference comes to; where its interval holds 0, that none was found."""
    if difference.holds(0):
        return "no difference found"
    return more if difference.value > 0 else less


def problem_groups(groups: Mapping[str, Sequence[Sample]], by: Sequence[str]) -> dict[str, list[str]]:
    """Return problem ids under ``all`` and under each ``label value``, such as ``level 2`` or ``family held-out``.

    Labels stand in the order of ``by``, values in natural order; a problem without a label is in none of its groups.
    """
    found: dict[str, list[str]] = {"all": list(groups)}
    for label in by:
        values: dict[str, list[str]] = {}
        for problem, samples in groups.items():
            value = samples[0].problem.labels.get(label)
            if value is not None:
                values.setdefault(value, []).append(problem)
        for value in sorted(values, key=_natural):
            name = f"{label} {value}"
            found[name] = values[value]
    return found


def accuracy_table(groups: Mapping[str, Sequence[Sample]], by: Sequence[str]) -> Table:
    """One row a group of problems: accuracy with interval, share without an answer, and n."""
    unanswered = {p: sum(s.verdict.outcome == "unparsed" for s in group) / len(group) for p, group in groups.items()}
    rows = []
    for name, problems in problem_groups(groups, by).items():
        accuracy = mean_interval([float(correct_share(groups[p])) for p in problems])
        missing = sum(unanswered[p] for p in problems) / len(problems)
        cut = cuts.count([sample for p in problems for sample in groups[p]])
        rows.append((name, percent(accuracy, cut), f"{100 * missing:.1f} %", accuracy.n))
    note = cuts.cut_note([sample for group in groups.values() for sample in group])
    said = " ".join(filter(None, (INTERVAL_NOTE, NO_ANSWER_NOTE, note)))
    return Table("accuracy", ("problems", "accuracy", "no answer", "n"), tuple(rows), said)


def outcome_table(samples: Sequence[Sample]) -> Table:
    """How the attempts ended, most frequent first."""
    outcomes = Counter(sample.verdict.outcome for sample in samples)
    rows = tuple((outcome, count, f"{100 * count / len(samples):.1f} %") for outcome, count in outcomes.most_common())
    return Table("outcomes", ("outcome", "samples", "share"), rows, OUTCOME_NOTE)


def example_table(samples: Sequence[Sample]) -> Table:
    """The first attempt of each outcome, so that a reader sees what the numbers are made of."""
    first: dict[str, Sample] = {}
    for sample in samples:
        first.setdefault(sample.verdict.outcome, sample)
    rows = tuple(
        (
            outcome,
            s.problem.instruction,
            _short(s.action.text),
            s.verdict.parsed_prediction or None,
            s.problem.reference.answer,
        )
        for outcome, s in first.items()
    )
    return Table("examples", ("outcome", "problem", "reply", "answer read", "reference"), rows, EXAMPLE_NOTE)


def _short(text: str) -> str:
    return text if len(text) <= EXAMPLE_LETTERS else text[:EXAMPLE_LETTERS] + " …"


def _natural(value: str) -> tuple[int, int, str]:
    return (0, int(value), "") if value.isdecimal() else (1, 0, value)
