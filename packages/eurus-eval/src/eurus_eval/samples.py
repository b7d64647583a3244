"""Samples on disk: one JSON line an attempt, kept so that scores can be recomputed without a model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from eurus_core.errors import InputError
from eurus_core.files.atomic import whole
from eurus_core.records import Sample
from eurus_core.records.codec import from_json, to_json


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write all at once: the file appears whole or not at all."""
    with whole(path) as partial, partial.open("w", encoding="utf-8") as file:
        for sample in samples:
            file.write(_line(sample))
        file.flush()
        os.fsync(file.fileno())


def read_samples(path: Path | str) -> list[Sample]:
    """Return the samples of a file; InputError, naming the line, where one cannot be read."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"not a file of samples ({error})", file=path, needed="Give a samples.jsonl.") from error
    return [_sample(line, path, number) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def by_problem(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Group by problem id, both in the order of the file."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.problem.id, []).append(sample)
    return groups


def correct_share(samples: Sequence[Sample]) -> Fraction:
    """Return which share of the samples of one problem is correct."""
    return Fraction(sum(sample.verdict.correct for sample in samples), len(samples))


def _line(sample: Sample) -> str:
    # ASCII only: to other readers a character such as U+2028 in a model's text may end a line.
    return json.dumps(to_json(sample)) + "\n"


def _sample(line: str, path: Path, number: int) -> Sample:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise InputError(f"no JSON ({error})", file=path, line=number, needed="Each line is one sample.") from error
    return from_json(Sample, data, where=f"{path}, line {number}")
