import math
from collections import Counter
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eurus_core.statistics import (
    best_curve,
    consistency_curve,
    majority_curve,
    mean_interval,
    oracle_curve,
    paired_difference,
    random_curve,
    sign_flip_p,
    wilson,
)

Sampled = tuple[str | None, bool, float, float]  # answer, correct, score, logprob


@st.composite
def problems(draw: st.DrawFn) -> list[Sampled]:
    """One to seven samples of a problem: few answers, few scores, so that ties abound."""
    k = draw(st.integers(1, 7))
    right = draw(st.sets(st.sampled_from("abc")))
    answers = draw(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=k, max_size=k))
    scores = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=k, max_size=k))
    logprobs = draw(st.lists(st.sampled_from([-3.0, -2.0, -1.0]), min_size=k, max_size=k))
    return [(a, a in right, s, lp) for a, s, lp in zip(answers, scores, logprobs, strict=True)]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def best_pick(subset: tuple[Sampled, ...]) -> float:
    top = max(s[2] for s in subset)
    return mean([float(s[1]) for s in subset if s[2] == top])


def majority_pick(subset: tuple[Sampled, ...]) -> float:
    votes = Counter(s[0] for s in subset if s[0] is not None)
    if not votes:
        return 0.0
    winners = [a for a in votes if votes[a] == max(votes.values())]
    return mean([float(next(s[1] for s in subset if s[0] == a)) for a in winners])


def consistency_pick(subset: tuple[Sampled, ...]) -> float:
    votes = Counter(s[0] for s in subset if s[0] is not None)
    if not votes:
        return 0.0
    winners = {a for a in votes if votes[a] == max(votes.values())}
    likeliest = max((i for i, s in enumerate(subset) if s[0] in winners), key=lambda i: (subset[i][3], -i))
    return float(subset[likeliest][1])


@settings(deadline=None, max_examples=60)
@given(problems())
def test_every_curve_is_the_mean_over_all_subsets(samples: list[Sampled]) -> None:
    answers, correct, scores, logprobs = (list(column) for column in zip(*samples, strict=True))
    for n in range(1, len(samples) + 1):
        subsets = list(combinations(samples, n))
        assert random_curve(correct)[n - 1] == pytest.approx(mean([mean([s[1] for s in sub]) for sub in subsets]))
        assert oracle_curve(correct)[n - 1] == pytest.approx(mean([float(any(s[1] for s in sub)) for sub in subsets]))
        assert best_curve(scores, correct)[n - 1] == pytest.approx(mean([best_pick(sub) for sub in subsets]))
        assert majority_curve(answers, correct)[n - 1] == pytest.approx(mean([majority_pick(sub) for sub in subsets]))
        assert consistency_curve(answers, correct, logprobs)[n - 1] == pytest.approx(
            mean([consistency_pick(sub) for sub in subsets])
        )


@given(problems())
def test_one_sample_leaves_nothing_to_choose_and_the_oracle_bounds_all(samples: list[Sampled]) -> None:
    answers, correct, scores, logprobs = (list(column) for column in zip(*samples, strict=True))
    oracle = oracle_curve(correct)
    for curve in (
        best_curve(scores, correct),
        majority_curve(answers, correct),
        consistency_curve(answers, correct, logprobs),
    ):
        assert curve[0] == pytest.approx(sum(correct) / len(correct))
        assert all(c <= o + 1e-12 for c, o in zip(curve, oracle, strict=True))


def test_pass_at_two_of_four_with_one_correct_is_one_half() -> None:
    # 1 - C(3, 2) / C(4, 2) = 1 - 3/6
    assert oracle_curve([True, False, False, False]) == pytest.approx([1 / 4, 1 / 2, 3 / 4, 1])


def test_a_scorer_that_ranks_the_correct_sample_second_of_three_picks_it_in_one_pair_of_three() -> None:
    # pairs of scores (3, 2), (3, 1), (2, 1): only the last has the correct sample (score 2) on top
    assert best_curve([3, 2, 1], [False, True, False]) == pytest.approx([1 / 3, 1 / 3, 0])


def test_a_constant_scorer_is_a_random_pick() -> None:
    correct = [True, False, True, False, False]
    assert best_curve([7.0] * 5, correct) == pytest.approx(random_curve(correct))


def test_majority_of_two_agreeing_and_one_dissenting_answer() -> None:
    # N = 1: 2/3. N = 2: {4,4} right, {4,5} twice: a tie, half. (1 + 1/2 + 1/2) / 3 = 2/3. N = 3: right.
    assert majority_curve(["4", "4", "5"], [True, True, False]) == pytest.approx([2 / 3, 2 / 3, 1])


def test_samples_without_an_answer_do_not_vote() -> None:
    # N = 2: {4, None} twice right, {None, None} answers nothing: 2/3.
    assert majority_curve(["4", None, None], [True, False, False]) == pytest.approx([1 / 3, 2 / 3, 1])


def test_self_consistency_of_two_picks_the_likelier() -> None:
    # as in the paper's table 9, where it equals Top Logits at N = 2
    curve = consistency_curve(["4", "5"], [True, False], [-1.0, -2.0])
    assert curve == pytest.approx([1 / 2, 1])
    assert consistency_curve(["4", "5"], [True, False], [-2.0, -1.0]) == pytest.approx([1 / 2, 0])


def test_curves_of_sixty_four_samples_stay_probabilities() -> None:
    answers = [str(i % 9) for i in range(64)]
    correct = [answer == "3" for answer in answers]
    for curve in (majority_curve(answers, correct), oracle_curve(correct), best_curve(list(range(64)), correct)):
        assert len(curve) == 64
        assert all(-1e-12 <= value <= 1 + 1e-12 for value in curve)


def test_wilson_of_fifteen_in_a_hundred() -> None:
    # z = 1.96: centre (0.15 + 0.019207) / 1.038415 = 0.16295, half-width 0.06998 (by hand)
    assert wilson(15, 100) == pytest.approx((0.0931, 0.2328), abs=1e-4)


def test_wilson_of_none_in_ten_ends_at_z2_over_n_plus_z2() -> None:
    # 3.841459 / 13.841459
    assert wilson(0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)
    assert wilson(10, 10) == pytest.approx((1 - 0.277533, 1.0), abs=1e-6)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_the_interval_of_zeros_and_ones_is_wilsons(values: list[bool]) -> None:
    interval = mean_interval([float(v) for v in values])
    assert (interval.low, interval.high) == pytest.approx(wilson(sum(values), len(values)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_interval_holds_its_mean_and_stays_a_probability(values: list[float]) -> None:
    interval = mean_interval(values)
    assert 0 <= interval.low <= interval.value + 1e-9
    assert interval.value - 1e-9 <= interval.high <= 1


def test_shares_that_vary_less_have_a_narrower_interval() -> None:
    coins, halves = mean_interval([0.0, 1.0] * 10), mean_interval([0.4, 0.6] * 10)
    assert halves.high - halves.low < (coins.high - coins.low) / 4


def test_paired_difference_is_newcombes_method_ten() -> None:
    # both right 36, only the second 12, only the first 2, neither 0: theta 0.2, method 10 gives 0.0569 to 0.3404
    # (Newcombe 1998, table II)
    first = [1.0] * 36 + [0.0] * 12 + [1.0] * 2
    second = [1.0] * 36 + [1.0] * 12 + [0.0] * 2
    interval = paired_difference(first, second)
    assert interval.value == pytest.approx(0.2)
    assert (interval.low, interval.high) == pytest.approx((0.0569, 0.3404), abs=1e-4)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_a_paired_difference_changes_sign_with_its_sides(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    there, back = paired_difference(first, second), paired_difference(second, first)
    assert (there.low, there.value, there.high) == pytest.approx((-back.high, -back.value, -back.low))
    assert there.low - 1e-9 <= there.value <= there.high + 1e-9


@given(st.integers(0, 14), st.integers(0, 14))
def test_sign_flips_of_zeros_and_ones_are_the_exact_mcnemar_test(gained: int, lost: int) -> None:
    first = [Fraction(0)] * gained + [Fraction(1)] * lost + [Fraction(1)] * 3
    second = [Fraction(1)] * gained + [Fraction(0)] * lost + [Fraction(1)] * 3
    n, fewer = gained + lost, min(gained, lost)
    exact = min(2 * sum(math.comb(n, i) for i in range(fewer + 1)) / 2**n, 1.0)
    assert sign_flip_p(first, second) == pytest.approx(exact)


def test_six_problems_gained_and_none_lost_have_p_one_in_thirty_two() -> None:
    # two of the 2**6 sign patterns lie as far out: 2/64
    assert sign_flip_p([Fraction(0)] * 6, [Fraction(1)] * 6) == pytest.approx(1 / 32)


def test_sign_flips_weigh_shares() -> None:
    # differences 3/4 and -1/4: sums of patterns +-1, +-1/2; seen 1/2, reached by all four
    assert sign_flip_p([Fraction(0), Fraction(1, 2)], [Fraction(3, 4), Fraction(1, 4)]) == pytest.approx(1.0)
    # differences 3/4 and 1/4: seen 1, reached by two of four
    assert sign_flip_p([Fraction(0), Fraction(0)], [Fraction(3, 4), Fraction(1, 4)]) == pytest.approx(0.5)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one value a problem"):
        paired_difference([0.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="as many"):
        best_curve([1.0], [True, False])
