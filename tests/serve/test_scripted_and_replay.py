"""Backends without a model: scripts and records."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from eurus_core.errors import InputError, ModelError
from eurus_core.parts import installed
from eurus_core.parts.contracts import Backend
from eurus_core.records import Message, Problem, Reference, Reply, Request, Sampling
from eurus_core.records.codec import to_json
from eurus_core.records.request_keys import request_key

PROBLEM = Problem("p1", "Math_PoT", "toy", "What is 6 * 7?", Reference("42"))
REQUEST = Request((Message("user", "What is 6 * 7?"),), problem=PROBLEM)
SECOND_TURN = replace(REQUEST, messages=(*REQUEST.messages, Message("assistant", "41"), Message("user", "Wrong.")))


def scripted(replies: Any) -> Backend:
    cls = installed().find("backends", "scripted").load()
    backend = cls.model_validate({"replies": replies})
    assert isinstance(backend, Backend)
    return backend


def replies_of(backend: Backend, *requests: Request) -> list[Reply]:
    async def main() -> list[Reply]:
        async with backend.open() as actor:
            return [await actor.generate(request) for request in requests]

    return asyncio.run(main())


def texts(backend: Backend, *requests: Request) -> list[str]:
    return [reply.text for reply in replies_of(backend, *requests)]


def test_one_text_is_the_answer_to_everything() -> None:
    assert texts(scripted("42"), REQUEST, SECOND_TURN) == ["42", "42"]


def test_a_list_is_drawn_from_by_seed() -> None:
    requests = [replace(REQUEST, seed=seed) for seed in range(50)]
    first = texts(scripted(["a", "b", "c"]), *requests)
    assert first == texts(scripted(["a", "b", "c"]), *requests)
    assert set(first) == {"a", "b", "c"}


def test_a_table_goes_by_problem_then_turn_then_default() -> None:
    table = {"p1": "by problem", "turn 2": "by turn", "default": "else"}
    other = Problem("p2", "Math_PoT", "toy", "?")
    assert texts(scripted(table), REQUEST, replace(SECOND_TURN, problem=other), replace(REQUEST, problem=other)) == [
        "by problem",
        "by turn",
        "else",
    ]


def test_a_script_may_write_the_answer_and_is_cut_at_stop_strings() -> None:
    cut = replace(REQUEST, sampling=Sampling(stop=("```\n",)))
    assert texts(scripted("print({answer})\n```\nmore"), cut) == ["print(42)\n"]


def test_a_script_without_a_fitting_reply_says_which_is_missing() -> None:
    with pytest.raises(ModelError, match="no reply for problem p1 at turn 1"):
        texts(scripted({"turn 2": "x"}), REQUEST)


@pytest.mark.parametrize("empty", [[], {}, {"default": []}])
def test_a_script_needs_a_reply(empty: object) -> None:
    with pytest.raises(ValidationError, match="at least one reply"):
        scripted(empty)


def test_a_request_is_named_by_all_that_its_reply_depends_on() -> None:
    changed = [
        replace(REQUEST, seed=1),
        replace(REQUEST, sampling=Sampling(temperature=0.5)),
        replace(REQUEST, schema="cot"),
        replace(REQUEST, problem=replace(PROBLEM, id="p2")),
        SECOND_TURN,
    ]
    assert len({request_key(request) for request in (REQUEST, *changed)}) == 6
    assert request_key(REQUEST) == request_key(replace(REQUEST))


def replay(path: Path) -> Backend:
    backend = installed().find("backends", "replay").load().model_validate({"path": path})
    assert isinstance(backend, Backend)
    return backend


def test_a_recorded_reply_comes_back_whole(tmp_path: Path) -> None:
    reply = Reply("42", tokens=3, logprob=-0.5, cost=0.01)
    rows = [{"request_key": request_key(REQUEST), "reply": to_json(r)} for r in (Reply("old"), reply)]
    file = tmp_path / "replies.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    assert replies_of(replay(file), REQUEST) == [reply]


def test_a_line_separator_in_a_recorded_reply_ends_no_row(tmp_path: Path) -> None:
    reply = Reply("a\u2028b\x85c")
    file = tmp_path / "replies.jsonl"
    row = {"request_key": request_key(REQUEST), "reply": to_json(reply)}
    file.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert replies_of(replay(file), REQUEST) == [reply]


def test_a_request_that_was_not_recorded_says_so(tmp_path: Path) -> None:
    file = tmp_path / "replies.jsonl"
    file.write_text("")
    with pytest.raises(InputError, match=r"no reply is recorded .*What is 6 \* 7.*Record again"):
        replies_of(replay(file), REQUEST)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2: no JSON"),
        ('{"reply": {"text": "x"}}', 'line 2: found .* Rows need "request_key"'),
        ('{"request_key": "a", "reply": {"txt": "x"}}', "line 2: .*did you mean 'text'"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: str, complaint: str) -> None:
    file = tmp_path / "replies.jsonl"
    file.write_text('{"request_key": "a", "reply": {"text": "x"}}\n' + line + "\n")
    with pytest.raises(InputError, match=complaint):
        replies_of(replay(file), REQUEST)


def test_a_missing_record_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        replies_of(replay(tmp_path / "none.jsonl"), REQUEST)
