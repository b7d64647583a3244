"""Judging by numbers: best-of-N curves exact over subsets, intervals of shares, and paired comparisons.

**Curves.** From the K samples of one problem, each ``*_curve`` returns K numbers: entry ``N - 1`` is the probability that
the answer picked from N of them, drawn without replacement, is correct. Nothing is simulated: subsets are counted.

**Intervals** are at 95 %. Samples of one problem resemble each other, so problems are what is counted: the arguments are
one value in [0, 1] a problem (its share of correct samples, or an entry of a curve).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval; ``n`` is the number of problems behind it."""

    value: float
    low: float
    high: float
    n: int

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(successes: float, n: float) -> tuple[float, float]:
    """Return Wilson's score interval of the share ``successes / n`` (JASA 22, 1927); n = 0 gives (0, 1)."""
    if not 0 <= successes <= n:
        raise ValueError(f"needs 0 <= successes <= n, found {successes} of {n}")
    if n == 0:
        return 0.0, 1.0
    share, z2 = successes / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # At the ends the bound is the share itself; rounding must not move it past.
    return (0.0 if successes == 0 else max(centre - half, 0.0)), (1.0 if successes == n else min(centre + half, 1.0))


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean of one value in [0, 1] a problem, with its interval.

    Wilson's interval at the effective size ``n p (1 - p) / variance`` (Dean and Pagano, J. Surv. Stat. Methodol. 3, 2015):
    of zeros and ones it is Wilson's, and it stays inside [0, 1]. Where every value is the same, the spread is unknown and
    the size is n.
    """
    n = len(values)
    if n == 0:
        raise ValueError("needs at least one value")
    if any(not 0 <= value <= 1 for value in values):
        raise ValueError("needs values in [0, 1]")
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / n
    size = n * mean * (1 - mean) / variance if variance > 1e-12 else float(n)
    low, high = wilson(mean * size, size)
    return Interval(mean, low, high, n)


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Return mean(second) - mean(first) over the same problems, in the same order, with its interval.

    Square-and-add of the two means' intervals, less what their correlation takes away; the correlation carries the continuity
    correction. Of zeros and ones this is method 10 of Newcombe, Stat. Med. 17 (1998) 2635-2650.
    """
    if len(first) != len(second):
        raise ValueError(f"needs one value a problem on both sides, found {len(first)} and {len(second)}")
    a, b = mean_interval(second), mean_interval(first)
    n = len(first)
    covariance = math.fsum((x - a.value) * (y - b.value) for x, y in zip(second, first, strict=True)) / n
    spread = math.sqrt(_variance(second, a.value) * _variance(first, b.value))
    if covariance > 0:
        covariance = max(covariance - 1 / (2 * n), 0.0)
    r = covariance / spread if spread > 1e-12 else 0.0
    a_down, a_up, b_down, b_up = a.value - a.low, a.high - a.value, b.value - b.low, b.high - b.value
    down = math.sqrt(max(a_down**2 - 2 * r * a_down * b_up + b_up**2, 0.0))
    up = math.sqrt(max(a_up**2 - 2 * r * a_up * b_down + b_down**2, 0.0))
    value = a.value - b.value
    return Interval(value, max(value - down, -1.0), min(value + up, 1.0), n)


def sign_flip_p(first: Sequence[Fraction], second: Sequence[Fraction]) -> float:
    """Return the exact two-sided p of "no difference" between two systems on the same problems.

    Under that hypothesis each problem's difference is as likely with either sign; p is the share of the 2**n sign patterns
    whose sum lies at least as far from 0 as the one seen (Fisher's permutation test). Of zeros and ones it is the exact
    McNemar test. Values are shares of few samples: the cost is n times the sum of differences in units of their common divisor.
    """
    differences = [y - x for x, y in zip(first, second, strict=True) if x != y]
    if not differences:
        return 1.0
    unit = math.lcm(*(d.denominator for d in differences))
    steps = [abs(int(d * unit)) for d in differences]
    divisor = math.gcd(*steps)
    steps = [step // divisor for step in steps]
    seen = abs(int(sum(differences) * unit)) // divisor
    # A sum of signs is 2 * (positive part) - total: count the positive parts.
    total = sum(steps)
    chance = [1.0] + [0.0] * total
    reach = 0
    for step in steps:
        reach += step
        for part in range(reach, -1, -1):
            chance[part] = 0.5 * (chance[part] + (chance[part - step] if part >= step else 0.0))
    return min(math.fsum(p for part, p in enumerate(chance) if abs(2 * part - total) >= seen), 1.0)


def _variance(values: Sequence[float], mean: float) -> float:
    return math.fsum((value - mean) ** 2 for value in values) / len(values)


def random_curve(correct: Sequence[bool]) -> list[float]:
    """Any of the N: the share of correct samples, whatever N is."""
    return [sum(correct) / len(correct)] * len(correct)


def oracle_curve(correct: Sequence[bool]) -> list[float]:
    """At least one of the N is correct: pass@N = 1 - C(K - c, N) / C(K, N) (Chen et al., arXiv:2107.03374)."""
    k, wrong = len(correct), len(correct) - sum(correct)
    return [1 - math.comb(wrong, n) / math.comb(k, n) for n in range(1, k + 1)]


def best_curve(scores: Sequence[float], correct: Sequence[bool]) -> list[float]:
    """The one of the N with the highest score; equal scores share the pick evenly."""
    k = _same_length(scores, correct)
    groups: dict[float, list[bool]] = {}
    for score, right in zip(scores, correct, strict=True):
        groups.setdefault(score, []).append(right)
    curve = [0.0] * k
    below = 0
    for score in sorted(groups):
        upto = below + len(groups[score])
        share = sum(groups[score]) / len(groups[score])
        for n in range(1, k + 1):
            curve[n - 1] += share * (math.comb(upto, n) - math.comb(below, n)) / math.comb(k, n)
        below = upto
    return _probabilities(curve)


def majority_curve(answers: Sequence[Hashable | None], correct: Sequence[bool]) -> list[float]:
    """The most frequent answer among the N; answers that tie share the pick evenly.

    Equal answers have equal keys. None gives no vote; N samples without a vote answer nothing, which is not correct.
    """
    k = _same_length(answers, correct)
    votes = Counter(answer for answer in answers if answer is not None)
    silent = k - votes.total()
    shares: list[float] = [
        sum(right for other, right in zip(answers, correct, strict=True) if other == answer) / votes[answer]
        for answer in votes
    ]
    sizes = list(votes.values())
    curve = [0.0] * k
    for winning in range(1, max(sizes, default=0) + 1):
        # ways[t][m]: ways to draw m samples, no answer above `winning` votes, t answers at it; right[t][m]: those ways,
        # weighted by the sum of the t answers' shares of correct samples.
        ways: dict[int, list[float]] = {0: _draws(silent, 0, k)}
        right: dict[int, list[float]] = {0: [0] * (k + 1)}
        for size, share in zip(sizes, shares, strict=True):
            less, full = _draws(size, 0, winning - 1), _draws(size, winning, winning)
            new_ways: dict[int, list[float]] = {}
            new_right: dict[int, list[float]] = {}
            for t in ways:
                _add(new_ways, t, _product(ways[t], less))
                _add(new_right, t, _product(right[t], less))
                if size >= winning:
                    _add(new_ways, t + 1, _product(ways[t], full))
                    _add(new_right, t + 1, _product(right[t], full))
                    gained: list[float] = [share * way for way in _product(ways[t], full)]
                    _add(new_right, t + 1, gained)
            ways, right = new_ways, new_right
        for t in right:
            if t:
                for n in range(1, k + 1):
                    curve[n - 1] += right[t][n] / t / math.comb(k, n)
    return _probabilities(curve)


def consistency_curve(
    answers: Sequence[Hashable | None], correct: Sequence[bool], logprobs: Sequence[float]
) -> list[float]:
    """Self-consistency: the most frequent answer among the N; of answers that tie, the one with the likeliest sample.

    At N = 2 it equals picking the likelier sample, as in the paper's table 9. Equal log-probabilities: the earlier sample
    counts as likelier. What is picked is the answer's likeliest sample.
    """
    k = _same_length(answers, correct)
    _same_length(answers, logprobs)
    order = sorted(range(k), key=lambda i: (-logprobs[i], i))
    votes = Counter(answer for answer in answers if answer is not None)
    silent = k - votes.total()
    curve = [0.0] * k
    for rank, i in enumerate(order):
        answer = answers[i]
        if answer is None or not correct[i]:
            continue
        # Sample i is picked: its answer's other votes come from less likely samples, and no other answer has more votes,
        # or as many with a likelier sample.
        less_likely = Counter(answers[j] for j in order[rank + 1 :])
        for winning in range(1, less_likely[answer] + 2):
            ways = _draws(silent, 0, k)
            for other, size in votes.items():
                if other == answer:
                    continue
                drawn = _draws(size, 0, winning - 1)
                if size >= winning:
                    drawn.append(math.comb(less_likely[other], winning))
                ways = _product(ways, drawn)
            own = math.comb(less_likely[answer], winning - 1)
            for n in range(winning, k + 1):
                curve[n - 1] += own * ways[n - winning] / math.comb(k, n)
    return _probabilities(curve)


def _same_length(a: Sequence[object], b: Sequence[object]) -> int:
    if len(a) != len(b) or not a:
        raise ValueError(f"needs as many on both sides and at least one, found {len(a)} and {len(b)}")
    return len(a)


def _probabilities(curve: list[float]) -> list[float]:
    """Take back the rounding error by which a sum of exact fractions may leave [0, 1]."""
    return [min(max(value, 0.0), 1.0) for value in curve]


def _draws(size: int, low: int, high: int) -> list[float]:
    """Return the ways to draw v of ``size`` samples for v = 0 .. high; none below ``low``."""
    return [math.comb(size, v) if v >= low else 0 for v in range(high + 1)]


def _product(ways: list[float], drawn: list[float]) -> list[float]:
    """Multiply two generating functions of the number of samples drawn, up to the length of the first."""
    product: list[float] = [0] * len(ways)
    for v, factor in enumerate(drawn):
        if factor:
            for m in range(len(ways) - v):
                product[m + v] += factor * ways[m]
    return product


def _add(table: dict[int, list[float]], key: int, values: list[float]) -> None:
    there = table.get(key)
    table[key] = values if there is None else [a + b for a, b in zip(there, values, strict=True)]
