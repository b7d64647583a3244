"""Drawing the next token: greedy, by temperature, from the nucleus; one number a row decides, so rows never meet."""

from __future__ import annotations

import torch
from torch import Tensor

NUCLEUS_GUESS = 256
"""Likeliest tokens tried first; a nucleus that needs more of them is found by a full sort."""
ROWS_AT_ONCE = 8
"""On a CPU: 64 rows of a vocabulary of 49,152 in one piece leave the caches and took three times as long."""


def uniforms(seed: int, count: int) -> list[float]:
    """Return the numbers in [0, 1) that decide the first ``count`` tokens of the reply with that seed."""
    return torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).tolist()


def draw(logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Return the next token of each row and its log-probability in nats, both of shape (rows,).

    ``logits`` is (rows, vocabulary), the others (rows,). Temperature 0 takes the likeliest token. Otherwise the token is
    where ``uniform`` falls in the cumulated distribution after temperature and nucleus (arXiv 1904.09751). The
    log-probability is always under the model's own distribution: temperature 1, whole vocabulary, float32.
    """
    at_once = len(logits) if logits.is_cuda else ROWS_AT_ONCE
    pieces = zip(*(torch.split(tensor, at_once) for tensor in (logits, temperature, top_p, uniform)), strict=True)
    tokens, logprobs = zip(*(_draw(*piece) for piece in pieces), strict=True)
    return torch.cat(tokens), torch.cat(logprobs)


def _draw(logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    logits = logits.float()
    logprobs = logits.log_softmax(dim=-1)
    tokens = logits.argmax(dim=-1)
    sampled = (temperature > 0).nonzero().squeeze(-1)
    if len(sampled):
        tokens[sampled] = _sample(logprobs[sampled], temperature[sampled], top_p[sampled], uniform[sampled])
    return tokens, logprobs.gather(1, tokens[:, None]).squeeze(1)


def _sample(logprobs: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor) -> Tensor:
    probabilities = torch.softmax(logprobs / temperature[:, None], dim=-1)
    if bool((top_p < 1).any()):
        floor = torch.where(top_p < 1, _nucleus_floor(probabilities, top_p), 0.0)
        probabilities.masked_fill_(probabilities < floor[:, None], 0.0)
    cumulated = probabilities.cumsum(dim=-1)
    total = cumulated[:, -1]
    # Just below the total at most, so that the token found always has a probability above 0.
    target = torch.minimum(uniform.to(total) * total, torch.nextafter(total, torch.zeros_like(total)))
    return torch.searchsorted(cumulated, target[:, None], right=True).squeeze(1)


def _nucleus_floor(probabilities: Tensor, top_p: Tensor) -> Tensor:
    """Return the least probability inside the nucleus of each row: the fewest likeliest tokens that reach ``top_p``."""
    count = min(NUCLEUS_GUESS, probabilities.shape[-1])
    likeliest = probabilities.topk(count, dim=-1).values
    if bool((likeliest.sum(dim=-1) < top_p).any()):
        likeliest = probabilities.sort(dim=-1, descending=True).values
    before = likeliest.cumsum(dim=-1) - likeliest
    last = (before < top_p[:, None]).sum(dim=-1) - 1
    return likeliest.gather(1, last.clamp(min=0)[:, None]).squeeze(1)
