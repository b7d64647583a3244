"""A third party's plugin with one part of every kind and a hook of a later core: it loads, and each part passes its contract."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from one_of_each import parts
from one_of_each.command import shout
from one_of_each.objective import Hinge

from eurus_core.models import find_source
from eurus_core.parts import installed
from eurus_core.parts.component import KINDS
from eurus_core.testing import (
    BackendContract,
    CommandContract,
    CriticContract,
    FormatContract,
    FunctionContract,
    GraderContract,
    ObjectiveContract,
    RecipeContract,
    ScorerContract,
    SourceContract,
    StageContract,
    ToolContract,
    assert_light,
)

HERE = Path(__file__).parent
NOTE = "hook 'eurus_benchmarks' is none of this core's and is ignored."


@pytest.fixture(autouse=True, scope="module")
def site(tmp_path_factory):
    """Install the distribution for this module's tests; return where, for the path of other processes."""
    site = tmp_path_factory.mktemp("site")
    info = site / "one_of_each-1.0.dist-info"
    info.mkdir()
    about = "Metadata-Version: 2.1\nName: one-of-each\nVersion: 1.0\nRequires-Dist: eurus-core>=0.1\n"
    (info / "METADATA").write_text(about)
    (info / "entry_points.txt").write_text("[eurus]\none = one_of_each.plugin\n")
    sys.path.insert(0, str(site))
    installed.cache_clear()
    yield os.pathsep.join((str(site), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])))
    sys.path.remove(str(site))
    installed.cache_clear()


def test_it_loads_with_a_part_of_every_kind_and_a_note():
    (plugin,) = (one for one in installed().plugins if one.distribution == "one-of-each")
    assert not plugin.problem
    assert [offer.kind for offer in plugin.offers] == list(KINDS)
    assert plugin.notes == (NOTE,)
    for offer in plugin.offers:
        if offer.kind != "recipes":
            assert offer.load()


def test_the_command_line_lists_it_and_its_note(eurus, site):
    shown = eurus("plugins", PYTHONPATH=site).stdout
    assert "one-of-each 1.0: commands shout, stages tally, recipes tallied, " in shown
    assert f"  note: {NOTE}" in shown
    assert eurus("shout", "a", "b", "--times", "2", PYTHONPATH=site).stdout == "A B A B\n"


def test_its_recipe_runs_with_its_flag_and_its_hooks_hear_of_it(eurus, site, tmp_path):
    done = eurus("run", "tallied", "--out", "out", "--tally-by", "dataset", PYTHONPATH=site)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/once/scores.jsonl").read_text() == "{'halves': 100}"
    assert (tmp_path / "out/started.txt").read_text() == "tallied"
    assert (tmp_path / "out/progress.txt").read_text().split().count("counted") == 2
    assert "note: once: counting by dataset" in done.stderr


def test_its_models_are_found_and_its_plugin_is_light():
    assert find_source("one-of-each").location == "/nowhere/at/all"
    assert_light(f"import sys\nsys.path.append({str(HERE)!r})\nimport one_of_each.plugin")


class TestHalves(SourceContract):
    def part(self):
        return parts.Halves()


class TestPlain(ToolContract):
    def part(self):
        return parts.Plain()


class TestDouble(FunctionContract):
    def part(self):
        return parts.Double()

    def calls(self):
        return [(1,), (21,)]


class TestLiteral(GraderContract):
    def part(self):
        return parts.SameText()


class TestTeacher(CriticContract):
    def part(self):
        return parts.Teacher()


class TestEcho(BackendContract):
    def part(self):
        return parts.Echo()


class TestBrevity(ScorerContract):
    def part(self):
        return parts.Brevity()


class TestHinge(ObjectiveContract):
    def part(self):
        return Hinge()


class TestGoodAndBad(FormatContract):
    def part(self):
        return parts.GoodAndBad()

    def rows(self):
        return [{"ask": "1 + 1?", "good": "2", "bad": "3"}, {"ask": "2 + 2?", "good": "4", "bad": "5"}]


class TestTally(StageContract):
    def part(self):
        return parts.Tally(source=parts.Halves())


class TestTallied(RecipeContract):
    name = "tallied"


class TestShout(CommandContract):
    def command(self):
        return shout
