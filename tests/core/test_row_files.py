"""Which files a path names: patterns, folders, splits of published data sets; and what is said of files that are not read."""

from __future__ import annotations

import gzip
import json
import shlex
import subprocess
import sys

import pytest

from eurus_core.errors import InputError
from eurus_core.files.row_files import row_files
from eurus_core.formats import open_trees
from eurus_core.formats.stage import Import
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context

GOOD = {"prompt": "Is 7 odd?", "chosen": "Yes.", "rejected": "No."}
LINE = json.dumps(GOOD) + "\n"


def lay(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(LINE)


def taken(folder, path="."):
    return [file.relative_to(folder).as_posix() for file in row_files(folder / path).files]


SHARDS = ("data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl", "data/test-00000-of-00001.jsonl")


@pytest.mark.parametrize(
    ("names", "read", "left_out"),
    [
        (SHARDS, SHARDS[:2], "test (test-00000-of-00001.jsonl)"),
        (("README.md", "train.jsonl", "test.jsonl"), ("train.jsonl",), "test (test.jsonl)"),
        (
            ("train/0.jsonl", "train/1.jsonl", "validation/0.jsonl"),
            ("train/0.jsonl", "train/1.jsonl"),
            "validation (0.jsonl)",
        ),
        (("data/train/0.arrow", "data/test/0.arrow"), ("data/train/0.arrow",), "test (0.arrow)"),
        (("mine.jsonl", "test.jsonl"), ("mine.jsonl",), "test (test.jsonl)"),
        (("math_train.jsonl", "code_train.jsonl", "math_test.jsonl"), ("code_train.jsonl", "math_train.jsonl"), "test"),
        (
            ("train.jsonl", "test.jsonl", "dev.jsonl", "x.jsonl"),
            ("train.jsonl",),
            "others (x.jsonl), dev (dev.jsonl), test",
        ),
    ],
)
def test_of_a_folder_with_splits_the_one_to_learn_from_is_read_and_told(tmp_path, names, read, left_out):
    lay(tmp_path, *names)
    assert taken(tmp_path) == list(read)
    assert f"; left out: {left_out}" in row_files(tmp_path).note


@pytest.mark.parametrize(
    "names",
    [
        ("a.jsonl", "contest.jsonl", "latest.json"),
        ("train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl", "contest.jsonl"),
        ("test-00000-of-00001.jsonl",),
        ("data/a.jsonl", "data/b.jsonl"),
        ("train_gen.jsonl", "train_sft.jsonl"),
    ],
)
def test_where_there_is_no_test_to_keep_apart_everything_is_read_in_silence(tmp_path, names):
    lay(tmp_path, *names)
    assert taken(tmp_path) == sorted(names)
    assert row_files(tmp_path).note == ""


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("dev.jsonl", "test.jsonl"), "holds splits of one data set: dev, test. Name the files of one"),
        (("main/a.jsonl", "socratic/a.jsonl"), "holds rows in its folders only. Name one of main, socratic."),
        (
            ("train_prefs.jsonl", "train_sft.jsonl", "test_sft.jsonl"),
            "several splits to learn from: train_prefs, train_sft. Name",
        ),
    ],
)
def test_a_folder_that_does_not_say_what_to_learn_from_is_refused(tmp_path, names, said):
    lay(tmp_path, *names)
    with pytest.raises(InputError, match=said):
        open_trees(tmp_path)


def test_a_pattern_names_files_and_tree_sets_and_mixes_no_test_in(tmp_path):
    lay(tmp_path, *SHARDS)
    assert taken(tmp_path, "data/train-*.jsonl") == list(SHARDS[:2])
    assert taken(tmp_path, "data/*.jsonl") == list(SHARDS[:2])
    assert taken(tmp_path, "**/train-*") == list(SHARDS[:2])
    for name in ("a", "b"):
        write_trees(tmp_path / "runs" / name / "trees", open_trees(tmp_path / "data"))
    assert len(list(open_trees(tmp_path / "runs/*/trees"))) == 2


def test_shards_of_one_split_are_one_data_set(tmp_path):
    lay(tmp_path, *SHARDS[:2])
    (tree,) = open_trees(tmp_path)  # the same problem in both
    assert tree.problem.dataset == "train"


def test_a_pattern_without_a_match_and_a_misspelt_file_name_what_is_near(tmp_path):
    lay(tmp_path, "pairs.jsonl")
    with pytest.raises(InputError, match=r"no file matches. Needed is a tree set, or a file or folder of rows"):
        open_trees(tmp_path / "train-*.parquet")
    with pytest.raises(InputError, match=rf"no such file or folder \(did you mean {tmp_path}/pairs.jsonl\?\)"):
        open_trees(tmp_path / "pair.json")
    with pytest.raises(InputError, match=rf"no such file or folder \(nor a folder {tmp_path}/data\)"):
        open_trees(tmp_path / "data" / "pairs.jsonl")


def test_an_import_reports_what_it_left_out(tmp_path):
    lay(tmp_path, "rows/train.jsonl", "rows/test.jsonl")
    context = Context(tmp_path / "stage")
    Import(rows=str(tmp_path / "rows")).run(context)
    assert context.report.notes == (f"{tmp_path}/rows: read is train (train.jsonl); left out: test (test.jsonl).",)


def test_a_run_in_place_of_a_tree_set_names_those_that_it_holds(tmp_path):
    lay(tmp_path, "rows.jsonl")
    write_trees(tmp_path / "run/grow/trees", open_trees(tmp_path / "rows.jsonl"))
    (tmp_path / "run/manifest.json").write_text('{"stages": []}')
    with pytest.raises(InputError, match=f"is no tree set, but holds some. Name one of {tmp_path}/run/grow/trees."):
        open_trees(tmp_path / "run")


@pytest.mark.parametrize("sheet", [("pairs.csv", ","), ("my pairs.tsv", "\t")])
def test_the_line_that_converts_a_table_of_text_does(tmp_path, sheet):
    name, between = sheet
    (tmp_path / name).write_text(
        "\n".join(between.join(row) for row in (("prompt", "chosen", "rejected"), GOOD.values()))
    )
    with pytest.raises(InputError, match=r"which is not read. What is read: .jsonl and .json, gzipped or not") as told:
        list(open_trees(tmp_path / name))
    command = str(told.value).partition("To convert it: ")[2].partition(" (every")[0]
    subprocess.run(command.replace("python3", shlex.quote(sys.executable)), shell=True, check=True)
    (tree,) = open_trees((tmp_path / name).with_suffix(".jsonl"))
    assert tree.problem.instruction == "Is 7 odd?"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xlsx", b"PK\x03\x04", "is a spreadsheet, which is not read.*save it as CSV"),
        ("a.zip", b"PK\x03\x04", "is a zip archive, .*unpack it with python3 -m zipfile -e"),
        ("a.jsonl", b"PK\x03\x04", "is a zip archive"),
        ("a.tar.gz", b"x", "is a tar archive, .*tar -xf"),
        ("a.jsonl.zst", b"\x28\xb5\x2f\xfd", "is packed with zstd"),
        ("a.jsonl", b"BZh9", "is packed with bzip2"),
        ("a.txt", b"Is 7 odd? Yes.", "is plain text, .*a line of its own"),
        ("a.yaml", b"- prompt: a", "is YAML"),
        ("a.pkl", b"\x80\x04\x95", "is a Python pickle"),
        ("a.sqlite", b"SQLite format 3\0", "is a database"),
    ],
)
def test_what_is_not_read_says_what_it_is_and_what_to_do(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        list(open_trees(tmp_path / name))


def test_a_table_of_text_that_is_gzipped_is_to_be_unpacked_and_rows_by_that_name_are_read(tmp_path):
    (tmp_path / "pairs.csv.gz").write_bytes(gzip.compress(b"prompt,chosen,rejected\n"))
    with pytest.raises(InputError, match="is a CSV file, which is not read.* unpack it with gunzip"):
        list(open_trees(tmp_path / "pairs.csv.gz"))
    (tmp_path / "pairs.csv.gz").write_bytes(gzip.compress(LINE.encode()))
    assert len(list(open_trees(tmp_path / "pairs.csv.gz"))) == 1


def test_a_folder_of_tables_alone_says_how_to_convert_them(tmp_path):
    (tmp_path / "README.md").write_text("Pairs.")
    (tmp_path / "pairs.csv").write_text("prompt,chosen,rejected")
    with pytest.raises(InputError, match=r"pairs.csv: is a CSV file, which is not read.* To convert it: "):
        open_trees(tmp_path)


@pytest.mark.parametrize("name", ["pairs.txt", "pairs.csv", "pairs"])
def test_what_begins_as_json_is_read_whatever_its_name_says(tmp_path, name):
    lay(tmp_path, name)
    assert len(list(open_trees(tmp_path / name))) == 1
