"""A model whose weights FSDP2 spreads over the ranks: how they get there, and how they are made whole, written and read again.

torch's own ``fully_shard``, since accelerate has it on GPUs only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from eurus_core.errors import ModelError
from eurus_core.models import fast_device
from eurus_train.distributed import ranks


def spread(model: nn.Module) -> None:
    """Spread a model over the ranks, layer by layer, in place; collective.

    The first rank has its weights, on the CPU; the others have its shape alone (the device "meta") and never more weights than
    their shards and one tensor. Each tensor leaves the first rank as soon as all have their part.
    """
    names = {name for module in model.modules() for name in getattr(module, "_no_split_modules", None) or ()}
    layers = [module for module in model.modules() if type(module).__name__ in names]
    if not layers:
        raise ModelError(
            "parallel = 'fsdp' spreads a model layer by layer, and this one does not say what its layers are. Use zero3."
        )
    whole = {name: tensor.detach() for name, tensor in _tensors(model)} if ranks.is_main() else {}
    _replace(model, lambda name, tensor: tensor.to("meta"))
    mesh = init_device_mesh(fast_device(), (ranks.world_size(),))
    for layer in layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)

    def part(name: str, shape: Tensor) -> Tensor:
        if ranks.is_main():
            full = whole.pop(name).to(fast_device())
        else:
            full = torch.empty(shape.shape, dtype=shape.dtype, device=fast_device())
        if isinstance(shape, DTensor):
            return distribute_tensor(full, shape.device_mesh, shape.placements)
        dist.broadcast(full, src=0)
        return full

    _replace(model, part)


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield weights and buffers by name, those that several modules share once."""
    yield from model.named_parameters()
    yield from model.named_buffers()


def _replace(model: nn.Module, new: Callable[[str, Tensor], Tensor]) -> None:
    """Put ``new(name, tensor)`` in the place of each weight and buffer; those that several modules share stay shared."""
    replaced: dict[int, Any] = {}
    for name, tensor in list(_tensors(model)):
        found = new(name, tensor)
        is_weight = isinstance(tensor, nn.Parameter)
        replaced[id(tensor)] = nn.Parameter(found, requires_grad=tensor.requires_grad) if is_weight else found
    for module in model.modules():
        for places in (module._parameters, module._buffers):
            places.update({name: replaced[id(tensor)] for name, tensor in places.items() if tensor is not None})


class FSDPModel(nn.Module):
    """What the Trainer calls a spread model through; it takes this wrapper for one of its kind.

    Gradients are reduced in the backward pass except inside ``no_sync``.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.module: Any = model

    def forward(self, **reading: Any) -> Any:
        return self.module(**reading)

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        self.module.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self.module.set_requires_gradient_sync(True)

    def whole(self) -> dict[str, Any]:
        """Return all weights on the first rank, nothing elsewhere; collective."""
        return get_model_state_dict(self.module, options=StateDictOptions(full_state_dict=True, cpu_offload=True))

    def save(self, optimizer: torch.optim.Optimizer, folder: Path) -> None:
        """Write every rank's shards of weights and optimizer; collective."""
        weights, state = get_state_dict(self.module, optimizer)
        save({"model": weights, "optimizer": state}, checkpoint_id=folder)

    def load(self, optimizer: torch.optim.Optimizer, folder: Path) -> None:
        """Read what :meth:`save` has written, on as many ranks or another number; collective."""
        weights, state = get_state_dict(self.module, optimizer)
        found: dict[str, Any] = {"model": weights, "optimizer": state}
        load(found, checkpoint_id=folder)
        set_state_dict(self.module, optimizer, model_state_dict=found["model"], optim_state_dict=found["optimizer"])
