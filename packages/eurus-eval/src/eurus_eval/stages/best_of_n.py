"""The ``best-of-n`` stage: what picking one of N samples would give, by chance, by vote, by a scorer, and at best."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Annotated, ClassVar

from pydantic import Field

from eurus_core.episode.journal import Journal, Record
from eurus_core.episode.resume import key
from eurus_core.errors import InputError, PluginError
from eurus_core.parts.choice import Choice, Samples
from eurus_core.parts.contracts import Artefact, Grader, Scorer, Stage
from eurus_core.records import Sample
from eurus_core.records.prompts import first_message
from eurus_core.stages import Context
from eurus_core.stages.report import Line, Plot, Table
from eurus_core.statistics import (
    Interval,
    best_curve,
    consistency_curve,
    majority_curve,
    mean_interval,
    oracle_curve,
    paired_difference,
    random_curve,
)
from eurus_eval.samples import by_problem, read_samples
from eurus_eval.stages import accuracy, cuts
from eurus_eval.stages.accuracy import percent, points, worded
from eurus_eval.stages.evaluate import JOURNAL

BLIND = "a scorer that knows nothing"
TERMS = {
    "best of N": "N samples are drawn of each problem and one is picked; the share of problems whose pick is correct",
    "majority": "the answer that most samples give",
    "oracle": "a picker that knows which samples are correct: the most that picking can reach",
    "likeliest": "the sample to which its own model gives the highest probability",
}

Groups = Mapping[str, Sequence[Sample]]
Scored = Mapping[str, Sequence[float]]
Curves = dict[str, list[list[float]]]  # method -> one curve a problem


class BestOfN(Stage):
    """Draw best-of-N curves, exact over all subsets of each problem's samples.

    Scores are kept as they come: a killed stage scores the other problems only.
    """

    produces: ClassVar[Artefact] = "scores"

    samples: Samples
    """The samples of an evaluate stage with samples >= 2 and a temperature."""
    scorer: Annotated[Scorer, Choice("scorers")] | None = None
    """The scorer that picks; without one, only picks that need none are shown."""
    grader: Annotated[Grader, Choice("graders")] = Field(default="eurus-graders/math", validate_default=True)
    """The grader that decides which answers are equal, for votes."""
    scorer_label: str = "reward model"
    """What tables and plots call the scorer."""

    def run(self, context: Context) -> None:
        groups = by_problem(read_samples(self.samples))
        k = min(len(group) for group in groups.values()) if groups else 0
        if k < 2:
            raise InputError(
                f"at most {k} samples a problem",
                file=self.samples,
                needed="Set samples = 4 or more where they are made.",
            )
        if any(len(group) > k for group in groups.values()):
            context.note(f"Problems have unequal numbers of samples; the first {k} of each are used.")
        groups = {problem: group[:k] for problem, group in groups.items()}
        with Journal(context.folder / JOURNAL) as journal:
            scores = self._score(context, self.scorer, groups, journal) if self.scorer else None
            self._write(context, groups, scores)
            journal.discard()
        curves = _curves(groups, self.grader, scores, self.scorer_label)
        context.figure("samples a problem", k)
        for block in (_plot(curves), _table(curves, k)):
            context.show(block)
        if sentence := cuts.cut_sentence({"samples": groups}):
            context.note(sentence)
        context.define(TERMS | accuracy.TERMS)
        _say_gain(context, "majority vote", curves["majority"], "random", curves["random"])
        if scores is not None:
            self._compare(context, curves, groups, scores)

    def _score(self, context: Context, part: Scorer, groups: Groups, journal: Journal) -> dict[str, list[float]]:
        scores: dict[str, list[float]] = {one.place: json.loads(one.value) for one in journal.records("scores")}
        if len(scores) < len(groups):
            asyncio.run(self._ask(context, part, groups, journal, scores))
        return scores

    async def _ask(
        self, context: Context, part: Scorer, groups: Groups, journal: Journal, scores: dict[str, list[float]]
    ) -> None:
        """Add the scores of the other problems, each in the journal before the next is asked."""
        async with part.open() as scorer:
            with context.progress(context.name, len(groups), "problems") as progress:
                progress.resume_at(len(scores))
                for problem in [problem for problem in groups if problem not in scores]:
                    group = groups[problem]
                    prompt = (first_message(group[0].problem),)
                    found = list(await scorer.score(prompt, [sample.action.text for sample in group]))
                    if len(found) != len(group) or not all(map(math.isfinite, found)):
                        raise PluginError(
                            f"The scorer gave {found} for {len(group)} responses to problem {problem}; "
                            "it must give one finite score each."
                        )
                    scores[problem] = found
                    await journal.keep(Record(key("scores", problem), "scores", problem, json.dumps(found)))
                    progress.advance()

    def _write(self, context: Context, groups: Groups, scores: Scored | None) -> None:
        with context.path("scores").open("w", encoding="utf-8") as file:
            for problem, group in groups.items():
                for place, sample in enumerate(group):
                    row = {"problem": problem, "index": sample.index, "correct": sample.verdict.correct}
                    file.write(json.dumps(row | ({"score": scores[problem][place]} if scores else {})) + "\n")

    def _compare(self, context: Context, curves: Curves, groups: Groups, scores: Scored) -> None:
        """Say in words what the scorer's choice gained, at the largest N."""
        label = self.scorer_label
        ranked = [share for problem in groups if (share := _ranked_right(groups[problem], scores[problem])) is not None]
        if ranked:
            interval = mean_interval(ranked)
            context.figure("pairs ranked right", interval.value)
            above = Interval(interval.value - 0.5, interval.low - 0.5, interval.high - 0.5, interval.n)
            verdict = worded(above, "better than chance", "worse than chance").replace("found", "from chance found")
            context.finding(
                f"The {label} puts the correct one of two samples of a problem first in {percent(interval)} of "
                f"cases (n = {interval.n} problems with both kinds); chance is 50 %: {verdict}."
            )
        _say_gain(context, label, curves[label], "random", curves["random"])
        _say_gain(context, label, curves[label], "a majority vote", curves["majority"])
        blindly = [_blindly(group) for group in groups.values()]
        gained = paired_difference(blindly, [curve[-1] for curve in curves[label]])
        n = len(curves["random"][0])
        context.note(f"{label} against {BLIND}, best of {n}: {worded(gained)}, {points(gained)} points.")
        blind = paired_difference([curve[-1] for curve in curves["random"]], blindly)
        context.note(
            f"{BLIND.capitalize()} picks any of the distinct responses, since equal ones score alike; right ones repeat more often "
            f"or less than wrong ones, so that it gains {points(blind)} points over random."
        )


def _say_gain(
    context: Context, label: str, curves: Sequence[list[float]], other: str, theirs: Sequence[list[float]]
) -> None:
    """Say what one way of picking gains over another, at the largest N."""
    gain = paired_difference([curve[-1] for curve in theirs], [curve[-1] for curve in curves])
    n = len(curves[0])
    context.finding(
        f"{label} against {other}, best of {n}: {worded(gain)}, {points(gain)} points (n = {gain.n} problems)."
    )


def _curves(groups: Groups, grader: Grader, scores: Scored | None, scorer_label: str) -> Curves:
    curves: Curves = {"random": [], "majority": []}
    logprobs = {
        problem: [s.action.logprob for s in group if s.action.logprob is not None] for problem, group in groups.items()
    }
    likelihoods = all(len(logprobs[problem]) == len(group) for problem, group in groups.items())
    for problem, group in groups.items():
        correct = [sample.verdict.correct for sample in group]
        given = [sample.verdict.parsed_prediction for sample in group]
        keys = [grader.key(one) if one else None for one in given]
        curves["random"].append(random_curve(correct))
        if likelihoods:
            curves["majority"].append(consistency_curve(keys, correct, logprobs[problem]))
            curves.setdefault("likeliest", []).append(best_curve(logprobs[problem], correct))
        else:
            curves["majority"].append(majority_curve(keys, correct))
        if scores is not None:
            curves.setdefault(scorer_label, []).append(best_curve(scores[problem], correct))
        curves.setdefault("oracle", []).append(oracle_curve(correct))
    return curves


def _blindly(group: Sequence[Sample]) -> float:
    """Return the chance that one of the distinct responses, drawn evenly, is correct."""
    responses: dict[str, list[bool]] = {}
    for sample in group:
        responses.setdefault(sample.action.text, []).append(sample.verdict.correct)
    return fmean(fmean(verdicts) for verdicts in responses.values())


def _pooled(curves: Sequence[Sequence[float]], n: int) -> Interval:
    return mean_interval([curve[n - 1] for curve in curves])


def _plot(curves: Curves) -> Plot:
    lines = []
    for label, per_problem in curves.items():
        ns = range(1, len(per_problem[0]) + 1)
        pooled = [_pooled(per_problem, n) for n in ns]
        lines.append(
            Line(
                label,
                x=tuple(map(float, ns)),
                y=tuple(100 * one.value for one in pooled),
                low=tuple(100 * one.low for one in pooled),
                high=tuple(100 * one.high for one in pooled),
            )
        )
    return Plot("best of N", "N", "correct, %", tuple(lines), _caption(curves), group="best of N", panels=True)


def _table(curves: Curves, k: int) -> Table:
    ns = sorted({1 << i for i in range(k.bit_length())} | {k})
    rows = tuple((n, *(percent(_pooled(per_problem, n)) for per_problem in curves.values())) for n in ns)
    return Table("best of N", ("N", *curves), rows, f"n = {len(curves['random'])} problems, {k} samples each.")


def _caption(curves: Curves) -> str:
    ties = "the likelier" if "likeliest" in curves else "each with equal chance"
    likeliest = "Likeliest: the one of highest log-probability. " if "likeliest" in curves else ""
    return (
        "Expected share of problems answered correctly when one of N samples is picked, exact over all subsets of the samples; "
        f"bands are 95 % intervals over problems. Majority: the most frequent answer, of equally frequent ones {ties}. "
        f"{likeliest}"
        "Oracle: any of the N is correct (pass@N), what a perfect scorer would reach."
    )


def _ranked_right(group: Sequence[Sample], scores: Sequence[float]) -> float | None:
    """Return the share of correct-incorrect pairs that the scores put in the right order, ties half; None without a pair."""
    right = [score for sample, score in zip(group, scores, strict=True) if sample.verdict.correct]
    wrong = [score for sample, score in zip(group, scores, strict=True) if not sample.verdict.correct]
    if not right or not wrong:
        return None
    return sum((r > w) + 0.5 * (r == w) for r in right for w in wrong) / (len(right) * len(wrong))
