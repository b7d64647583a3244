from collections.abc import Callable
from pathlib import Path

import pytest

from eurus_core.errors import InputError
from eurus_core.records import Action, Sample, Sampling, Verdict
from eurus_core.stages import Context
from eurus_eval.samples import read_samples, write_samples
from eurus_eval.stages.compare import Compare


def run(tmp_path: Path, **samples: Path) -> Context:
    context = Context(tmp_path, name="compare")
    Compare.model_validate({"samples": {label: str(path) for label, path in samples.items()}}).run(context)
    return context


def test_twelve_gained_and_two_lost_of_fifty(tmp_path: Path, make_samples: Callable[..., Path]) -> None:
    # the example of Newcombe 1998, table II: 0.2 [0.0569, 0.3404]; exact McNemar of 2 in 14:
    # 2 (1 + 14 + 91) / 2**14 = 0.0129
    base = make_samples("base", [[True]] * 36 + [[False]] * 12 + [[True]] * 2)
    sft = make_samples("sft", [[True]] * 36 + [[True]] * 12 + [[False]] * 2)
    report = run(tmp_path, base=base, sft=sft).report
    differences = report.tables[1]
    assert differences.rows == (("sft against base", "+20.0 [+5.7, +34.0]", "0.013", 12, 2, "higher", 50),)
    assert report.findings == ("sft against base: higher, +20.0 [+5.7, +34.0] points, p = 0.013 (n = 50 problems).",)
    assert report.figures == {"accuracy of base": 0.76, "accuracy of sft": 0.96}
    assert report.tables[0].columns == ("problems", "base", "sft", "n")
    assert report.tables[0].rows[0][0::3] == ("all", 50)


def test_a_difference_inside_its_interval_is_no_difference_found(
    tmp_path: Path, make_samples: Callable[..., Path]
) -> None:
    sft = make_samples("sft", [[n % 2 == 0] for n in range(40)])
    nca = make_samples("nca", [[n % 2 == 0 or n == 1] for n in range(40)])
    report = run(tmp_path, sft=sft, nca=nca).report
    assert report.tables[1].rows[0][5] == "no difference found"
    assert "no difference found" in report.findings[0]


def test_each_is_compared_with_the_first_and_with_the_one_before(
    tmp_path: Path, make_samples: Callable[..., Path]
) -> None:
    paths = {label: make_samples(label, [[True], [False], [True]]) for label in ("base", "sft", "dpo", "nca")}
    report = run(tmp_path, **paths).report
    assert [note.split(":")[0] for note in report.findings] == [
        "sft against base",
        "dpo against base",
        "nca against base",
        "dpo against sft",
        "nca against dpo",
    ]
    assert len(report.tables[1].rows) == 6


def test_several_samples_a_problem_count_as_one_problem(tmp_path: Path, make_samples: Callable[..., Path]) -> None:
    base = make_samples("base", [[True, False, False, False]] * 20)
    sft = make_samples("sft", [[True, True, True, False]] * 20)
    row = run(tmp_path, base=base, sft=sft).report.tables[1].rows[0]
    assert row[1].startswith("+50.0")
    assert row[3:] == (20, 0, "higher", 20)


def test_problems_that_one_side_lacks_are_left_out_and_counted(
    tmp_path: Path, make_samples: Callable[..., Path]
) -> None:
    report = run(tmp_path, a=make_samples("a", [[True]] * 5), b=make_samples("b", [[True]] * 3)).report
    assert report.notes[0] == "a: 2 problems left out, which the others did not answer."
    assert report.tables[1].rows[0][-1] == 3


def test_nothing_in_common_is_an_error(tmp_path: Path, make_samples: Callable[..., Path]) -> None:
    other = make_samples("other", [[True]], first=99)
    with pytest.raises(InputError, match="no problem in common.*problem_seed"):
        run(tmp_path, a=make_samples("a", [[True]]), b=other)


def test_problems_gained_and_lost_are_listed_with_both_answers(
    tmp_path: Path, make_samples: Callable[..., Path]
) -> None:
    base = make_samples("base", [[False], [True], [True], [False]])
    sft = make_samples("sft", [[True], [False], [True], [False]])
    table = run(tmp_path, base=base, sft=sft).report.tables[2]
    assert table.name == "problems gained and lost, sft against base: 1 gained, 1 lost"
    assert table.folded
    assert table.columns == ("change", "problem", "base", "sft", "reference")
    assert [(row[0], *row[2:]) for row in table.rows] == [
        ("gained", "0 (incorrect)", "3 (correct)", "3"),
        ("lost", "5 (correct)", "1 (incorrect)", "5"),
    ]


def test_where_nothing_changed_nothing_is_listed(tmp_path: Path, make_samples: Callable[..., Path]) -> None:
    both = {label: make_samples(label, [[True], [False]]) for label in ("base", "sft")}
    assert len(run(tmp_path, **both).report.tables) == 2


def test_a_problem_of_each_kind_stands_side_by_side_what_was_learnt_first(
    tmp_path: Path, make_samples: Callable[..., Path]
) -> None:
    base = make_samples("base", [[True], [False], [False]])
    sft = make_samples("sft", [[True], [False], [True]])
    nca = make_samples("nca", [[False], [False], [True]])
    attempts = run(tmp_path, base=base, sft=sft, nca=nca).report.attempts
    assert [one.name for one in attempts] == [
        "Right by sft and nca, not by base",
        "Right by base and sft, not by nca",
        "Right by none",
    ]
    assert [sample.problem.id for sample in attempts[0].samples.values()] == ["p2"] * 3


def limited(path: Path, cut: int) -> Path:
    """Write again samples whose replies had 160 tokens to go; the first ``cut`` of them took all."""
    rows = [
        Sample(
            sample.problem,
            Action(sample.action.text, sampling=Sampling(max_tokens=160), tokens=160 if place < cut else 159),
            Verdict("limit", "length") if place < cut else sample.verdict,
        )
        for place, sample in enumerate(read_samples(path))
    ]
    write_samples(path, rows)
    return path


def test_replies_cut_by_our_limit_are_counted_wherever_an_accuracy_stands(
    tmp_path: Path, make_samples: Callable[..., Path]
) -> None:
    base = limited(make_samples("base", [[True]] * 12), cut=9)
    sft = limited(make_samples("sft", [[True]] * 9 + [[False]] * 3), cut=0)
    report = run(tmp_path, base=base, sft=sft).report
    assert report.findings[-1] == (
        "Replies cut by this run's own limit of 160 tokens (max_tokens): base 9 of 12, sft 0 of 12. Were every cut reply correct, "
        "accuracy would be 100.0 % for base."
    )
    accuracy = report.tables[0]
    assert accuracy.rows[0][1].endswith("], 9 cut")
    assert accuracy.rows[0][2].endswith("]")
    assert "Cut: replies that met this run's own limit of 160 tokens" in accuracy.caption
    # families: p0, p4, p8 are held-out (three cut), the nine others seen (six cut)
    assert [row[1].rpartition(", ")[2] for row in accuracy.rows[1:3]] == ["3 cut", "6 cut"]


def test_samples_that_know_no_limit_are_not_told_to_be_uncut(tmp_path: Path, make_samples: Callable[..., Path]) -> None:
    report = run(tmp_path, **{label: make_samples(label, [[True]]) for label in ("base", "sft")}).report
    assert "Cut" not in report.tables[0].caption
    assert not any("cut" in finding for finding in report.findings)
