"""What a training will cost, from its data and the shape of its model alone: tokens, memory, operations, GPU hours.

Operations are counted as in :mod:`eurus_train.forest.operations`. Memory is an estimate of what must be held at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from eurus_core.stages.progress import shown
from eurus_train.forest.operations import Shape, Work, forward_flops, passes, shape, work
from eurus_train.forest.steps import StepPlan
from eurus_train.learning.learning import Learning
from eurus_train.learning.lora import Lora
from eurus_train.learning.loss_steps import LossStep

WEIGHT_BYTES, GRADIENT_BYTES, ADAM_BYTES = 4, 4, 8
"""Of one parameter: weights and gradients in float32, two moments of AdamW."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The cost of one learning stage. Bytes are of one GPU."""

    steps: int
    training: Work
    reference: Work
    parameters: int
    trained: int
    dedup_ratio: float
    flops: float
    gpu_hours: float
    weight_bytes: float
    gradient_bytes: float
    optimizer_bytes: float
    activation_bytes: float

    @property
    def bytes_a_gpu(self) -> float:
        return self.weight_bytes + self.gradient_bytes + self.optimizer_bytes + self.activation_bytes

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "bytes_a_gpu": self.bytes_a_gpu}


def budget(
    stage: Learning, plan: StepPlan[Any], outlined: Any, *, share: float = 1.0, gpus: int = 1, tflops: float, mfu: float
) -> Budget:
    """Return the cost of a stage whose examples, or a ``share`` of them, were planned, for a model in outline.

    ``tflops`` is a GPU's peak, ``mfu`` the part of it that is reached.
    """
    model, routes = shape(outlined), stage.objective
    trained = model.parameters if stage.lora is None else _adapters(stage.lora, outlined)
    loss_step = stage.loss_step(routes)
    bins = [one for one in plan.flat() if one]
    training, before, reference = (
        each.times(1 / share) for each in _read(loss_step, shown(bins, "counting", "forests"), routes.uses_reference)
    )
    head = stage.produces == "model"
    flops = (
        passes(frozen=stage.lora is not None, checkpointing=stage.gradient_checkpointing is True)
        * forward_flops(model, training, head)
        + forward_flops(model, before)
        + forward_flops(model, reference, head)
    )
    weights, rest = (gpus if stage.parallel in ("zero3", "fsdp") else 1), (gpus if stage.parallel != "ddp" else 1)
    # DeepSpeed's optimizer works on its own float32 copy of what it trains, be the model's weights float32 or not
    again = trained / gpus if gpus > 1 and stage.parallel in ("zero2", "zero3") else 0
    return Budget(
        steps=round(len(plan.steps) / share),
        training=training,
        reference=reference,
        parameters=model.parameters,
        trained=trained,
        dedup_ratio=training.logical / training.unique,
        flops=flops,
        gpu_hours=flops / (tflops * 1e12 * mfu) / 3600,
        weight_bytes=WEIGHT_BYTES * (model.parameters / weights + again),
        gradient_bytes=GRADIENT_BYTES * trained / rest,
        optimizer_bytes=ADAM_BYTES * trained / rest,
        activation_bytes=activation_bytes(model, training, stage.gradient_checkpointing, head),
    )


def activation_bytes(model: Shape, work: Work, checkpointing: bool | Literal["products"], head: bool = True) -> float:
    """Estimate what the largest forest keeps for its backward pass, computed in bfloat16 under autocast.

    Of each layer and token: the residual stream in float32 and what enters each product in bfloat16 (two norms, queries, keys,
    values and attention's result, three times the inner features). With checkpointing the stream of every layer, all else of one;
    what products and attention give stays of every layer where only what lies between them is computed again.
    """
    stream = 4 * model.hidden
    inside = 2 * (2 * model.hidden + 4 * model.heads + 3 * model.feed_forward)
    given = 2 * (2 * model.hidden + 4 * model.heads + 2 * model.feed_forward)
    layers = {
        False: model.layers * inside,
        "products": inside + (model.layers - 1) * given,
        True: inside,
    }
    kept = model.layers * stream + layers[checkpointing]
    logits = 2 * 2 * model.vocabulary * work.most_rows if head else 0  # and their gradient
    return float(kept * work.largest + logits)


def _read(loss_step: LossStep[Any], bins: Iterable[Any], asked: bool) -> tuple[Work, Work, Work]:
    """Return what is learnt from, what is looked at before steps, and, if it is ``asked``, what a reference reads of both: a
    forest that comes again, as that of a large tree does in each epoch, is read once."""
    learnt = before = reference = Work()
    met: set[bytes] = set()
    for examples in bins:
        first, *others = loss_step.forests(examples)
        learnt, before = learnt + work([first]), before + work(others)
        for forest in (first, *others) if asked else ():
            if (digest := forest.digest()) not in met:
                met.add(digest)
                reference += work([forest])
    return learnt, before, reference


def _adapters(lora: Lora, outlined: Any) -> int:
    with torch.device("meta"):
        lora.put_into(outlined)
    return sum(weights.numel() for weights in outlined.parameters() if weights.requires_grad)
