"""The next token, by hand-made distributions."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from eurus_serve.backends.transformers.sampling import draw, uniforms

HALF_THIRD_SIXTH = torch.tensor([[3.0, 2.0, 1.0]]).log()
"""Logits of the distribution 1/2, 1/3, 1/6."""


def draw_one(logits: Tensor, uniform: float, temperature: float = 1.0, top_p: float = 1.0) -> tuple[int, float]:
    tokens, logprobs = draw(logits, torch.tensor([temperature]), torch.tensor([top_p]), torch.tensor([uniform]))
    return int(tokens), float(logprobs)


def test_a_uniform_number_falls_into_the_cumulated_distribution() -> None:
    # 1/2, 1/2 + 1/3 = 0.8333, 1
    assert [draw_one(HALF_THIRD_SIXTH, u)[0] for u in (0.0, 0.49, 0.51, 0.83, 0.84, 0.9999999)] == [0, 0, 1, 1, 2, 2]


def test_temperature_zero_takes_the_likeliest_whatever_the_number() -> None:
    assert draw_one(HALF_THIRD_SIXTH, 0.99, temperature=0.0)[0] == 0


def test_the_logprob_is_the_models_own_whatever_temperature_and_nucleus() -> None:
    token, logprob = draw_one(HALF_THIRD_SIXTH, 0.6, temperature=2.0, top_p=0.9)
    assert token == 1
    assert math.isclose(logprob, math.log(1 / 3), abs_tol=1e-6)


def test_temperature_half_squares_the_distribution() -> None:
    # 9/14 = 0.643, 4/14: the boundary moves from 0.5 to 0.643
    assert [draw_one(HALF_THIRD_SIXTH, u, temperature=0.5)[0] for u in (0.64, 0.65)] == [0, 1]


def test_the_nucleus_holds_the_fewest_tokens_that_reach_top_p() -> None:
    # top_p 0.6 needs 1/2 + 1/3; renormalised: 0.6, 0.4
    assert [draw_one(HALF_THIRD_SIXTH, u, top_p=0.6)[0] for u in (0.59, 0.61, 0.999)] == [0, 1, 1]
    assert draw_one(HALF_THIRD_SIXTH, 0.999, top_p=0.5)[0] == 0
    assert draw_one(HALF_THIRD_SIXTH, 0.999, top_p=0.0)[0] == 0  # never empty


def test_a_nucleus_wider_than_the_guess_is_found_by_a_full_sort() -> None:
    # 1,000 equal tokens: top_p 0.9 holds all of them, since equals of the last are not told apart
    flat = torch.zeros(1, 1000)
    assert draw_one(flat, 0.9505, top_p=0.9)[0] == 950


def test_rows_with_their_own_settings_do_not_meet() -> None:
    logits = HALF_THIRD_SIXTH.expand(20, 3)
    temperature = torch.tensor([0.0, 1.0] * 10)
    top_p = torch.tensor([1.0, 1.0, 1.0, 0.5] * 5)
    tokens, _ = draw(logits, temperature, top_p, torch.full((20,), 0.9))
    assert tokens.tolist() == [0, 2, 0, 0] * 5


@given(st.integers(0, 2**63 - 1), st.floats(0.1, 3.0), st.floats(0.0, 1.0))
def test_a_row_draws_the_same_alone_and_among_others(seed: int, temperature: float, top_p: float) -> None:
    generator = torch.Generator().manual_seed(seed % 2**63)
    logits = 4 * torch.randn(11, 300, generator=generator)
    numbers = torch.tensor(uniforms(seed, 11), dtype=torch.float32)
    together, _ = draw(logits, torch.full((11,), temperature), torch.full((11,), top_p), numbers)
    alone = [draw_one(logits[i : i + 1], float(numbers[i]), temperature, top_p)[0] for i in range(11)]
    assert together.tolist() == alone


def test_numbers_of_a_seed_do_not_depend_on_how_many_are_asked() -> None:
    assert uniforms(7, 3) == uniforms(7, 100)[:3]


def test_draws_follow_the_distribution() -> None:
    count = 6000
    numbers = torch.tensor(uniforms(0, count), dtype=torch.float32)
    tokens, _ = draw(HALF_THIRD_SIXTH.expand(count, 3), torch.ones(count), torch.ones(count), numbers)
    shares = torch.bincount(tokens, minlength=3) / count
    # three standard errors of a share of 1/2 are 3 * sqrt(1/4 / 6000) = 0.019
    assert torch.allclose(shares, torch.tensor([1 / 2, 1 / 3, 1 / 6]), atol=0.02)
