"""Settings in words, as ``eurus parts`` shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from eurus_core.cli.settings import settings
from eurus_core.parts.choice import Choice, Trees
from eurus_core.parts.contracts import Part, Source


class Example(Part):
    trees: tuple[Trees, ...]
    source: Annotated[Source, Choice("sources")]
    rate: float = Field(default=0.1, gt=0, lt=1)
    limit: int | None = Field(default=None, ge=2)
    """How many to
    take."""
    form: Literal["cot", "modular"] = "cot"
    path: Path | None = None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("trees", 'list of trees: path or "@stage"'),
        ("source", "source, see: eurus parts sources"),
        ("rate", "number > 0 and < 1"),
        ("limit", "whole number >= 2, or none"),
        ("form", 'one of "cot", "modular"'),
        ("path", "path, or none"),
    ],
)
def test_a_kind_of_value_is_put_in_words(name, kind):
    (row,) = [row for row in settings(Example) if row["name"] == name]
    assert row["type"] == kind


def test_a_row_says_what_is_needed_the_default_and_what_it_is_about():
    rows = {row["name"]: row for row in settings(Example)}
    assert rows["trees"]["needed"]
    assert (rows["rate"]["needed"], rows["rate"]["default"]) == (False, 0.1)
    assert rows["limit"]["about"] == "How many to take."


def test_parts_of_every_kind_show_their_settings(eurus):
    listed = json.loads(eurus("parts", "--json").stdout)
    for kind in ("stages", "sources", "graders", "objectives"):
        name = listed[kind][0]["name"]
        shown = json.loads(eurus("parts", kind, name, "--json").stdout)
        assert shown["name"] == name
        assert isinstance(shown["settings"], list)


def test_an_unknown_kind_or_part_suggests(eurus):
    assert "Did you mean 'objectives'?" in eurus("parts", "objective").stderr
    done = eurus("parts", "objectives", "ncaa")
    assert done.returncode == 2
    assert "Did you mean 'nca'?" in done.stderr


READER = """
from eurus_core import Component, hookimpl

@hookimpl
def eurus_formats():
    yield Component("declared", "toy_formats:Declared")
    yield Component("known", "toy_formats:Known")
"""

FORMATS = """
from eurus_core.parts.contracts import Format, RowKeys

class Known(Format):
    keys = (frozenset({"question", "better"}),)

    def fragments(self, row, source):
        yield from ()

class Declared(Known):
    row_keys = (RowKeys({"question": "text"}, {"worse": "text, too"}, {"question": "Is 7 odd?"}),)
"""


@pytest.fixture
def readers(tmp_path):
    """Install a distribution with two formats of a third party; return its folder, for PYTHONPATH."""
    info = tmp_path / "site" / "toy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eurus]\ntoy = toy_readers\n")
    (tmp_path / "site/toy_readers.py").write_text(READER)
    (tmp_path / "site/toy_formats.py").write_text(FORMATS)
    return str(tmp_path / "site")


def test_parts_show_the_keys_of_the_rows_that_a_third_party_reads(eurus, readers):
    shown = eurus("parts", "formats", "declared", PYTHONPATH=readers).stdout
    assert shown.splitlines()[1:] == [
        "A row holds",
        "  question  needed    text",
        "  worse     optional  text, too",
        "such as",
        '  {"question": "Is 7 odd?"}',
    ]
    assert eurus("parts", "formats", "known", PYTHONPATH=readers).stdout.splitlines()[1:] == [
        "A row holds",
        "  better    needed",
        "  question  needed",
    ]
    found = json.loads(eurus("parts", "formats", "declared", "--json", PYTHONPATH=readers).stdout)
    assert found["rows"] == [
        {"needed": {"question": "text"}, "optional": {"worse": "text, too"}, "example": {"question": "Is 7 odd?"}}
    ]


@pytest.mark.parametrize(
    ("part", "line"),
    [
        (("sources", "jsonl"), '  {"instruction": "What is 12 * 7?", "answer": 84, "program": "12 * 7"}'),
        (("formats", "trl"), "  prompt          optional  text or messages; needed unless both sides begin with it"),
    ],
)
def test_parts_show_the_keys_of_our_rows(eurus, part, line):
    assert line in eurus("parts", *part).stdout.splitlines()
