"""The numbers of step 0: a forest against the model's plain forward, the policy against its reference, the loss against its constant."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from eurus_core.models import Dtype, fast_device
from eurus_train.forest.layout import plant
from eurus_train.forest.likelihood import autocast
from eurus_train.inspection.outcome import Check
from eurus_train.learning.learning import Learning
from eurus_train.learning.reference import References, reference_key
from eurus_train.monitoring.metrics import Tally

EXACT = 1e-3
"""Nats, or units of reward, by which sums over an action may differ in float32: rounding reaches 1e-4 at 500 tokens."""

AT_START: Mapping[str, float] = {"cpu": 0.0, "cuda": EXACT}
"""Nats by which policy and reference may differ where they are one model reading one forest. Equal passes give equal bits on a CPU; on
a GPU sums over an action are added up in any order."""

ROUNDED, BROKEN = 4, 30
"""How many times bfloat16's own error a forest's error may be before it is told, and before it is no rounding.

bfloat16 keeps 8 bits: a logit of 16 to 32 moves by up to 1/16. What that makes of a sum over an action follows from model and text and
has no bound that is known beforehand, hence it is measured: on the same branches alone. A forest is rounded in other places, not more
often, so that either error is now the larger. The largest of eight branches was up to 3.2 times that of branches alone in 100 draws (tiny), and 13
times in 50 where rounding sends tokens to other experts (tiny-moe). A forest whose
branches see each other fails (`tests/train/test_preflight.py`)."""

LOSS = 1e-5
"""By which the loss may differ from its constant where every log-ratio or reward is 0: a mean of some numbers in float32."""


@torch.no_grad()
def forest_against_naive(stage: Learning, model: Any, examples: Sequence[Any]) -> Iterator[Check]:
    """Compare each branch in the forest with the same branch alone through the model's plain forward: in float32, where they are
    equal, and in bfloat16, if that is what training computes in, where each is off by what rounding makes of it."""
    branches = list(dict.fromkeys(branch for example in examples for branch in example.branches))
    forest = plant(branches)

    def read(precision: Dtype) -> Tensor:
        return stage.model_copy(update={"precision": precision}).loss_step(stage.objective).read(model, forest)

    def read_alone(precision: Dtype) -> Tensor:
        loss_step = stage.loss_step(stage.objective)
        with autocast(model.device, precision):
            return torch.stack([loss_step.read_alone(model, branch) for branch in branches])

    exact = read_alone("float32")
    apart = _apart(read("float32"), exact)
    tokens = sum(map(len, branches))
    found = f"{len(branches)} branches, {tokens:,} tokens as {len(forest):,}: largest difference {apart:.1e}"
    yield Check("forest = naive", "ok" if apart <= EXACT else "failed", found)
    if stage.dtype() == "bfloat16":
        yield rounding(_apart(read("bfloat16"), exact), _apart(read_alone("bfloat16"), exact))


def rounding(forest: float, alone: float) -> Check:
    """Judge how far bfloat16 takes a forest from float32, the largest difference of its branches, by how far it takes them alone."""
    found = f"off float32 by up to {forest:.1e}, each branch alone by up to {alone:.1e}"
    if forest <= ROUNDED * alone + EXACT:
        return Check("in bfloat16", "ok", found)
    if forest <= BROKEN * alone + EXACT:
        return Check(
            "in bfloat16", "warning", f"{found}: more than rounding mostly does, unless tokens meet other experts"
        )
    return Check("in bfloat16", "failed", f"{found}: more than rounding does")


@torch.no_grad()
def at_start(stage: Learning, model: Any, examples: Sequence[Any]) -> Iterator[Check]:
    """Compare the loss before the first step with its constant, and the policy with its reference."""
    routes = stage.objective.weighted(stage.source_weights)
    source = getattr(stage, "reference", None) or stage.model
    loss_step, references, own = stage.loss_step(routes), None, True
    forest = loss_step.plant(examples)
    if routes.uses_reference:
        key = reference_key(source, stage.dtype())
        own = key == reference_key(stage.model, stage.dtype())
        references = References(key)
        judge = model if source == stage.model else stage.model_copy(update={"model": source}).load()
        forests = loss_step.forests(examples)
        for _, part in references.unknown([examples], loss_step.forests):
            references.learn(judge, forests[part], stage.dtype())
    stage.adapted(getattr(model, "body", model), 0)
    if references is not None:
        loss_step = stage.loss_step(routes, references)
        with torch.enable_grad():  # as a step reads it
            likely = loss_step.read(model, forest).detach()
        yield log_ratios(_apart(likely, likely.new_tensor(references[forest])), None if own else source)
    loss_step.before_step(model, [examples])
    loss = float(loss_step.loss(model, forest, Tally())) / loss_step.count(examples)
    stated = [routes.of(example.source).at_start for example in examples]
    weights = [loss_step.weight(example) for example in examples]
    if any(constant is None for constant in stated):
        yield loss_at_start(loss, None)
    else:
        constant = sum(c * w for c, w in zip(stated, weights, strict=True) if c is not None) / sum(weights)
        yield loss_at_start(loss, constant, own=own if references is not None else None)


def log_ratios(apart: float, other: str | None) -> Check:
    """Judge the largest log-ratio before the first step, in nats; ``other`` names a reference that is not the policy's own start."""
    found = f"largest log-ratio {apart:.1e}"
    if not math.isfinite(apart):
        return Check("policy = reference", "failed", found)
    if other is not None:
        return Check("policy = reference", "ok", f"{found}; the reference is another model, {other}")
    if apart <= AT_START[fast_device()]:
        return Check("policy = reference", "ok", found)
    found += ": one model reads one forest in two ways, or its references were kept by other code (EURUS_CACHE names another folder)"
    return Check("policy = reference", "failed", found)


def loss_at_start(loss: float, constant: float | None, *, own: bool | None = None) -> Check:
    """Judge the loss before the first step by its constant; ``own`` says whether the reference is the policy's own start, None where
    there is none, as for reward models, which may begin with a head that has learnt."""
    if not math.isfinite(loss):
        return Check("loss at step 0", "failed", f"{loss:.4f}")
    if constant is None:
        return Check("loss at step 0", "ok", f"{loss:.4f}; the objective states no constant")
    if own is False:
        found = f"{loss:.4f}; {constant:.4f} is that of a policy which starts as its reference"
        return Check("loss at step 0", "ok", found)
    found = f"{loss:.4f}, the constant is {constant:.4f}"
    if abs(loss - constant) <= LOSS + AT_START[fast_device()]:
        return Check("loss at step 0", "ok", found)
    return Check("loss at step 0", "failed" if own else "warning", found)


def _apart(some: Tensor, others: Tensor) -> float:
    """Return the largest difference."""
    return float((some - others).abs().max())
