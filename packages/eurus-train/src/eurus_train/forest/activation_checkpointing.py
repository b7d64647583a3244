"""Layers that keep their products for the backward pass, and attention's results, and compute what lies between them again.

A layer of a Llama keeps 30 kB a token otherwise (hidden size 576, bfloat16): normed rows twice, a bfloat16 copy of them for each product that reads
them, both factors of the gate. Products are most of the work and 11 kB of it; the rest costs a few passes over memory. The weights' bfloat16
copies are not kept either. Checkpointing of transformers (:func:`torch.utils.checkpoint.checkpoint` around each layer) computes a layer again; here it
finds the products done. Results are those of the plain layer, to the bit.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from eurus_train.forest import block_attention

_LIBC = ctypes.CDLL(None)


def compute_again(body: Any, products: bool) -> None:
    """Let a transformer's layers keep none of their activations while they train; without ``products`` those of products and
    attention alone, where attention is in blocks."""
    settings: dict[str, Any] = {"use_reentrant": False}
    if not products and body.config._attn_implementation == block_attention.NAME:
        settings["context_fn"] = _passes
        body.get_input_embeddings().register_forward_hook(_give_back)
    enable = getattr(body, "activation_checkpointing_enable", None) or body.gradient_checkpointing_enable
    enable(settings)


def _give_back(_: torch.nn.Module, __: Any, rows: Tensor) -> None:
    """Have what malloc holds free returned to the kernel (by glibc) before the last gradient, that of the embeddings, takes its memory.

    It lies in pieces between the weights' gradients, 0.1 to 0.2 GB of it for SmolLM2, and the embeddings' gradient fits in none.
    """
    if rows.requires_grad and hasattr(_LIBC, "malloc_trim"):
        rows.register_hook(_trim)  # type: ignore[no-untyped-call]


def _trim(_: Tensor) -> None:
    _LIBC.malloc_trim(0)


class _Linear(torch.autograd.Function):
    """A product with a weight as autocast computes it, from ``rows`` and their copy ``low`` in its precision; ``known`` may hold
    the result."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None, low: Tensor, known: tuple[Tensor, ...]
    ) -> Tensor:
        ctx.save_for_backward(low, weight)
        ctx.dtypes = rows.dtype, None if bias is None else bias.dtype
        if known:
            return known[0]
        return linear(low, weight.to(low.dtype), None if bias is None else bias.to(low.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        low, weight = ctx.saved_tensors
        rows_dtype, bias_dtype = ctx.dtypes
        for_rows, for_weight, for_bias, *_ = ctx.needs_input_grad
        flat = grad.reshape(-1, grad.shape[-1])
        return (
            (grad @ weight.to(grad.dtype)).to(rows_dtype) if for_rows else None,
            (flat.mT @ low.reshape(-1, low.shape[-1])).to(weight.dtype) if for_weight else None,
            flat.sum(0).to(bias_dtype) if for_bias else None,
            None,
            None,
        )


class _Pass(TorchFunctionMode):
    """A pass through a layer: the first leaves the results of products and attention in ``kept``, the second takes them out.

    A result is taken only where it was not written to since.
    """

    def __init__(self, kept: deque[tuple[Tensor, int]], again: bool):
        super().__init__()
        self._kept, self._again = kept, again
        self._read: tuple[Tensor, int, Tensor] | None = None

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is linear:
            return self._linear(*args, **(kwargs or {}))
        if func is block_attention.attend:
            return self._done(block_attention.attend(*(*args, self._known())))
        return func(*args, **(kwargs or {}))

    def __exit__(self, *raised: Any) -> None:
        self._read = None
        if self._again:
            self._kept.clear()
        super().__exit__(*raised)  # type: ignore[no-untyped-call]

    def _linear(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:  # noqa: A002 - torch's name
        low, device = self._low(input), input.device.type
        with torch.autocast(device, enabled=False):
            return self._done(_Linear.apply(input, weight, bias, low, self._known()))  # type: ignore[no-untyped-call]

    def _low(self, rows: Tensor) -> Tensor:
        """Return rows in the precision of products, one copy for all products that read them one after the other."""
        device = rows.device.type
        if not torch.is_autocast_enabled(device) or rows.dtype == torch.float64:
            return rows.detach()
        if self._read is None or self._read[0] is not rows or self._read[1] != rows._version:
            self._read = rows, rows._version, rows.detach().to(torch.get_autocast_dtype(device))
        return self._read[2]

    def _known(self) -> tuple[Tensor, ...]:
        if not (self._again and self._kept):
            return ()
        result, version = self._kept.popleft()
        return (result,) if result._version == version else ()

    def _done(self, result: Tensor) -> Tensor:
        if not self._again:
            self._kept.append((result.detach(), result._version))  # detached, it still counts what is written to it
        return result


def _passes() -> tuple[_Pass, _Pass]:
    """Return the first and the second pass through one layer."""
    kept: deque[tuple[Tensor, int]] = deque()
    return _Pass(kept, again=False), _Pass(kept, again=True)
