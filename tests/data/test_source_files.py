"""Sources that read files: good rows, bad rows by file and line, splits, order."""

import gzip
import json
import os
from pathlib import Path

import pytest

from eurus_core.errors import InputError
from eurus_data.sources import GSM8K, JSONL, MATH
from eurus_data.sources.math import boxed

REALDATA = Path(os.environ.get("EURUS_REALDATA", Path(__file__).parents[2].parent / "shared" / "data"))

CLIPS = {
    "question": "Natalia sold clips to 48 friends in April, and half as many in May. How many altogether?",
    "answer": "She sold 48/2 = <<48/2=24>>24 clips in May.\nShe sold 48+24 = <<48+24=72>>72 clips altogether.\n#### 72",
}


def write(path, *rows):
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


def questions(count, start=0):
    return [{"instruction": f"What is {k} + 1?", "answer": k + 1} for k in range(start, start + count)]


def errors_of(source, split="train"):
    found = []
    problems = list(source.problems(split, on_bad=found.append))
    return problems, [str(error) for error in found]


def test_a_gsm8k_row_becomes_a_problem_with_rationale_and_program(tmp_path):
    source = GSM8K(path=write(tmp_path / "train.jsonl", CLIPS), test_path=write(tmp_path / "t.jsonl", CLIPS))
    [problem] = source.problems("test")
    assert problem.instruction == CLIPS["question"]
    assert problem.reference.answer == "72"
    assert problem.reference.rationale.splitlines() == [
        "Step 1: She sold 48/2 = 24 clips in May.",
        "Step 2: She sold 48+24 = 72 clips altogether.",
    ]
    assert problem.reference.solutions == (
        "clips = 48 / 2  # Step 1: She sold clips in May\n"
        "clips2 = 48 + clips  # Step 2: She sold clips altogether\n"
        "clips2",
    )
    assert (problem.task, problem.tools, problem.dataset) == ("Math_PoT", ("python",), "gsm8k")


def test_a_gsm8k_row_that_does_not_compute_keeps_its_rationale_and_has_no_program(tmp_path):
    row = CLIPS | {"answer": CLIPS["answer"].replace("48/2=24", "48/2=25")}
    [problem] = GSM8K(path=tmp_path, test_path=write(tmp_path / "t.jsonl", row)).problems("test")
    assert problem.reference.solutions == ()
    assert problem.reference.rationale.startswith("Step 1: She sold 48/2 = 24")


def test_math_answers_come_from_the_last_box_where_there_is_no_answer_key(tmp_path):
    rows = [
        {
            "problem": "One?",
            "solution": "First \\boxed{0}, then $\\boxed{\\frac{1}{2}}$.",
            "level": "Level 3",
            "type": "Algebra",
        },
        {"problem": "Two?", "answer": "7", "level": 2, "subject": "Geometry"},
        {"problem": "Three?", "answer": "8", "level": "Level ?"},
    ]
    found = {
        p.instruction: p for p in MATH(path=tmp_path, test_path=write(tmp_path / "t.jsonl", *rows)).problems("test")
    }
    assert found["One?"].reference.answer == "\\frac{1}{2}"
    assert found["One?"].labels == {"level": "3", "subject": "Algebra"}
    assert found["Two?"].labels == {"level": "2", "subject": "Geometry"}
    assert found["Two?"].reference.rationale is None
    assert found["Three?"].labels == {}
    assert found["One?"].task == "Math_CoT"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("\\boxed{5}", "5"),
        ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
        ("\\boxed 9$.", "9"),
        ("\\fbox{x}", "x"),
        ("\\boxed{\\text{(A)}}.", "\\text{(A)}"),
        ("\\boxed{1", None),
        ("\\boxed{}", None),
        ("none", None),
    ],
)
def test_boxes_are_read_with_their_braces_balanced(text, content):
    assert boxed(text) == content


def test_own_rows_may_say_as_much_as_they_know(tmp_path):
    full = {
        "instruction": "What is 2 + 2?",
        "answer": 4,
        "rationale": "Two and two.",
        "program": "print(2 + 2)",
        "task": "math_cot",
        "id": "mine-1",
        "labels": {"level": 2},
    }
    path = write(tmp_path / "mine.jsonl", full, *questions(30))
    problems = [p for split in ("train", "test") for p in JSONL(path=path).problems(split)]
    [mine] = [p for p in problems if p.id == "mine-1"]
    assert (mine.task, mine.dataset, mine.labels) == ("Math_CoT", "mine", {"level": "2"})
    assert mine.reference.answer == "4"
    assert mine.reference.solutions == ("print(2 + 2)",)
    assert len(problems) == 31


BAD_LINES = [
    ('{"instruction": "a", "answer": "b', "line 2: the line ends in the middle of its JSON"),
    ("not json\n", "line 2: no JSON"),
    ("[1, 2]\n", "line 2: found a list"),
    ("null\n", "line 2: found null"),
    ('{"instruction": "a\\ud800", "answer": "1"}\n', "line 2: holds half a surrogate pair"),
    ('{"instruction": "a", "answer": ' + "9" * 5000 + "}\n", "line 2: a number of thousands of digits"),
    ('{"answer": "1"}\n', 'line 2: no "instruction"'),
    ('{"instruction": 7, "answer": "1"}\n', '"instruction" is a number, 7'),
    ('{"instruction": " ", "answer": "1"}\n', '"instruction" is empty'),
    ('{"instruction": "a"}\n', 'line 2: no "answer"'),
    ('{"instruction": "a", "answer": true}\n', '"answer" is a truth value, true'),
    ('{"instruction": "a", "answer": "1", "task": "Maths"}\n', "Tasks are Coding"),
    ('{"instruction": "a", "answer": "1", "labels": ["x"]}\n', '"labels" is no object'),
    ('{"instruction": "a", "anwser": "1"}\n', 'did you mean "answer"'),
    ("[" * 100_000 + "\n", "line 2: JSON nested too deeply"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_bad_line_stops_the_reading_and_is_named(tmp_path, line, message):
    path = write(tmp_path / "rows.jsonl", questions(1)[0], line)
    with pytest.raises(InputError) as caught:
        list(JSONL(path=path).problems("train"))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.line == 2
    assert caught.value.needed


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
def test_a_bad_line_is_counted_and_the_others_are_read_where_skipping_is_asked_for(tmp_path, line, message):
    end = "" if line.endswith("\n") else "\n"
    path = write(tmp_path / "rows.jsonl", *questions(40), line + end, *questions(40, start=100))
    problems, errors = errors_of(JSONL(path=path))
    held_out, _ = errors_of(JSONL(path=path), "test")
    assert len(problems) + len(held_out) == 80
    assert len(errors) == 1


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"instruction": "a\xff", "answer": "1"}\n')
    with pytest.raises(InputError, match=r"rows.jsonl, line 1: byte 19 is no UTF-8"):
        list(JSONL(path=path).problems("train"))


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(questions(1)[0]).encode() + b"\n\n  \n")
    [problem] = JSONL(path=path, test_path=path).problems("test")
    assert problem.instruction == "What is 0 + 1?"


def test_missing_files_folders_and_empty_files_stop_even_where_bad_rows_are_skipped(tmp_path):
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "folder").mkdir()
    for path, message in [
        (tmp_path / "none.jsonl", "no such file"),
        (tmp_path / "folder", "holds neither a tree set nor rows"),
        (tmp_path / "empty.jsonl", "holds no rows"),
    ]:
        with pytest.raises(InputError, match=message):
            errors_of(GSM8K(path=path))


def test_a_file_of_nothing_but_bad_rows_stops_even_where_bad_rows_are_skipped(tmp_path):
    with pytest.raises(InputError, match="no usable row for the train split"):
        errors_of(GSM8K(path=write(tmp_path / "rows.jsonl", {"question": "?"})))


def test_a_truncated_gzip_gives_the_rows_before_the_cut_and_one_error(tmp_path):
    whole = gzip.compress("".join(json.dumps(row) + "\n" for row in questions(5000)).encode())
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    problems, errors = errors_of(JSONL(path=path))
    assert 1000 < len(problems) < 4000
    assert any("gzip stream is damaged" in error for error in errors)
    with pytest.raises(InputError):
        list(JSONL(path=path).problems("train"))


def test_a_file_that_only_claims_to_be_gzipped_is_read_as_it_is(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_text("".join(json.dumps(row) + "\n" for row in questions(20)))
    problems, errors = errors_of(JSONL(path=path))
    assert problems
    assert not errors


def test_without_a_test_file_about_a_tenth_is_held_out_and_always_the_same(tmp_path):
    source = JSONL(path=write(tmp_path / "rows.jsonl", *questions(500)))
    train = {p.id for p in source.problems("train", seed=1)}
    test = {p.id for p in source.problems("test", seed=2)}
    assert len(train) + len(test) == 500
    assert not train & test
    assert 25 <= len(test) <= 75


def test_the_sibling_test_file_is_found_and_its_problems_are_left_out_of_training(tmp_path):
    path = write(tmp_path / "train.jsonl", *questions(20))
    write(tmp_path / "test.jsonl", *questions(20, start=15))
    source = JSONL(path=path)
    assert len(list(source.problems("test"))) == 20
    assert len(list(source.problems("train"))) == 15  # 0..14; 15..19 are tested


def test_a_bad_row_of_the_test_file_does_not_stop_training(tmp_path):
    path = write(tmp_path / "train.jsonl", *questions(20))
    write(tmp_path / "test.jsonl", *questions(2, start=50), "nonsense\n")
    assert len(list(JSONL(path=path).problems("train"))) == 20
    with pytest.raises(InputError, match=r"test\.jsonl, line 3"):
        list(JSONL(path=path).problems("test"))


def test_the_seed_fixes_the_order_and_ids_depend_on_the_content_alone(tmp_path):
    rows = questions(30)
    source = JSONL(path=write(tmp_path / "rows.jsonl", *rows), dataset="mine")
    turned = JSONL(path=write(tmp_path / "other.jsonl", *reversed(rows)), dataset="mine")
    assert list(source.problems("train", seed=5)) == list(source.problems("train", seed=5))
    assert list(source.problems("train", seed=5)) != list(source.problems("train", seed=6))
    assert {p.id for p in source.problems("train")} == {p.id for p in turned.problems("train")}


def test_a_repeated_question_is_read_once(tmp_path):
    path = write(tmp_path / "rows.jsonl", *questions(20), *questions(20))
    assert len({p.id for p in JSONL(path=path).problems("train")}) == len(list(JSONL(path=path).problems("train")))


@pytest.mark.realdata
@pytest.mark.skipif(not REALDATA.is_dir(), reason="no public data here")
def test_of_the_published_gsm8k_over_95_percent_get_a_program_and_every_one_is_right():
    problems = list(GSM8K(path=REALDATA / "gsm8k" / "train.jsonl.gz").problems("train"))
    assert len(problems) == 7473
    programs = [(p.reference.solutions[0], p.reference.answer) for p in problems if p.reference.solutions]
    for program, answer in programs:
        *lines, last = program.splitlines()
        names = {}
        exec("\n".join(lines), names)
        assert float(eval(last, names)) == float(answer), program
    print(f"{len(programs)} of {len(problems)} rows have a program")
    assert len(programs) / len(problems) > 0.95


@pytest.mark.realdata
@pytest.mark.skipif(not REALDATA.is_dir(), reason="no public data here")
@pytest.mark.parametrize(
    ("name", "rows", "bad"),
    [("test", 5000, 0), ("math500", 500, 0), ("train_answers", 7500, 2), ("train_with_solutions_partial", 3682, 1)],
)
def test_each_published_form_of_math_is_read(name, rows, bad):
    path = REALDATA / "math" / f"{name}.jsonl.gz"
    problems, errors = errors_of(MATH(path=path, test_path=path), "test")
    assert len(errors) == bad  # two rows of that mirror have lost their answer, one file is cut
    assert rows * 0.99 <= len(problems) <= rows  # a few instructions occur twice
    assert all(p.reference.answer for p in problems)
    assert {p.labels.get("level", "1") for p in problems} == {"1", "2", "3", "4", "5"}


@pytest.mark.parametrize("path", ["hub", "hub/data", "hub/data/*.jsonl"])
def test_of_a_folder_in_the_hubs_layout_each_split_is_its_own(tmp_path, path):
    data = tmp_path / "hub" / "data"
    data.mkdir(parents=True)
    for shard in (0, 1):
        write(data / f"train-0000{shard}-of-00002.jsonl", *questions(10, start=10 * shard))
    write(data / "test-00000-of-00001.jsonl", *questions(5, start=15))
    source = JSONL(path=tmp_path / path)
    assert {p.reference.answer for p in source.problems("train")} == {str(k + 1) for k in range(15)}
    assert {p.reference.answer for p in source.problems("test")} == {str(k + 1) for k in range(15, 20)}


def test_a_folder_without_a_test_split_holds_out_a_tenth(tmp_path):
    for shard in (0, 1):
        write(tmp_path / f"rows-{shard}.jsonl", *questions(100, start=100 * shard))
    splits = [list(JSONL(path=tmp_path).problems(split)) for split in ("train", "test")]
    assert sum(map(len, splits)) == 200
    assert 5 < len(splits[1]) < 40
    assert {problem.dataset for split in splits for problem in split} == {tmp_path.name}


def test_problems_in_a_table_of_text_say_how_to_convert_it(tmp_path):
    (tmp_path / "mine.csv").write_text("instruction,answer\nWhat is 1 + 1?,2\n")
    with pytest.raises(InputError, match=r"is a CSV file, which is not read.* To convert it: python3 -c"):
        list(JSONL(path=tmp_path / "mine.csv").problems("train"))


@pytest.mark.parametrize("setting", ["no.jsonl", "none-*.jsonl", "mine.csv", "."])
def test_problems_that_are_not_there_are_told_by_a_dry_run(eurus, tmp_path, setting):
    (tmp_path / "mine.csv").write_text("instruction,answer\n")
    actors = 'actors=[{backend = "reference"}]'
    done = eurus(
        "data", "grow", "--dry-run", "--set", "source.name=jsonl", "--set", f"source.path={setting}", "--set", actors
    )
    assert done.returncode == 2
    assert done.stderr.startswith("eurus: --set source.path: source.path: ")
