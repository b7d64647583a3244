"""What a growth tells before anything is paid for: which problems its actors have nothing to write from."""

import json

import pytest

from eurus_core.errors import InputError
from eurus_data.assist import ReferenceBackend
from eurus_data.grow import Grow, Rung
from eurus_data.sources.jsonl import JSONL
from eurus_serve.backends.scripted import ScriptedBackend

SAMPLED = Rung(backend=ScriptedBackend(replies=("I guess \\boxed{1}.",)))
WRITTEN = Rung(backend=ReferenceBackend())


def problems(tmp_path, count, **more):
    rows = [{"instruction": f"What is {n} + 1?", "answer": n + 1, **more} for n in range(count)]
    path = tmp_path / f"{'-'.join(more) or 'answers'}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def told(path, *actors, **settings):
    return list(Grow(source=JSONL(path=path), actors=actors, problems=30, **settings).check(seed=0))


def test_a_growth_from_ground_truth_alone_refuses_problems_with_nothing_but_answers(tmp_path):
    with pytest.raises(InputError) as caught:
        told(problems(tmp_path, 20), WRITTEN)
    said = str(caught.value)
    assert "problems holds a program or a rationale, from which the actor 'reference' writes" in said
    assert "eurus run answers-only" in said


def test_a_growth_that_samples_too_goes_on_and_says_what_is_out(tmp_path):
    [note] = told(problems(tmp_path, 20), SAMPLED, WRITTEN)
    assert note.startswith("none of the ")
    assert note.endswith("Sampling goes on without it.")


def test_problems_with_a_program_are_nothing_to_tell_of(tmp_path):
    assert told(problems(tmp_path, 20, program="1 + 1"), WRITTEN) == []


def test_a_rationale_is_needed_where_no_code_is_written(tmp_path):
    with pytest.raises(InputError, match="holds a rationale, from"):
        told(problems(tmp_path, 20, program="1 + 1", task="Math_CoT"), WRITTEN)


def test_some_problems_without_a_reference_are_counted_and_the_first_is_named(tmp_path):
    bare, worked = problems(tmp_path, 20), problems(tmp_path, 30, rationale="Step 1: Add 1.")
    path = tmp_path / "both.jsonl"
    path.write_text(bare.read_text() + "".join(worked.read_text().splitlines(keepends=True)[20:]))
    [note] = told(path, WRITTEN)
    assert "hold no more than an answer (the first: both-" in note


def test_a_bad_row_stops_before_anything_is_paid_for(tmp_path):
    path = problems(tmp_path, 20)
    path.write_text(path.read_text() + '{"instruction": "And?"}\n')
    with pytest.raises(InputError, match="line 21"):
        told(path, SAMPLED)
    assert told(path, SAMPLED, skip_bad=True) == []
