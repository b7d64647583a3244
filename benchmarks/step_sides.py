"""The two sides of ``preference_step.py``: TRL's trainers and eurus-train's, on the same pairs, weights and reference.

Both are ``transformers.Trainer`` underneath and run whole optimizer steps: data, forward, backward, clipping, AdamW, logging.
TRL gets token ids and the reference's log-probabilities, since neither tokenizing nor the reference is what is compared: of its code
only ``_prepare_dataset`` and ``_precompute_ref_logps`` are passed over. KTO's mismatched actions are the same on both sides, for the
same z0; TRL reads them twice, since it draws one a side and not one a pair.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import shapes
import torch
from transformers import TrainerCallback

from eurus_core.models import fast_device, load_causal_lm, load_tokenizer
from eurus_rm.loss_step import RewardLossStep
from eurus_rm.model import padding_token, reward_model_from
from eurus_rm.objectives import BT
from eurus_train.forest import attention
from eurus_train.forest.layout import Branch, Forest, Pair, plant, plant_mismatches
from eurus_train.forest.likelihood import action_logprobs, scored_logprobs
from eurus_train.forest.steps import plan
from eurus_train.learning.loss_steps import LossStep
from eurus_train.learning.reference import References
from eurus_train.learning.schedule import Schedule
from eurus_train.learning.trainer import ForestTrainer
from eurus_train.objectives import DPO, KTO, NCA, PolicyObjective

OBJECTIVES = ("dpo", "kto", "nca", "rm")
RATE = 1e-6
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Way:
    """How TRL is run; None leaves its default."""

    pairs_at_once: int | None = None
    checkpointing: bool | None = None
    sampling: str | None = None

    def fits(self, objective: str) -> bool:
        """Say whether TRL takes this way: its KTO keeps the order of its rows."""
        return objective != "kto" or self.sampling is None

    def __str__(self) -> str:
        named = {"pairs at once": self.pairs_at_once, "checkpointing": self.checkpointing, "sampling": self.sampling}
        return ", ".join(f"{name} {value}" for name, value in named.items() if value is not None) or "defaults"


DEFAULT = Way()
CANDIDATES = tuple(Way(pairs, False, sampling) for pairs in (1, 2, 5) for sampling in (None, "group_by_length"))
"""What was searched for TRL's best. padding_free is off the list: TRL 1.16 warns and pads, whatever it is told."""


@dataclass(frozen=True, slots=True)
class Job:
    """One training: every step takes all trees, by 8 pairs at once where TRL keeps its default."""

    objective: str
    trees: list[list[Pair]]
    steps: int
    precision: Precision = "bfloat16"
    model: str = "smollm2"
    reference: Mapping[Branch, float] = field(default_factory=dict)

    @property
    def pairs(self) -> list[Pair]:
        return [pair for tree in self.trees for pair in tree]


def mismatched(trees: list[list[Pair]]) -> list[list[Pair]]:
    """Give each pair the chosen action of a pair in the next tree, for KTO's z0."""
    return [
        [
            replace(pair, mismatch=replace(pair.chosen, action=other.chosen.action))
            for pair, other in zip(tree, itertools.cycle(after), strict=False)
        ]
        for tree, after in zip(trees, trees[1:] + trees[:1], strict=True)
    ]


@functools.cache
def problems(shape: str, count: int, model: str, limit: int) -> list[list[Pair]]:
    """Return the pairs of trees, each with a mismatched action; the last tree's come from one that is left out."""
    made, _ = shapes.trees(shape, count + 1, model, limit)
    return mismatched(made)[:count]


def referred(trees: list[list[Pair]]) -> list[Forest]:
    """Return the forests whose branches a reference is asked for."""
    return [forest for tree in trees for forest in (plant(tree), plant_mismatches(tree))]


@torch.no_grad()
def reference(trees: list[list[Pair]], model: str) -> list[float]:
    """Return the log-probability of each of their actions under the model that the policy is compared with, in float32."""
    start: Any = load_causal_lm(model, dtype="float32", device=fast_device())
    attention.prepare(start)
    read = [action_logprobs(scored_logprobs(start, forest), forest).tolist() for forest in referred(trees)]
    return list(itertools.chain.from_iterable(read))


@dataclass(frozen=True, slots=True)
class Start:
    """The reference as loss steps ask for it: forest by forest."""

    known: Mapping[Branch, float]

    def __getitem__(self, forest: Forest) -> list[float]:
        return [self.known[branch] for branch in forest.branches]


def policy(job: Job) -> Any:
    """Return the model to train: the reference a little way on, so that losses are not those of step 0."""
    model: Any = reward_model_from(job.model) if job.objective == "rm" else load_causal_lm(job.model, dtype="float32")
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=draw) * (weight.std() if weight.any() else 1.0) * 0.01)
    return model.to(fast_device())


def eurus(
    job: Job, folder: Path, forest_tokens: int, on_step: Callable[[int, dict[str, float]], None]
) -> ForestTrainer:
    """Return eurus-train's trainer; ``on_step`` hears of every step."""
    model = policy(job)
    bins = plan(job.trees, trees_per_step=len(job.trees), forest_tokens=forest_tokens, max_steps=job.steps)
    loss_step: Any
    if job.objective == "rm":
        attention.prepare(model.classifier)
        loss_step = RewardLossStep(BT(), job.precision)
    else:
        attention.prepare(model)
        objective: PolicyObjective = {"dpo": DPO, "kto": KTO, "nca": NCA}[job.objective]()
        loss_step = LossStep(objective, job.precision, cast("References", Start(job.reference)))
    return ForestTrainer(model, bins, loss_step, Schedule(RATE, save_steps=job.steps + 1), folder, on_step=on_step)


def trl(job: Job, folder: Path, way: Way, callback: TrainerCallback) -> Any:
    """Return TRL's trainer for the objective."""
    from datasets import Dataset

    tokenizer: Any = load_tokenizer(job.model)
    model = policy(job)
    given = {
        "per_device_train_batch_size": way.pairs_at_once,
        "gradient_checkpointing": way.checkpointing,
        "train_sampling_strategy": way.sampling,
    }
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    at_once = settings.get("per_device_train_batch_size", 8)
    rows = _rows(job)
    if job.objective == "kto" and "per_device_train_batch_size" in settings:
        settings["per_device_train_batch_size"] = at_once = 2 * at_once  # rows are sides
    settings |= {
        "output_dir": str(folder),
        "learning_rate": RATE,
        "bf16": job.precision == "bfloat16",
        "num_train_epochs": job.steps,
        "gradient_accumulation_steps": -(-len(rows) // at_once),  # an optimizer step takes all pairs, as ours
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": fast_device() == "cpu",
        "length_column_name": "length",
        "remove_unused_columns": False,  # else the lengths are gone when sampling asks for them
        "dataloader_pin_memory": False,
    }
    if job.objective == "rm":
        tokenizer.pad_token_id = padding_token(tokenizer)
        model = model.classifier
    else:
        settings["precompute_ref_log_probs"] = True
    trainer_class, config_class, more = _trl_classes(job.objective)

    class Prepared(trainer_class):  # type: ignore[misc, valid-type]
        """Takes the data set as it is: token ids, and the reference's log-probabilities."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, dataset: Any, *_: Any) -> Any:
            return dataset

    return Prepared(
        model=model,
        args=config_class(**settings, **more),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[callback],
    )


def _trl_classes(objective: str) -> tuple[Any, Any, dict[str, Any]]:
    import trl

    if objective == "rm":
        return trl.RewardTrainer, trl.RewardConfig, {}
    if objective == "kto":
        return trl.KTOTrainer, trl.KTOConfig, {"desirable_weight": 1.33}
    return trl.DPOTrainer, trl.DPOConfig, {"loss_type": "sigmoid" if objective == "dpo" else "nca_pair"}


def _rows(job: Job) -> list[dict[str, Any]]:
    """Return the pairs in the columns that TRL makes itself; for KTO each side is a row."""
    if job.objective == "rm":
        return [
            {"chosen_ids": _whole(p.chosen), "rejected_ids": _whole(p.rejected), "length": _length(p)}
            for p in job.pairs
        ]
    known = job.reference
    if job.objective == "kto":
        return [
            {
                "prompt_ids": side.history.tolist(),
                "completion_ids": side.action.tolist(),
                "KL_completion_ids": pair.mismatch.action.tolist(),
                "label": side is pair.chosen,
                "ref_logps": known[side],
                "ref_KL_logps": known[pair.mismatch],
                "length": len(side),
            }
            for pair in job.pairs
            if pair.mismatch is not None
            for side in (pair.chosen, pair.rejected)
        ]
    return [
        {
            "prompt_ids": pair.chosen.history.tolist(),
            "chosen_ids": pair.chosen.action.tolist(),
            "rejected_ids": pair.rejected.action.tolist(),
            "ref_chosen_logps": known[pair.chosen],
            "ref_rejected_logps": known[pair.rejected],
            "length": _length(pair),
        }
        for pair in job.pairs
    ]


def _length(pair: Pair) -> int:
    return max(len(pair.chosen), len(pair.rejected))


def _whole(branch: Branch) -> list[int]:
    return [*branch.history.tolist(), *branch.action.tolist()]
