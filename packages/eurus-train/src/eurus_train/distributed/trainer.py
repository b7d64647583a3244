"""A ``transformers.Trainer`` whose model the ranks share: how it is called, and how its weights are gathered, written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.utils.data import Dataset

from eurus_core.models import quiet
from eurus_train.distributed import ranks, sharding
from eurus_train.distributed.checkpoints import complete
from eurus_train.distributed.fsdp import FSDPModel

SHARDS, SCHEDULE = "shards", "scheduler.pt"


class DistributedTrainer(transformers.Trainer):
    """Trains a model of which each rank has a copy (DDP) or a part (DeepSpeed, FSDP2); a single process has it whole.

    Checkpoints go below the arguments' folder and are whole or passed over. Only weights that learn are in them.
    """

    def __init__(
        self,
        model: nn.Module,
        arguments: transformers.TrainingArguments,
        dataset: Dataset[Any],
        parallel: sharding.Parallel,
    ):
        self._whole_model = model
        self._learnt = {name for name, weight in model.named_parameters() if weight.requires_grad}
        fsdp = ranks.world_size() > 1 and parallel == "fsdp"
        self._fsdp = FSDPModel(model) if fsdp else None
        super().__init__(model=model, args=arguments, train_dataset=dataset)

    def called(self, model: nn.Module | None = None) -> Any:
        """Return the model as loss steps know it, called through what shares it."""
        outer = self.model_wrapped if model is None else model
        return outer if outer is self._whole_model else sharding.Called(outer, self._whole_model)

    def whole(self) -> dict[str, Tensor]:
        """Return all weights by name, on the CPU on the first rank and empty elsewhere; collective."""
        if self._fsdp is not None:
            state = self._fsdp.whole()
        elif self.is_deepspeed_enabled:
            state = self.accelerator.get_state_dict(self.model_wrapped) or {}
        else:
            state = self._whole_model.state_dict()
        return {name: weight.detach().cpu() for name, weight in state.items()} if ranks.is_main() else {}

    def let_go(self) -> None:
        """Free what shares the model among ranks, which the next stage may do otherwise; nothing is trained after it."""
        if self.is_deepspeed_enabled:
            engine: Any = self.model_wrapped
            engine.destroy()  # its hooks, which Python cannot see, would keep weights and optimizer in memory
        sharding.forget()

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write what a checkpoint needs beside the optimizer: the weights that learn, where the optimizer's files lack them."""
        if output_dir is None or self.is_deepspeed_enabled or self._fsdp or not ranks.is_main():
            return
        Path(output_dir).mkdir(parents=True, exist_ok=True)
        named = self._whole_model.named_parameters()
        state = {name: weight.detach() for name, weight in named if name in self._learnt}
        save_file(state, Path(output_dir) / "model.safetensors", metadata={"format": "pt"})

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        with quiet():
            super()._save_checkpoint(model, trial)
        ranks.barrier()  # a checkpoint is complete when every rank has written its part
        if ranks.is_main():
            complete(Path(self._get_output_dir(trial)), self.state.global_step)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self._fsdp is None:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        self._fsdp.save(_bare(self.optimizer), Path(output_dir) / SHARDS)
        if ranks.is_main():
            torch.save(self._rates().state_dict(), Path(output_dir) / SCHEDULE)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self._fsdp is None:
            super()._load_optimizer_and_scheduler(checkpoint)
        elif checkpoint is not None:
            self._fsdp.load(_bare(self.optimizer), Path(checkpoint) / SHARDS)
            self._rates().load_state_dict(torch.load(Path(checkpoint) / SCHEDULE, weights_only=True))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if self._fsdp is None:  # else the weights are among the shards
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Say nothing: the weights that a checkpoint lacks are those that do not learn."""

    def _wrap_model(self, model: nn.Module, training: bool = True, dataloader: Any = None) -> nn.Module:
        return self._fsdp or super()._wrap_model(model, training, dataloader)

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        norm = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def _rates(self) -> Any:
        return self.lr_scheduler


def _bare(optimizer: Any) -> torch.optim.Optimizer:
    """Return torch's optimizer from inside accelerate's."""
    inside: torch.optim.Optimizer = getattr(optimizer, "optimizer", optimizer)
    return inside
