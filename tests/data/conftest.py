"""What the tests of data share: a part of GSM8K, since reading the whole takes seconds."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest

from eurus_data.sources import GSM8K


@pytest.fixture(scope="session")
def part_of_gsm8k(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> GSM8K:
    """Return the first 400 rows of the published training split as a source."""
    part = tmp_path_factory.mktemp("gsm8k") / "train.jsonl"
    with gzip.open(realdata / "gsm8k" / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        part.write_text("".join(itertools.islice(file, 400)), encoding="utf-8")
    return GSM8K(path=part)
