"""Files of rows as they come: damaged, mislabelled, far too long; what is said, and what is read all the same."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import pytest

from eurus_core.errors import InputError
from eurus_core.formats import open_trees, reading
from eurus_core.formats.conversations import LabelledRows
from eurus_core.records.pairs import pairs
from eurus_core.testing import FormatContract

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
        ("marked.jsonl", b"\xef\xbb\xbf" + LINE.replace(b"\n", b"\r\n")),
    ],
    ids=[
        "plain as gzip",
        "gzip as plain",
        "a zipped array",
        "Windows",
    ],  # gzip writes the time, and processes must agree on names
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


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"[" + LINE + b"," + LINE, "line 2: the JSON array has no end"),
        (b"[" + LINE + b"]\n[" + LINE + b"]", "line 3: something follows the JSON array, and is not read"),
    ],
    ids=["no end", "two arrays"],
)
def test_an_array_is_read_to_its_end_and_no_more(tmp_path, content, found):
    path = tmp_path / "rows.json"
    path.write_bytes(content)
    count, errors = said(path)
    assert count == 1
    assert [error.startswith(f"{path}, {found}") for error in errors] == [True]


@pytest.mark.parametrize("key", ["question", "instruction", "trajectory"])
def test_what_two_replies_begin_with_is_no_prompt_beside_a_column_that_looks_like_one(tmp_path, key):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({key: "What is 2 + 3?", "chosen": "It is 5.", "rejected": "It is 6."}))
    assert said(path)[1][0].startswith(f'{path}, line 1: no "prompt", but a "{key}". Rename it')


def test_rows_that_lack_their_label_are_never_taken_for_rows_to_imitate(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [
        {"prompt": "Is 7 odd?", "completion": text, "label": label}
        for text, label in (("No.", None), ("Yes.", True), ("Never.", False))
    ]
    path = tmp_path / "rows.parquet"  # which keeps no difference between null and absent
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    bad = []
    (tree,) = open_trees(path, on_bad=bad.append)
    assert [(node.action.text, node.verdict.outcome) for node in tree.nodes] == [
        ("Yes.", "correct"),
        ("Never.", "incorrect"),
    ]
    assert [error.line for error in bad] == [1]


def test_a_saved_data_set_is_read_as_its_rows(tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = [GOOD | {"prompt": f"Is {number} odd?"} for number in range(30)]
    saved = datasets.Dataset.from_list(rows)
    saved.save_to_disk(tmp_path / "one", num_shards=3)
    assert len(list(open_trees(tmp_path / "one"))) == 30
    datasets.DatasetDict(train=saved, test=saved.select(range(2))).save_to_disk(tmp_path / "both")
    with pytest.raises(InputError, match="Name one of test, train"):
        open_trees(tmp_path / "both")
    assert len(list(open_trees(tmp_path / "both" / "test"))) == 2


def test_both_kinds_of_arrow_and_a_parquet_file_of_another_name_are_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import ipc, parquet

    table = pyarrow.Table.from_pylist([GOOD, GOOD | {"prompt": "Is 9 odd?"}])
    for name, writer in (("file", ipc.new_file), ("stream", ipc.new_stream)):
        with writer(tmp_path / f"{name}.arrow", table.schema) as out:
            out.write_table(table)
    parquet.write_table(table, tmp_path / "rows.json")
    assert [said(tmp_path / name) for name in ("file.arrow", "stream.arrow", "rows.json")] == [(2, [])] * 3


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
