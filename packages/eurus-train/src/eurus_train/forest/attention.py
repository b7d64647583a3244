"""How a model reads a forest: which tokens see which, for the kinds of attention layer that can.

On CPUs attention runs in blocks (:mod:`eurus_train.forest.block_attention`), on GPUs through FlexAttention (:mod:`eurus_train.forest.flex`), elsewhere
under a dense mask. A sliding window is a window over *depth*: neighbours in the layout may lie on different branches.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from eurus_core.errors import ModelError
from eurus_train.forest import block_attention, flex
from eurus_train.forest.layout import Forest

_FULL, _SLIDING = "full_attention", "sliding_attention"


def windows(config: Any) -> dict[str, int | None]:
    """Return the window in tokens of each kind of layer in a model's configuration (None: unbounded).

    ModelError for layers that carry a state along the sequence or attend in chunks: branches laid side by side would leak.
    """
    text = config.get_text_config()
    window = getattr(text, "sliding_window", None)
    if getattr(text, "use_sliding_window", True) is False:
        window = None
    stated = getattr(text, "layer_types", None) or getattr(text, "attention_layers", None)  # the latter of GPT-Neo
    kinds = set(stated or [_SLIDING if window else _FULL])
    if unknown := kinds - {_FULL, _SLIDING}:
        raise ModelError(
            f"{text.model_type} has layers of kind {', '.join(sorted(unknown))}, which cannot read a forest: only attention, "
            "full or in a sliding window, keeps branches apart. Use a model of attention layers only."
        )
    return {kind: window if kind == _SLIDING else None for kind in kinds}


def prepare(model: Any, device: str | None = None) -> None:
    """Make a model read forests at its best, or refuse one that cannot; ModelError says why.

    ``device`` is where it will be read, if that is not where its weights are yet. Attention is left as it is where the model
    was loaded with a kernel of its own choice.
    """
    device = device or model.device.type
    check_model(model)
    if model.config._attn_implementation not in ("sdpa", "eager"):
        return
    takes_more = any(one.kind is one.VAR_KEYWORD for one in inspect.signature(model.forward).parameters.values())
    name = None
    if device == "cpu" and model._supports_attention_backend and takes_more:
        name = block_attention.NAME
    elif device == "cuda" and model._supports_flex_attn and not _drops(model.config):  # FlexAttention knows no dropout
        name = flex.NAME
    if name == block_attention.NAME:
        block_attention.register()
    if name is not None:
        for one in (model, model.base_model):  # a body put under another head has a configuration of its own
            one.set_attn_implementation(name)


def _drops(config: Any) -> bool:
    text = config.get_text_config()
    return any(getattr(text, name, 0) for name in ("attention_dropout", "attn_pdrop"))


def check_model(model: Any) -> None:
    """Refuse a model that cannot read forests; ModelError says why."""
    windows(model.config)
    name = type(model).__name__
    if getattr(model.config.get_text_config(), "alibi", False):
        raise ModelError(f"{name} attends by distance in the sequence (ALiBi), which is not depth in a forest.")
    if getattr(model, "_is_stateful", False):
        raise ModelError(
            f"{name} carries a state along the sequence, so that branches of a forest would leak into each other."
        )
    if "position_ids" not in inspect.signature(model.forward).parameters:
        raise ModelError(f"{name} takes no position_ids, so that a token's depth cannot be told apart from its place.")


def mask(forest: Forest, window: int | None = None) -> Tensor:
    """Return who (rows) sees whom (columns), (1, 1, L, L), bool: ancestors and self, at most ``window`` tokens deep."""
    place = torch.arange(len(forest))
    seen = (place[None, :] <= place[:, None]) & (place[:, None] < torch.from_numpy(forest.exits)[None, :])
    if window is not None:
        depth = torch.from_numpy(forest.depth)
        seen &= depth[:, None] - depth[None, :] < window
    return seen[None, None]


def inputs(forest: Forest, model: Any) -> dict[str, Any]:
    """Return what the model's forward takes to read a forest: ids, depths as positions, who sees whom by kind of layer.

    A prepared model gets blocks, any other a dense mask.
    """
    kinds, how = windows(model.config), model.config._attn_implementation
    if how == flex.NAME:
        return {**flex.given(forest, kinds, model.device), "use_cache": False}
    found: dict[str, Any] = {
        "input_ids": torch.from_numpy(forest.tokens)[None].to(model.device),
        "position_ids": torch.from_numpy(forest.depth)[None].to(model.device),
        "use_cache": False,
    }
    if how == block_attention.NAME:
        return found | block_attention.given(forest, kinds, model.device)
    masks = {kind: mask(forest, window).to(model.device) for kind, window in kinds.items()}
    if how == "eager":  # adds its mask
        masks = {
            kind: torch.zeros_like(one, dtype=torch.float32).masked_fill_(~one, -1e30) for kind, one in masks.items()
        }
    return found | {"attention_mask": masks if len(masks) > 1 else next(iter(masks.values()))}
