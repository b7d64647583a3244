"""Replies that our own limit on tokens cut, and how far an accuracy may therefore lie below what a model can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from eurus_core.records import Sample

Groups = Mapping[str, Sequence[Sample]]

NOTEWORTHY = 0.05
"""Share of cut replies from which on it is said how far accuracy could lie higher without the limit."""


def cut(sample: Sample) -> bool:
    """Say whether a reply met its limit on tokens; one that would have ended there by itself is not told from the others."""
    return sample.action.sampling is not None and sample.action.tokens >= sample.action.sampling.max_tokens


def count(samples: Sequence[Sample]) -> int:
    return sum(map(cut, samples))


def cut_note(samples: Sequence[Sample]) -> str:
    """Say under a table what ``12 cut`` beside an accuracy means; nothing where no sample knows its limit."""
    limit = _limit(samples)
    return f"Cut: replies that met this run's own {limit}; where no number stands, none did." if limit else ""


def cut_sentence(groups_by_label: Mapping[str, Groups]) -> str:
    """Say how many replies were cut, label by label, and how far accuracy could lie higher; nothing where none was."""
    samples = {label: [s for group in groups.values() for s in group] for label, groups in groups_by_label.items()}
    cuts = {label: count(found) for label, found in samples.items()}
    if not any(cuts.values()):
        return ""
    limit = _limit([sample for found in samples.values() for sample in found])
    counts = ", ".join(f"{label} {cuts[label]} of {len(found)}" for label, found in samples.items())
    bounds = " and ".join(
        f"{100 * _bound(groups_by_label[label]):.1f} % for {label}"
        for label, found in samples.items()
        if cuts[label] >= NOTEWORTHY * len(found)
    )
    high = f" Were every cut reply correct, accuracy would be {bounds}." if bounds else ""
    return f"Replies cut by this run's own {limit} (max_tokens): {counts}.{high}"


def _bound(groups: Groups) -> float:
    """Return the accuracy if every cut reply were correct."""
    return fmean(fmean(sample.verdict.correct or cut(sample) for sample in group) for group in groups.values())


def _limit(samples: Sequence[Sample]) -> str:
    known = sorted({sample.action.sampling.max_tokens for sample in samples if sample.action.sampling is not None})
    if not known:
        return ""
    return f"limit of {known[0]} tokens" if len(known) == 1 else f"limits of {known[0]} to {known[-1]} tokens"
