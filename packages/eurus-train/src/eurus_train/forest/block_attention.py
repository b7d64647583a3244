"""Attention over a forest in blocks of queries: each block reads only the tokens that one of its queries sees.

On a CPU a dense mask costs L x L whatever it hides, and branches hide most of it. Scores and softmax are float32; probabilities
are computed again in the backward pass instead of being kept.

transformers calls :func:`forest_attention` by the name ``forest`` in every layer. The blocks come as an argument of the model's
forward, by window; in place of a mask, a layer is told its window. Without blocks it reads as the model's own attention does.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from eurus_core.errors import ModelError
from eurus_train.forest.layout import Forest

NAME = "forest"
QUERIES = 128
"""Queries of a block: fewer see less in vain, more make larger products. 64 to 256 differ by a fifth."""


@dataclass(frozen=True, slots=True)
class Block:
    """Queries from ``start`` to ``end``, the places they see, and a bias of 0 or minus infinity, (queries, keys)."""

    start: int
    end: int
    keys: Tensor
    bias: Tensor


def cut(forest: Forest, window: int | None = None, device: torch.device | str = "cpu") -> tuple[Block, ...]:
    """Cut a forest into blocks; a ``window`` counts depth. Memory grows with what is seen, never with L x L."""
    blocks = []
    for start in range(0, len(forest), QUERIES):
        rows = np.arange(start, min(start + QUERIES, len(forest)))
        keys = np.flatnonzero(forest.exits[: rows[-1] + 1] > start)  # seen by ``start``, or within the block
        seen = (keys <= rows[:, None]) & (rows[:, None] < forest.exits[keys])
        if window is not None:
            seen &= forest.depth[rows, None] - forest.depth[keys] < window
            keys, seen = keys[seen.any(0)], seen[:, seen.any(0)]
        bias = torch.zeros(seen.shape).masked_fill_(torch.from_numpy(~seen), -torch.inf)
        blocks.append(Block(start, start + len(rows), torch.from_numpy(keys).to(device), bias.to(device)))
    return tuple(blocks)


class _Attend(torch.autograd.Function):
    """Grouped-query attention. G queries share a key head, D features: queries (1, H G, L, D), keys and values (1, H, L, D).

    What comes out is (1, L, H G, D), as the layer reads it on, so that one copy serves both backward passes.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scaling: float,
        softcap: float | None,
        blocks: Any,
        known: tuple[Tensor, ...],
    ) -> Tensor:
        out = known[0] if known else query.new_empty(1, query.shape[2], query.shape[1], query.shape[3])
        for block in () if known else blocks:
            asked, keys = _fold(query, key, block), key.index_select(2, block.keys)
            shares = _shares(_scores(asked, keys, scaling, softcap), block)
            _unfold(out.transpose(1, 2), block, shares.to(value.dtype) @ value.index_select(2, block.keys))
        ctx.save_for_backward(query, key, value, out)
        ctx.settings = scaling, softcap, blocks
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, out = ctx.saved_tensors
        scaling, softcap, blocks = ctx.settings
        grad = grads[0].to(value.dtype)
        # sum_k p_k dp_k of each query, without reading its probabilities again (FlashAttention, arXiv 2205.14135, B.2)
        means = (grad.float() * out.float()).sum(-1, keepdim=True).transpose(1, 2)
        grad = grad.transpose(1, 2)
        query_grad = torch.empty_like(query)
        key_grad, value_grad = (torch.zeros_like(one, dtype=torch.float32) for one in (key, value))
        for block in blocks:
            asked, answered = _fold(query, key, block), _fold(grad, key, block)
            keys, values = key.index_select(2, block.keys), value.index_select(2, block.keys)
            scores = _scores(asked, keys, scaling, softcap)
            slope = None if softcap is None else 1 - (scores / softcap) ** 2
            shares = _shares(scores, block)
            value_grad.index_add_(2, block.keys, (shares.to(value.dtype).mT @ answered).float())
            scores_grad = shares.mul_((answered @ values.mT).float().sub_(_fold(means, key, block)))
            if slope is not None:
                scores_grad = scores_grad.mul_(slope)
            scores_grad = scores_grad.to(query.dtype)
            _unfold(query_grad, block, (scores_grad @ keys).mul_(scaling))
            key_grad.index_add_(2, block.keys, (scores_grad.mT @ asked).float())
        return query_grad, key_grad.mul_(scaling).to(key.dtype), value_grad.to(value.dtype), None, None, None, None


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    scaling: float,
    softcap: float | None,
    blocks: tuple[Block, ...],
    known: tuple[Tensor, ...] = (),
) -> Tensor:
    """Return attention in blocks, (1, L, heads, D), differentiable; ``known`` may hold the result.

    A torch function like torch's own: a mode of :mod:`eurus_train.forest.activation_checkpointing` sees it.
    """
    tensors = query, key, value
    if has_torch_function(tensors):
        return handle_torch_function(attend, tensors, *tensors, scaling, softcap, blocks)
    return _Attend.apply(*tensors, scaling, softcap, blocks, known)  # type: ignore[no-any-return, no-untyped-call]


def _scores(asked: Tensor, keys: Tensor, scaling: float, softcap: float | None) -> Tensor:
    """Return a block's scores, (1, H, G queries, keys), float32: bfloat16 steps by 1/16 at a score of 10."""
    scores = (asked.float() * scaling) @ keys.float().mT
    return scores if softcap is None else scores.div_(softcap).tanh_().mul_(softcap)


def _shares(scores: Tensor, block: Block) -> Tensor:
    """Return the attention probabilities of a block; what a query does not see has none."""
    scores.view(*scores.shape[:2], -1, *block.bias.shape).add_(block.bias)
    return scores.softmax(-1)


def _fold(heads: Tensor, key: Tensor, block: Block) -> Tensor:
    """Return a block's rows with the G heads of a key head one below the other, (1, H, G queries, D)."""
    rows = heads[:, :, block.start : block.end]
    return rows.reshape(1, key.shape[1], -1, rows.shape[-1])


def _unfold(into: Tensor, block: Block, rows: Tensor) -> None:
    into[:, :, block.start : block.end] = rows.reshape(1, into.shape[1], -1, into.shape[-1])


def given(forest: Forest, windows: Mapping[str, int | None], device: torch.device) -> dict[str, Any]:
    """Return what a model's forward takes to read a forest in blocks; ``windows`` by kind of layer."""
    told = {kind: torch.full((1, 1, 1, 1), window or 0) for kind, window in windows.items()}
    return {
        # four dimensions: transformers hands it to the layers as it is, each kind its own
        "attention_mask": told if len(told) > 1 else next(iter(told.values())),
        "forest_blocks": {window or 0: cut(forest, window, device) for window in windows.values()},
    }


def forest_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    softcap: float | None = None,
    forest_blocks: Mapping[int, tuple[Block, ...]] | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    """Return the layer's attention, (1, L, heads, D): the signature that transformers calls attention functions with.

    Dropout and sinks (GPT-OSS) are not for blocks: such layers attend under a dense mask.
    """
    name = type(module).__name__
    told = attention_mask is not None and not attention_mask.is_floating_point() and attention_mask.dtype != torch.bool
    if told != (forest_blocks is not None):
        raise ModelError(f"{name} does not hand on who sees whom, so that branches would leak. Use another model.")
    if rest.get("position_bias") is not None:
        raise ModelError(f"{name} adds a bias by place, which is not a token's depth. Use another model.")
    sinks, scaling = rest.get("s_aux"), scaling or query.shape[-1] ** -0.5
    if forest_blocks is None or attention_mask is None:
        if softcap is None and sinks is None:
            from transformers.integrations.sdpa_attention import sdpa_attention_forward

            out, _ = sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, **rest)
            return out, None
        seen = _causal(query, key) if attention_mask is None else attention_mask
        return _dense(query, key, value, seen, scaling, softcap, dropout, sinks), None
    blocks = forest_blocks[int(attention_mask)]
    if dropout or sinks is not None:
        return _dense(query, key, value, _seen(blocks), scaling, softcap, dropout, sinks), None
    device = query.device.type
    if torch.is_autocast_enabled(device):  # rotary embeddings leave float32 queries beside bfloat16 values
        query, key, value = (one.to(torch.get_autocast_dtype(device)) for one in (query, key, value))
    with torch.autocast(device, enabled=False):  # scores stay float32
        return attend(query, key, value, scaling, softcap, blocks), None


def _dense(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    seen: Tensor,
    scaling: float,
    softcap: float | None,
    dropout: float,
    sinks: Tensor | None,
) -> Tensor:
    """Return attention under a dense mask, bool; a head's sink takes a share of each query and gives nothing."""
    groups = query.shape[1] // key.shape[1]
    key, value = (one.repeat_interleave(groups, dim=1) for one in (key, value))
    scores = (query.float() * scaling) @ key.float().mT
    if softcap is not None:
        scores = (scores / softcap).tanh() * softcap
    scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
    if sinks is not None:
        sink = sinks.float().reshape(1, -1, 1, 1).expand(*scores.shape[:3], 1)
        scores = torch.cat([scores, sink], dim=-1)
    shares = torch.nn.functional.dropout(scores.softmax(-1)[..., : key.shape[2]], dropout)
    return (shares.to(value.dtype) @ value).transpose(1, 2)


def _seen(blocks: tuple[Block, ...]) -> Tensor:
    """Return the dense mask that blocks stand for, (L, L), bool."""
    seen = blocks[-1].keys.new_zeros(blocks[-1].end, blocks[-1].end, dtype=torch.bool)
    for block in blocks:
        seen[block.start : block.end, block.keys] = block.bias == 0
    return seen


def _causal(query: Tensor, key: Tensor) -> Tensor:
    seen = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=query.device)
    return seen.tril(key.shape[2] - query.shape[2])


@functools.cache
def register() -> None:
    """Make :func:`forest_attention` known to transformers, whose modelling code takes a second to import: not at every command's start."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(NAME, forest_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
