"""``eurus rm score`` and ``rank``: one line in, one line out, and errors that name the line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest
from click.testing import CliRunner, Result

from eurus_core.errors import InputError
from eurus_core.models import keep_template_hash, load_tokenizer
from eurus_core.records import Action, Node, PreferenceTree, Problem, Verdict
from eurus_core.records.tree_set import write_trees
from eurus_core.testing import assert_light
from eurus_rm.commands import rm


def _run(command: str, folder: Path, rows: list[object] | str) -> Result:
    text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    return CliRunner().invoke(rm, [command, "--model", str(folder)], input=text)


def _lines(result: Result) -> list[dict[str, object]]:
    assert result.exception is None, result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_score_writes_a_reward_a_line_in_the_order_of_the_rows(folder: Path) -> None:
    rows: list[object] = [
        {"prompt": "1 + 1?", "response": "2"},
        {"prompt": "2 + 2?", "response": "4"},
        {"prompt": "1 + 1?", "response": "3"},
        {"prompt": [{"role": "user", "content": "1 + 1?"}], "response": "2"},
    ]
    rewards = [line["reward"] for line in _lines(_run("score", folder, rows))]
    backwards = [line["reward"] for line in _lines(_run("score", folder, rows[::-1]))][::-1]
    assert len(set(map(str, rewards))) >= 3
    assert rewards == pytest.approx(backwards, abs=1e-4)
    assert rewards[0] == pytest.approx(rewards[3], abs=1e-4)


def test_rank_sorts_responses_by_the_rewards_that_score_gives(folder: Path) -> None:
    responses = ["2", "3", "I do not know", "print(1 + 1)"]
    scored = [
        line["reward"]
        for line in _lines(_run("score", folder, [{"prompt": "1 + 1?", "response": r} for r in responses]))
    ]
    (ranked,) = _lines(_run("rank", folder, [{"prompt": "1 + 1?", "responses": responses}]))
    order = sorted(range(4), key=lambda place: -float(str(scored[place])))
    assert ranked["order"] == order
    assert ranked["responses"] == [responses[place] for place in order]
    assert ranked["rewards"] == pytest.approx([scored[place] for place in order], abs=1e-4)


@pytest.mark.parametrize(("command", "answer"), [("score", "2"), ("rank", ["2", "3"])])
def test_a_template_that_was_changed_after_training_is_warned_of(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, command: str, answer: object
) -> None:
    shutil.copytree(folder, tmp_path / "model")
    keep_template_hash(load_tokenizer(str(folder)), tmp_path / "model")
    rows: list[object] = [{"prompt": "1 + 1?", "response" if command == "score" else "responses": answer}]
    assert len(_lines(_run(command, tmp_path / "model", rows))) == 1
    assert not caplog.records
    template = tmp_path / "model/chat_template.jinja"
    template.write_text(template.read_text() + "{# changed #}")
    assert len(_lines(_run(command, tmp_path / "model", rows))) == 1
    (record,) = caplog.records
    assert "was trained with another chat template" in record.getMessage()


def test_equal_rewards_keep_their_order(folder: Path) -> None:
    (ranked,) = _lines(_run("rank", folder, [{"prompt": "1 + 1?", "responses": ["2", "2", "2"]}]))
    assert ranked["order"] == [0, 1, 2]


def test_no_responses_rank_to_none(folder: Path) -> None:
    (ranked,) = _lines(_run("rank", folder, [{"prompt": "1 + 1?", "responses": []}]))
    assert ranked == {"responses": [], "rewards": [], "order": []}


BAD_ROWS = {
    "not json": (
        "score",
        '{"prompt": "a", "response": "b"}\nnope\n',
        r"line 2: no JSON .* Needed is one whole JSON object",
    ),
    "not an object": ("score", "[1]\n", r"line 1: found a list"),
    "no response": ("score", '{"prompt": "a"}\n', r'line 1: no "response"\. A row needs "prompt"'),
    "no prompt": ("rank", '{"responses": []}\n', r'line 1: no "prompt"'),
    "a number": ("score", '{"prompt": "a", "response": 3}\n', r"line 1: \"response\" is '3', not text"),
    "text for a list": ("rank", '{"prompt": "a", "responses": "b"}\n', r"\"responses\" is 'b', not a list of texts"),
    "prompt of numbers": ("score", '{"prompt": 7, "response": "b"}\n', r"line 1: \"prompt\" is '7'"),
    "bad message": ("score", '{"prompt": [{"role": "user"}], "response": "b"}\n', r"line 1: Message needs 'content'"),
    "no messages": ("score", '{"prompt": [], "response": "b"}\n', r'"prompt" has turns of nobody'),
    "ends on a reply": (
        "score",
        '{"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "response": "c"}\n',
        r'"prompt" has turns of user, assistant\. .*the last turn is the user',
    ),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_named_with_its_line_and_what_is_needed(folder: Path, case: str) -> None:
    command, text, message = BAD_ROWS[case]
    result = _run(command, folder, text)
    assert isinstance(result.exception, InputError)
    with pytest.raises(InputError, match=message):
        raise result.exception


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (b"\xff\xfe", "line 2: byte 1 is no UTF-8"),
        (b'{"prompt": "a\\ud800", "response": "b"}', "line 2: holds half a surrogate pair"),
        (b"[" * 100_000, "line 2: JSON nested too deeply"),
        (b'{"prompt": ' + b"9" * 5000 + b', "response": "b"}', "line 2: a number of thousands of digits"),
    ],
    ids=["bytes", "half a surrogate pair", "nested", "digits"],
)
def test_the_rows_before_one_that_no_model_can_read_are_scored(folder: Path, row: bytes, says: str) -> None:
    good = b'{"prompt": "1 + 1?", "response": "2"}\n'
    result = CliRunner().invoke(rm, ["score", "--model", str(folder)], input=good + row + b"\n" + good)
    assert len(result.stdout.splitlines()) == 1
    assert isinstance(result.exception, InputError)
    assert says in str(result.exception)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(folder: Path) -> None:
    rows = b'\xef\xbb\xbf{"prompt": "1 + 1?", "response": "2"}\r\n\r\n'
    result = CliRunner().invoke(rm, ["score", "--model", str(folder)], input=rows)
    assert len(_lines(result)) == 1


def test_a_stage_is_no_model_outside_a_recipe() -> None:
    result = CliRunner().invoke(rm, ["score", "--model", "@reward"], input="")
    assert result.exit_code == 2
    assert "@reward names a stage" in result.stderr


def test_the_group_offers_train_score_and_rank() -> None:
    assert isinstance(rm, click.Group)
    assert sorted(rm.commands) == ["rank", "score", "train"]


def test_the_plugin_is_light() -> None:
    assert_light("import eurus_rm.plugin")


def test_help_of_the_commands_needs_no_torch() -> None:
    assert_light("import eurus_rm.commands", heavy=("torch", "transformers"))


def test_a_missing_model_is_one_line(tmp_path: Path) -> None:
    result = _run("score", tmp_path / "nothing", [])
    assert "No model" in str(result.exception)


def test_the_command_line_trains_then_scores(eurus: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    nodes = [
        Node("0", None, 1, Action(text="2"), Verdict("correct")),
        Node("1", None, 1, Action(text="3"), Verdict("incorrect")),
    ]
    problem = Problem("p", "Math_CoT", "toy", "What is 1 + 1?")
    write_trees(tmp_path / "trees", [PreferenceTree(problem, tuple(nodes))])
    settings = ("model=tiny", "trees=trees", "objective=bt", "max_steps=2")
    flags = [word for setting in settings for word in ("--set", setting)]
    trained = eurus("rm", "train", *flags, "--out", "run", OMP_NUM_THREADS="1")
    assert trained.returncode == 0, trained.stderr
    row = json.dumps({"prompt": "What is 1 + 1?", "response": "2"})
    scored = eurus("rm", "score", "--model", "run/train-reward/model", stdin=row, OMP_NUM_THREADS="1")
    assert scored.returncode == 0, scored.stderr
    assert set(json.loads(scored.stdout)) == {"reward"}


def test_a_row_that_is_too_long_is_named_with_its_line_and_those_before_it_are_scored(folder: Path) -> None:
    rows: list[object] = [
        {"prompt": "1 + 1?", "response": "2"},
        {"prompt": "1 + 1? " * 3000, "response": "2"},
        {"prompt": "1 + 1?", "response": "3"},
    ]
    result = _run("score", folder, rows)
    assert len(result.stdout.splitlines()) == 1
    with pytest.raises(InputError, match=r"line 2: a prompt with its response takes \d+ tokens.*reads 4096"):
        raise result.exception or AssertionError


@pytest.mark.parametrize(
    ("command", "row"),
    [
        ("score", {"prompt": True, "response": "b"}),
        ("score", {"prompt": "a", "response": True}),
        ("rank", {"prompt": "a", "responses": [True]}),
    ],
)
def test_truth_values_are_no_text(folder: Path, command: str, row: dict[str, object]) -> None:
    assert isinstance(_run(command, folder, [row]).exception, InputError)


def test_a_reader_that_has_seen_enough_ends_it_quietly(folder: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"{n}?", "response": "2"}) + "\n" for n in range(200)))
    program = Path(sys.executable).with_name("eurus")
    with subprocess.Popen(
        [program, "rm", "score", "--model", str(folder), str(rows)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as scoring:
        assert scoring.stdout is not None
        assert scoring.stderr is not None
        assert json.loads(scoring.stdout.readline())
        scoring.stdout.close()
        assert scoring.stderr.read() == b""
    assert scoring.returncode == 141
