"""What the monitor of absolute rewards says of histories made by hand, overall and by source."""

import random

import pytest
import torch

from eurus_train.monitoring.evidence import validation_row
from eurus_train.monitoring.metrics import Tally, tally_rewards
from eurus_train.monitoring.monitor import Watch, findings
from eurus_train.monitoring.trends import trend


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


def test_no_growth_found_is_told_with_its_interval_and_not_taken_for_none():
    (found,) = findings(history(0.3, 0.3))
    # steps of a line do not differ from it: the margin is 0 all along, and a change below 0.001 is none
    assert found == (
        "No difference between the sides is found: the margin of training pairs changes by +0.000 [-0.001, +0.001]."
    )


def held_out(right, pairs, margin=None, error=None):
    """Return what the last row of a log says of held-out pairs."""
    found = {"heldout_accuracy": right, "heldout_pairs": pairs}
    return found if margin is None else found | {"heldout_margin": margin, "heldout_margin_error": error}


def ended(rows, **last):
    return [*rows[:-1], rows[-1] | last]


def test_held_out_pairs_that_are_told_apart_are_said_beside_a_margin_that_is_not_found_to_grow():
    (found,) = findings(ended(history(0.3, 0.3), **held_out(26 / 32, 32)))
    assert found.startswith("Some measurements tell which side is better, others cannot: the margin of training pairs")
    assert found.endswith("; 81.2 % [64.7, 91.1] of 32 held-out pairs are ranked right.")


def test_a_margin_that_grows_is_said_beside_held_out_pairs_that_are_not_known_to_be_told_apart():
    (found,) = findings(ended(history(0.5, -1.0), **held_out(0.5, 32)))
    assert found.startswith(
        "Some measurements tell which side is better, others cannot: the margin of training pairs changes by +1.2"
    )
    assert found.endswith("; 50.0 % [33.6, 66.4] of 32 held-out pairs are ranked right.")


def test_measurements_that_contradict_each_other_are_both_said():
    (found,) = findings(ended(history(0.5, -1.0), **held_out(0.25, 32)))
    assert found.startswith("Measurements of which side is better contradict each other: the margin of training pairs")
    assert "25.0 % [13.3, 42.1] of 32 held-out pairs are ranked right" in found


def test_where_all_measurements_agree_on_the_better_side_nothing_is_said():
    rows = [row | {"accuracy": 0.9} for row in history(0.5, -1.0)]
    assert findings(ended(rows, **held_out(0.9, 40, margin=0.5, error=0.1))) == ()


def test_a_held_out_margin_speaks_by_its_own_interval():
    # 0.5 +- 1.96 * 0.3 holds 0
    (found,) = findings(ended(history(0.5, -1.0), **held_out(0.9, 40, margin=0.5, error=0.3)))
    assert "the margin of held-out pairs is +0.500 [-0.088, +1.088]" in found


def test_margins_and_ranks_that_both_turn_to_the_worse_side_are_told():
    rows = [row | {"accuracy": 0.2} for row in history(-1.0, 0.5)]
    (found,) = findings(rows)
    assert found.startswith("The worse side comes first: the margin of training pairs changes by -1.2")
    assert "20.0 % [19.9, 20.1] of training pairs are ranked right at the end" in found


def test_of_held_out_pairs_whose_number_a_log_does_not_say_nothing_is_concluded():
    (found,) = findings(ended(history(0.3, 0.3), heldout_accuracy=0.9))
    assert "held-out" not in found


def test_what_the_kept_model_measured_counts_before_what_a_log_ends_with():
    rows = ended(history(0.5, -1.0), **held_out(0.5, 32))
    assert findings(rows, held_out(0.9, 40)) == ()


def test_rewards_without_a_reference_are_not_said_to_be_less_likely_than_before():
    rows = [row | {"unique_tokens": 100.0} for row in history(-1.26, -3.5, below=1.0)]
    assert findings(rows) == ()
    assert len(findings([row | {"kl": 0.1} for row in rows])) == 2


def test_the_spread_of_held_out_margins_gives_their_standard_error():
    tally = Tally()
    tally_rewards(tally, torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0]), {})
    found = validation_row(tally)
    # margins 1 and 3: mean 2, variance of the sample 2, of the mean 1
    assert (found["heldout_pairs"], found["heldout_margin"], found["heldout_margin_error"]) == (2, 2.0, 1.0)


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
    # the last fifth of a line from 0 to 0.8 in 50 steps: 0.8 * (40 + ... + 49) / 10 / 49 = 0.727; a step is 0.8 / 49, hence an
    # error of 0.0163 / sqrt(2) / sqrt(10) = 0.0036
    assert found[-1].startswith("73 % [72, 73] of chosen actions have a reward below 0 at the end")


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
