"""Trained weights into a folder that loads as a model: safetensors, tokenizer, chat template and its hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eurus_core.errors import ModelError
from eurus_core.models import keep_template_hash, quiet


def write_model(
    kind: Any,
    model: Any,
    weights: Mapping[str, Tensor],
    tokenizer: Any,
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write whole weights by name as a model of ``kind``, an Auto class of transformers.

    ``model`` gives the configuration alone: its own weights may be spread over ranks, or hold adapters. ModelError where the last
    step has left weights that are no finite numbers.
    """
    for name, weight in weights.items():
        if weight.numel() and not torch.isfinite(weight.abs().max()):
            raise ModelError(f"{name} is not finite after the last step, so no model is written. Lower learning_rate.")
    with quiet():
        with torch.device("meta"):
            shape = kind.from_config(model.config, dtype=dtype, attn_implementation="eager")  # which every model has
        if getattr(model, "generation_config", None) is not None:
            shape.generation_config = model.generation_config
        tied = set(getattr(shape, "all_tied_weights_keys", None) or ())
        state = {name: weight.to(dtype).contiguous() for name, weight in weights.items() if name not in tied}
        shape.save_pretrained(str(folder), state_dict=state)
        tokenizer.save_pretrained(str(folder))
    keep_template_hash(tokenizer, folder)
