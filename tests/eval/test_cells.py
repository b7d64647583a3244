import pytest

from eurus_core.stages.report import Table
from eurus_eval.report.cells import cells, duration, figure, load, number, right_aligned


def test_a_share_with_its_interval_gets_a_bar() -> None:
    [[cell]] = cells(Table("t", ("a",), (("51.7 % [42.8, 60.4]",),)))
    assert (cell.text, cell.detail) == ("51.7 %", "[42.8, 60.4]")
    assert cell.bar is not None
    assert (cell.bar.value, cell.bar.low, cell.bar.high, cell.bar.zero) == (51.7, 42.8, 60.4, None)


def test_bars_of_differences_share_a_scale_with_zero_in_the_middle() -> None:
    rows = cells(Table("t", ("a",), (("+4.0 [-2.0, +10.0]",), ("-5.0 [-20.0, +1.0]",))))
    first, second = rows[0][0].bar, rows[1][0].bar
    assert first is not None
    assert second is not None
    # the widest bound is 20 points: 50 + 50 * 4 / 20 = 60
    assert (first.value, first.low, first.high, first.zero) == (60, 45, 75, 50)
    assert second.low == 0


def test_columns_of_numbers_are_right_aligned() -> None:
    table = Table("t", ("name", "n", "p", "mixed"), (("a", 1, "< 0.001", "1 of 3"), ("b", None, "0.013", "none")))
    assert right_aligned(table) == [False, True, True, False]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1234567, "1,234,567"),
        (3.0, "3"),
        (0.05162, "0.0516"),
        (-1.26, "-1.26"),
        (3.2e-7, "3.2e-07"),
        (1234.5, "1,234"),
        (True, "yes"),
    ],
)
def test_numbers_are_short(value: float, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.31, "0.3 s"), (42, "42 s"), (185, "3 min 05 s"), (7440, "2 h 04 min"), (None, "–")]
)
def test_durations_are_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_figures_are_worded_by_their_name() -> None:
    assert figure("accuracy", 0.517) == "51.7 %"
    assert figure("seconds", 62.0) == "62 s"
    assert figure("loss", 0.517) == "0.517"


def test_what_limits_a_share_stands_beside_it() -> None:
    [[cell]] = cells(Table("t", ("a",), (("2.0 % [0.6, 7.0], 65 cut",),)))
    assert (cell.text, cell.detail, cell.remark) == ("2.0 %", "[0.6, 7.0]", "65 cut")
    assert cell.bar is not None


def test_a_load_is_said_of_the_cores_it_is_on() -> None:
    assert load((1.1, 3.06), 2) == "load 1.1 to 3.1 on 2 cores"
    assert load((0.98, 1.02), 1) == "load 1.0 on 1 core"
    assert load((), 2) == ""
