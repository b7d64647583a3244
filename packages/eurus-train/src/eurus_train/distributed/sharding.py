"""How several processes share a model: copies (DDP), DeepSpeed's ZeRO-2 and ZeRO-3, or FSDP2.

Weights, gradients and the optimizer's state are float32 in all of them; bfloat16 products come from autocast. Gradients are
averaged over ranks in all of them, hence the trainer multiplies its losses by the number of ranks. Under ZeRO-3 and FSDP2 no
rank needs room for all weights to compute; the first one needs it, on the CPU, to load and to save.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import nn

from eurus_core.errors import MissingExtra
from eurus_core.models import Dtype, fast_device
from eurus_train.distributed import ranks

Parallel = Literal["ddp", "zero2", "zero3", "fsdp"]


def check(parallel: Parallel) -> None:
    """Refuse what cannot be shared here, before anything is loaded. MissingExtra where DeepSpeed is wanted and not installed."""
    if ranks.world_size() > 1 and parallel.startswith("zero") and importlib.util.find_spec("deepspeed") is None:
        raise MissingExtra(f"parallel = {parallel!r}", "eurus-train[deepspeed]")


def spreads(parallel: Parallel) -> bool:
    """Say whether a rank holds a part of the weights only."""
    return ranks.world_size() > 1 and parallel in ("zero3", "fsdp")


def place(parallel: Parallel) -> str:
    """Return the device to load a model on: where it computes, unless :func:`share` takes its weights there.

    Under FSDP2 that is the CPU on the first rank and "meta", shapes alone, elsewhere.
    """
    if ranks.world_size() == 1 or parallel != "fsdp":
        return fast_device()
    return "cpu" if ranks.is_main() else "meta"


@contextlib.contextmanager
def loading(parallel: Parallel) -> Iterator[None]:
    """Let models that are loaded meanwhile be divided among ranks as their weights come, where that is ZeRO-3's to do."""
    if ranks.world_size() == 1 or parallel != "zero3":
        yield
        return
    from transformers.integrations.deepspeed import HfDeepSpeedConfig, unset_hf_deepspeed_config

    config = HfDeepSpeedConfig(_zero(parallel))  # type: ignore[no-untyped-call]  # transformers holds it by a weak reference
    try:
        yield
    finally:
        del config
        unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]


def share(model: nn.Module, parallel: Parallel) -> None:
    """Spread a loaded model over the ranks, in place, where that is FSDP2's to do; collective."""
    if ranks.world_size() > 1 and parallel == "fsdp":
        from eurus_train.distributed import fsdp  # a second of imports that one process never needs

        fsdp.spread(model)


@contextlib.contextmanager
def asked(load: Callable[[], Any], parallel: Parallel, precision: Dtype) -> Iterator[Any]:
    """Give a model that is asked and learns nothing, shared among ranks as one that learns; collective, as each call of it is."""
    with loading(parallel):
        model = load()
    share(model, parallel)
    if ranks.world_size() == 1 or parallel != "zero3":
        yield model
        return
    import deepspeed

    engine, *_ = deepspeed.initialize(model=model, config=_zero(parallel, bfloat16=precision == "bfloat16"))
    engine.eval()
    try:
        yield Called(engine, model)
    finally:
        engine.destroy()
        _let_go()


def arguments(parallel: Parallel, *, bins: int, max_grad_norm: float, bfloat16: bool) -> dict[str, Any]:
    """Return what ``transformers.TrainingArguments`` takes to share a model; nothing in a single process.

    ``bins`` are the forward passes of a rank in an optimizer step.
    """
    if ranks.world_size() == 1 or parallel == "fsdp":
        return {}
    if parallel == "ddp":
        return {"ddp_find_unused_parameters": False}
    return {"deepspeed": _zero(parallel, bins=bins, max_grad_norm=max_grad_norm, bfloat16=bfloat16)}


def _zero(parallel: Parallel, *, bins: int = 1, max_grad_norm: float = 1.0, bfloat16: bool = False) -> dict[str, Any]:
    """Return a configuration of DeepSpeed."""
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    zero: dict[str, Any] = {"stage": 2, "overlap_comm": False}
    if parallel == "zero3":
        zero = {"stage": 3, "overlap_comm": False, "stage3_gather_16bit_weights_on_model_save": True}
    return {
        "zero_optimization": zero,
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": bins,
        "gradient_clipping": max_grad_norm,
        "zero_allow_untested_optimizer": True,
        # without a list of modules that may, nothing is sent in bfloat16
        "torch_autocast": {"enabled": bfloat16, "dtype": "bfloat16", "lower_precision_safe_modules": []},
    }


def forget() -> None:
    """Undo what a trainer leaves in accelerate, transformers and the environment: the next stage may share its model otherwise."""
    from accelerate.state import AcceleratorState
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]  # else ZeRO-3 would split every model that is made from here on
    _let_go()
    AcceleratorState._reset_state(True)
    for name in [name for name in os.environ if name.startswith("ACCELERATE_USE_")]:
        del os.environ[name]


def _let_go() -> None:
    """Take models off DeepSpeed's stack, on which it leaves them: their weights and all that learnt them would stay in memory."""
    if offload := sys.modules.get("deepspeed.runtime.zero.parameter_offload"):
        offload.FWD_MODULE_STACK.clear()


class Called:
    """A model as loss steps know it, called through what shares it among ranks."""

    def __init__(self, outer: nn.Module, inner: nn.Module):
        self._outer, self._inner = outer, inner

    def __call__(self, **reading: Any) -> Any:
        return self._outer(**reading)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
