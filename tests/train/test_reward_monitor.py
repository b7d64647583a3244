"""What the monitor of absolute rewards says of histories made by hand, overall and by source."""

import random

import pytest

from eurus_train.watching.monitor import Watch, findings, trend


def history(chosen, rejected, below=None, steps=50, noise=0.0, source=None):
    """Return straight lines from 0 to the given ends."""
    draw = random.Random(0)
    rows = []
    for step in range(steps):
        at = step / (steps - 1)
        row = {
            "rewards_chosen": chosen * at + draw.gauss(0, noise),
            "rewards_rejected": rejected * at + draw.gauss(0, noise),
        }
        if below is not None:
            row["chosen_below_zero"] = below * at
        if source:
            row |= {f"{name}_source_{source}": value for name, value in list(row.items())}
        rows.append({"step": step + 1, **row})
    return rows


def test_a_trend_compares_the_first_fifth_with_the_last():
    # fifths of two: (0 + 1) / 2 and (8 + 9) / 2; steps differ by 1, hence a variance of 1/2, and sqrt(1/2 / 2) of a mean of two
    found = trend([float(n) for n in range(10)])
    assert (found.begin, found.end) == (0.5, 8.5)
    assert found.error == 0.5
    assert found.risen
    assert not found.fallen


def test_margins_that_grow_because_both_rewards_fall_are_told():
    # the paper's figure 5 under DPO: chosen ends at -1.26
    (found,) = findings(history(-1.26, -3.5))
    assert found.startswith("The margin grows only because both rewards fall (chosen -0.")
    assert "not under KTO and NCA" in found


@pytest.mark.parametrize(("chosen", "rejected"), [(0.4, -1.0), (0.16, -0.3), (0.5, 0.1)])
def test_chosen_rewards_that_rise_are_no_finding(chosen, rejected):
    assert findings(history(chosen, rejected, below=0.2)) == ()


def test_a_margin_that_does_not_grow_is_told():
    (found,) = findings(history(0.3, 0.3))
    assert found.startswith("The margin does not grow")


def test_noise_is_no_trend():
    assert not any("both rewards fall" in found for found in findings(history(0.0, 0.0, noise=0.5)))


@pytest.mark.parametrize("steps", [2, 5, 9, 10, 20])
def test_noise_is_seldom_taken_for_a_trend_however_short_the_history(steps):
    draw = random.Random(0)
    risen = sum(trend([draw.gauss(0, 1) for _ in range(steps)]).risen for _ in range(1000))
    assert risen < 70  # of a normal variable 2.3 % lie above two standard errors; few steps tell theirs less well


def test_half_of_chosen_actions_below_zero_within_the_noise_are_not_told():
    draw = random.Random(0)
    rows = [row | {"chosen_below_zero": draw.choice([0.25, 0.5, 0.75])} for row in history(0.5, -1.0)]
    assert not any("below 0" in said for end in range(10, 51) for said in findings(rows[:end]))


def test_before_ten_steps_nothing_but_rewards_that_are_no_numbers_is_told():
    rows = history(-1.26, -3.5, below=1.0, steps=10)
    assert findings(rows)
    assert findings(rows[:9]) == ()
    rows[3]["rewards_chosen"] = float("inf")
    assert len(findings(rows[:9])) == 1


def test_more_than_half_of_chosen_actions_below_zero_are_told():
    found = findings(history(-0.2, -1.0, below=0.8))
    assert found[-1].startswith("73 % of chosen actions have a reward below 0")


def test_a_source_is_named_where_there_are_several():
    rows = [
        {**one, **other}
        for one, other in zip(
            history(-1, -3, source="UltraFeedback"), history(0.5, -1, source="UltraInteract"), strict=True
        )
    ]
    found = findings(rows)
    assert [line.partition(":")[0] for line in found] == ["UltraFeedback"]


def test_histories_without_rewards_or_of_one_step_say_nothing():
    assert findings([]) == findings([{"loss": 1.0}] * 9) == findings(history(-1, -3)[:1]) == ()


def test_a_watch_says_each_finding_once_and_not_before_there_is_a_trend():
    rows, watch = history(-1.26, -3.5), Watch()
    said = [watch.new(rows[: step + 1]) for step in range(len(rows))]
    assert sum(map(len, said)) == 1
    assert all(not one for one in said[:9])


def test_rewards_that_are_no_numbers_are_said_to_be_none():
    rows = history(1, -1)
    rows[7]["rewards_rejected"] = float("nan")
    (said,) = findings(rows)
    assert said.startswith("Rewards are no finite numbers, at first in entry 8 of 50")
