"""The trainer on forests, with losses normalised over the whole optimizer step and all ranks.

A dataset item is a bin of examples. Every optimizer step has the same number of bins on every rank (gradient accumulation); those
without examples cost nothing in a single process, and among several one tiny forest, since all must take part in collectives.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers.trainer_callback import PrinterCallback

from eurus_core.errors import ModelError
from eurus_core.models import quiet
from eurus_train.distributed import ranks, sharding
from eurus_train.distributed.checkpoints import last_checkpoint, step_of
from eurus_train.distributed.trainer import DistributedTrainer
from eurus_train.forest.layout import Forest
from eurus_train.forest.operations import Work, work
from eurus_train.forest.steps import StepPlan
from eurus_train.learning.bins import Bins
from eurus_train.learning.loss_steps import LossStep
from eurus_train.learning.schedule import Schedule, Setting
from eurus_train.learning.validation import Best, Validation, best_in, over_ranks, write_best
from eurus_train.monitoring.evidence import validation_row
from eurus_train.monitoring.metrics import Tally

BEST = "best.safetensors"


class ForestTrainer(DistributedTrainer):
    """Trains on the forests of a plan.

    ``on_step`` receives the step's number and its measurements; ``operations`` says what a step's work takes. ``groups`` are the
    optimizer's parameter groups where some weights want a learning rate of their own.
    """

    def __init__(
        self,
        model: nn.Module,
        plan: StepPlan[Any],
        loss_step: LossStep[Any],
        schedule: Schedule,
        folder: Path,
        *,
        on_step: Callable[[int, dict[str, float]], None],
        groups: list[dict[str, Any]] | None = None,
        setting: Setting | None = None,
        validation: Validation[Any] | None = None,
        operations: Callable[[Work], float] | None = None,
    ):
        bins, setting = Bins(plan, loss_step), setting or Setting()
        named = {id(weight): name for name, weight in model.named_parameters() if weight.requires_grad}
        groups = groups or [{"params": [weight for weight in model.parameters() if weight.requires_grad]}]
        self._groups = [{**group, "params": [named[id(weight)] for weight in group["params"]]} for group in groups]
        with quiet():
            arguments = transformers.TrainingArguments(
                output_dir=str(folder),
                per_device_train_batch_size=1,
                gradient_accumulation_steps=bins.a_step,
                max_steps=len(plan.steps),
                learning_rate=schedule.learning_rate,
                max_grad_norm=schedule.max_grad_norm,
                seed=schedule.seed % 2**32,  # numpy takes no more
                save_steps=schedule.save_steps,
                logging_steps=1,
                logging_nan_inf_filter=False,
                report_to=list(setting.trackers) or "none",
                disable_tqdm=True,
                dataloader_pin_memory=False,
                remove_unused_columns=False,
                use_cpu=not torch.cuda.is_available(),
                **sharding.arguments(
                    setting.parallel,
                    bins=bins.a_step,
                    max_grad_norm=schedule.max_grad_norm,
                    bfloat16=setting.bfloat16,
                ),
            )
            super().__init__(model, arguments, bins, setting.parallel)
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = True  # compute_loss divides by the step's count itself
        self._bins, self._loss_step, self._folder, self._on_step = bins, loss_step, folder, on_step
        self._schedule, self._validation = schedule, validation
        self._best = best_in(folder / BEST)
        self._measured: tuple[int, Tally] | None = None
        self._tally = Tally()
        self._work, self._operations = Work(), operations
        self._since = 0.0
        self._not_finite = ""

    def resume_or_start(self) -> int:
        """Train to the end, from the last whole checkpoint where there is one; return the step it began at."""
        checkpoint = last_checkpoint(self._folder)
        self.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        return step_of(checkpoint)

    def measure(self) -> Tally | None:
        """Return what held-out examples measure now, None where there are none; once a step, and collective."""
        if self._validation is None:
            return None
        step = self.state.global_step
        if self._measured is None or self._measured[0] != step:
            self.model_wrapped.eval()
            self._measured = step, self._validation.measure(self.called())
        return self._measured[1]

    def result(self) -> tuple[dict[str, Tensor], Best | None]:
        """Return the weights to keep by name, whole, on the first rank (empty elsewhere), and where they did best; collective.

        They are the last ones unless the best are asked for.
        """
        weights = self.whole()
        if not (self._schedule.keep_best and self._best):
            return weights, None
        if ranks.is_main():
            from safetensors.torch import load_file

            weights.update(load_file(self._folder / BEST))
        return weights, self._best

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        # one pass over memory, which is what a CPU step waits for; sharded weights are not what it is made for
        fused = not (self.is_deepspeed_enabled or self._fsdp)
        weights = dict(self._whole_model.named_parameters())
        groups = [{**group, "params": [weights[name] for name in group["params"]]} for group in self._groups]
        self.optimizer = torch.optim.AdamW(groups, lr=self._schedule.learning_rate, weight_decay=0.0, fused=fused)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        on: Any = optimizer or self.optimizer
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(on, self._schedule.factors(num_training_steps))
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def get_train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Return this rank's bins; the Trainer would deal samples again, and repeat some to make ranks even."""
        return self._bins.loader()

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Any]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Any]], Tensor]:
        """Return this rank's bins of one optimizer step and the count of items that the losses of all ranks are a mean over."""
        self._since = time.perf_counter()
        batches = list(itertools.islice(epoch_iterator, num_batches))
        bins = [batch["examples"] for batch in batches]
        self.model_wrapped.eval()  # until the step's first forward pass: what is looked at is the policy, without dropout
        self._loss_step.before_step(self.called(), bins)
        (count,) = ranks.all_reduce([sum(self._loss_step.count(examples) for examples in bins if examples)])
        return batches, torch.tensor(count, device=device)

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        if inputs["forest"] is None and ranks.world_size() == 1:
            return torch.zeros((), device=self.args.device)
        return super().training_step(model, inputs, num_items_in_batch)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        if num_items_in_batch is None:
            raise ValueError("compute_loss needs the count of the whole optimizer step")
        called = self.called(model)
        forest: Forest | None = inputs["forest"]
        if forest is None:
            return self._loss_step.idle(called)
        # gradients are averaged over ranks, which the whole step's count has done already
        loss = self._loss_step.loss(called, forest, self._tally) * ranks.world_size() / num_items_in_batch
        if not self._not_finite and not torch.isfinite(loss):
            self._not_finite = self._keep(forest, loss)
        self._work += work([forest])
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Hand a step's measurements on; the Trainer's summary at the end is left out.

        ModelError on all ranks where one of them met a loss that is no finite number: none is left waiting for the others.
        """
        if "loss" not in logs:
            return
        works, not_finite = zip(*ranks.all_gather((self._work, self._not_finite)), strict=True)
        if any(not_finite):
            raise ModelError(next(filter(None, not_finite)))
        done, seconds = sum(works, Work()), time.perf_counter() - self._since
        measured = {
            **over_ranks(self._tally).means(),
            "loss": logs["loss"],  # the step's own normalisation, weights included
            "grad_norm": float(logs["grad_norm"]),
            "learning_rate": float(logs["learning_rate"]),
            "seconds": seconds,
            "unique_tokens": done.unique,
            "logical_tokens": done.logical,
        }
        if self._operations is not None:
            measured["tflops"] = self._operations(done) / seconds / 1e12
        self._tally.clear()
        self._work = Work()
        measured |= self._evaluated()
        self._on_step(self.state.global_step, measured)
        super().log(measured)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        return 0  # the Trainer's estimate assumes rectangular batches

    def _evaluated(self) -> dict[str, float]:
        """Measure held-out examples where it is time to, and remember the best weights; return what to log."""
        step, every = self.state.global_step, self._schedule.eval_steps
        if step != self.state.max_steps and (every is None or step % every):
            return {}
        tally = self.measure()
        if tally is None:
            return {}
        found = Best(step, tally.sums())
        if self._schedule.keep_best and (self._best is None or found.score > self._best.score):
            self._best = found
            weights = self.whole()
            if ranks.is_main():
                mine = {name: weight for name, weight in weights.items() if name in self._learnt}
                write_best(self._folder / BEST, found, mine)
        return validation_row(tally, self._loss_step.kind.quantities)

    def _keep(self, forest: Forest, loss: Tensor) -> str:
        """Write a batch whose loss is no finite number; return what is to be told of it."""
        step = self.state.global_step + 1
        file = self._folder / f"not-finite-step-{step}{f'-rank-{ranks.rank()}' if ranks.rank() else ''}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        branches = [
            {"tree": b.tree, "node": b.node, "history": b.history.tolist(), "action": b.action.tolist()}
            for b in forest.branches
        ]
        file.write_text(json.dumps({"step": step, "branches": branches}) + "\n", encoding="utf-8")
        return (
            f"The loss became {loss.item()} at step {step}; the batch is in {file}. Lower learning_rate, or look for broken "
            "weights in the model it started from."
        )
