"""Reports on disk: what is written is read, and what is not known yet is passed over."""

import json

import pytest

from eurus_core.errors import InputError
from eurus_core.records import Action, Problem, Sample, Verdict
from eurus_core.stages import Context
from eurus_core.stages.report import Attempts, Line, Plot, StageReport, Table, read_report, write_report


def attempts() -> Attempts:
    problem = Problem("p", "Math_PoT", "Sums", "How many?")
    return Attempts("first", {"base": Sample(problem, Action("4"), Verdict("correct", "number"))}, "Said.")


def test_what_a_stage_shows_is_read_as_it_was_written(tmp_path):
    context = Context(tmp_path, name="mine")
    context.finding("Higher.")
    context.note("Noted.")
    context.define({"margin": "a difference"})
    context.define({"family": "a story"})
    context.show(Table("t", ("a",), ((1,),), folded=True))
    context.show(Plot("p", "N", "%", (Line("l", (1.0,), (2.0,)),), noisy=True, panels=True))
    context.show(attempts())
    write_report(tmp_path / "report.json", context.report)
    read = read_report(tmp_path / "report.json")
    assert read == context.report
    assert read.findings == ("Higher.",)
    assert read.terms == {"margin": "a difference", "family": "a story"}
    assert read.attempts == (attempts(),)


def test_a_kind_of_block_that_is_not_known_is_passed_over_and_named(tmp_path):
    path = tmp_path / "report.json"
    write_report(path, StageReport("mine", notes=("Noted.",)))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"maps": [1], "films": [2]}))
    assert read_report(path).notes == ("Noted.", "Not shown, since this version does not know it: films, maps.")


def test_a_known_block_that_cannot_be_read_is_an_error_with_the_file(tmp_path):
    (tmp_path / "report.json").write_text('{"tables": [{"columns": []}]}')
    with pytest.raises(InputError, match=r"report.json: .*needs 'name'"):
        read_report(tmp_path / "report.json")
