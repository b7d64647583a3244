"""Files of rows as they come: damaged, mislabelled, far too long; what is said, and what is read all the same."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import pytest

from eurus_core.errors import InputError
from eurus_core.formats import open_trees, reading
from eurus_core.formats.conversations import LabelledRows
from eurus_core.testing import FormatContract
from eurus_core.trees import pairs

GOOD = {"prompt": "Is 7 odd?", "chosen": "Yes.", "rejected": "No."}
LINE = (json.dumps(GOOD) + "\n").encode()


def said(path):
    """Return how many pairs a file gives and what is said of its bad rows."""
    errors = []
    found = sum(len(pairs(tree)) for tree in open_trees(path, errors.append))
    return found, [str(error) for error in errors]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.jsonl.gz", LINE),
        ("zipped.jsonl", gzip.compress(LINE)),
        ("zipped.json", gzip.compress(b"[" + LINE + b"]")),
    ],
    ids=["plain as gzip", "gzip as plain", "a zipped array"],  # gzip writes the time, and processes must agree on names
)
def test_what_a_file_holds_tells_how_to_read_it_not_its_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert said(tmp_path / name) == (1, [])


def test_a_file_whose_only_row_is_bad_says_what_is_wrong_with_it(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(LINE * 9)[:30])
    with pytest.raises(InputError, match="line 1: the gzip stream is damaged"):
        list(open_trees(path))
    path.write_bytes(b'{"prompt": "Is 7')
    with pytest.raises(InputError, match="line 1: the line ends in the middle"):
        list(open_trees(path))


def test_a_line_beyond_all_measure_is_named_and_never_held(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 1 << 16)
    path = tmp_path / "rows.jsonl"
    path.write_bytes(LINE + b'{"prompt": "' + b"word " * 2_000_000 + b'"}\n' + LINE.replace(b"7", b"9"))
    tracemalloc.start()
    found, errors = said(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 2
    assert errors == [f"{path}, line 2: longer than 65,536 bytes. Needed is one JSON object a line."]
    assert most < path.stat().st_size / 5


def test_an_array_on_one_line_may_be_longer_than_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 1 << 10)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([GOOD | {"prompt": f"Is {n} odd?"} for n in range(100)]))
    assert said(path) == (100, [])


def test_items_of_an_array_on_one_line_are_told_apart(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([GOOD, GOOD | {"rejected": "Yes."}, 5]))
    assert said(path)[1] == [
        f"{path}, line 1: item 2: chosen and rejected are the same. Nothing can be learnt from it.",
        f"{path}, line 1: item 3: found a number. Needed is one JSON object a line.",
    ]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (
            b'{"prompt": "a", "prompt": "b", "chosen": "Yes.", "rejected": "No."}',
            "the key 'prompt' stands in one object twice",
        ),
        (json.dumps(GOOD | {"prompt": [{"role": ["user"], "content": "a"}]}).encode(), "is from ['user']"),
        (
            json.dumps(GOOD | {"prompt": [{"role": "user", "content": " "}], "chosen": [], "rejected": []}).encode(),
            '"chosen" holds no messages',
        ),
        (
            json.dumps(
                {
                    "prompt": [{"role": "user", "content": " "}],
                    "chosen": [{"role": "assistant", "content": "a"}],
                    "rejected": [{"role": "assistant", "content": "b"}],
                }
            ).encode(),
            "the conversation opens with an empty message",
        ),
    ],
)
def test_what_no_reader_could_mean_is_refused(tmp_path, row, found):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(LINE + row)
    with pytest.raises(InputError, match="line 2: ") as caught:
        list(open_trees(path))
    assert found in str(caught.value)
    assert str(caught.value).endswith("To leave such rows out set skip_bad (with --rows: --skip-bad).")


def test_a_folder_without_rows_says_what_belongs_there(tmp_path):
    (tmp_path / "notes.md").write_text("no rows")
    with pytest.raises(InputError, match="holds neither a tree set nor rows"):
        open_trees(tmp_path)


def test_bytes_in_parquet_are_named(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([GOOD | {"weight": b"\xff"}, GOOD | {"prompt": "Is 9 odd?"}]), path)
    assert said(path) == (1, [f"{path}, line 1: \"weight\" is b'\\xff'. Needed is a number."])
    row = {"instruction": b"\xff", "completions": [{"response": "a", "fine-grained_score": 1}]}
    parquet.write_table(pyarrow.Table.from_pylist([row]), path)
    assert said(path)[1][0].startswith(f'{path}, line 1: "instruction" is an object')


def test_labels_tell_right_from_wrong(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [{"prompt": "Is 7 odd?", "completion": text, "label": text == "Yes."} for text in ("Yes.", "No.", "Never.")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tree,) = open_trees(path)
    assert [node.verdict.correct for node in tree] == [True, False, False]
    assert len(pairs(tree)) == 2
    path.write_text(json.dumps(rows[0] | {"label": "true"}))
    with pytest.raises(InputError, match="line 1: \"label\" is 'true'. Labelled rows hold"):
        list(open_trees(path))


class TestLabelledRows(FormatContract):
    def part(self):
        return LabelledRows()

    def rows(self):
        return [{"prompt": "Is 7 odd?", "completion": "Yes.", "label": True}]
