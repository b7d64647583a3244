"""What a trainer is told: how weights move and what happens every so many steps, and on what learning happens."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from eurus_train.distributed import sharding


@dataclass(frozen=True, slots=True)
class Schedule:
    """How weights move: AdamW, linear warm-up, then cosine towards zero; and what happens every so many steps.

    ``eval_steps`` None measures held-out examples at the end only; ``keep_best`` then has nothing to choose from.
    """

    learning_rate: float
    warmup_ratio: float = 0.1
    max_grad_norm: float = 1.0
    save_steps: int = 50
    eval_steps: int | None = None
    keep_best: bool = False
    seed: int = 0

    def factors(self, steps: int) -> Callable[[int], float]:
        """Return what the learning rate is multiplied by at each step, counted from 0; it is never 0, no step is wasted."""
        warmup = math.ceil(self.warmup_ratio * steps)

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / warmup
            return (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2

        return factor


@dataclass(frozen=True, slots=True)
class Setting:
    """Around learning: how ranks share the model, the precision of products, trackers by the names transformers has."""

    parallel: sharding.Parallel = "ddp"
    bfloat16: bool = False
    trackers: tuple[str, ...] = ()
