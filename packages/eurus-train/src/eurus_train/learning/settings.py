"""The settings of every stage that learns from trees, and what they come to by themselves."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from eurus_core.files.rows import OnBad
from eurus_core.models import Dtype, Precision, dtype_of, fast_device
from eurus_core.parts.choice import File, Model, Trees
from eurus_core.parts.contracts import Stage, refuse
from eurus_train.data.tree_tokens import LeftOut
from eurus_train.distributed.sharding import Parallel
from eurus_train.learning.lora import Lora
from eurus_train.learning.trackers import Trackers
from eurus_train.objectives import Routes, Weight


class LearningSettings(Stage):
    """What is learnt from, by which steps, on what; flat, so that a recipe's table is.

    The paper gives one epoch, a cosine schedule and a warm-up of 0.1; steps, lengths and clipping are ours.
    """

    model: Model
    """Where training starts."""
    chat_template: File | None = None
    """A Jinja file: the chat template of a base model, which has none, or a replacement for the model's own. Saved with the model."""
    trees: Annotated[tuple[Trees, ...], BeforeValidator(lambda found: [found] if isinstance(found, str) else found)]
    """What to learn from: tree sets or published rows; in a recipe also the stages that make them."""
    skip_bad: bool = False
    """Leave out and count rows and trees that cannot be used, instead of stopping at the first."""
    untrusted: bool = False
    """Learn also from actions that count as correct only on the word of their own code, because their tests had to run in its process."""
    opinion_pairs: bool = False
    """Learn also from pairs and groups that a model judged, not ground truth. The paper learns from such actions one by one."""
    objective: Routes
    learning_rate: PositiveFloat
    """The highest learning rate, reached after the warm-up; it then falls along a cosine."""
    epochs: float = Field(default=1.0, gt=0, le=1000)
    """Passes over the trees; the paper's is 1."""
    max_steps: int | None = Field(default=None, gt=0, le=1_000_000)
    """Train for this many optimizer steps instead of epochs."""
    trees_per_step: PositiveInt = 8
    """Trees per optimizer step: the batch size."""
    forest_tokens: PositiveInt = 2048
    """The most unique tokens in one forward pass: what memory must hold."""
    max_length: PositiveInt = 2048
    """The most tokens in one branch, from the instruction to the end of the action; at most the model's positions."""
    source_weights: Mapping[str, Weight] = Field(default_factory=dict)
    """Weight of each example of a source, as in { UltraFeedback = 0.5 }; 1 by default. The source is the one that published rows
    name, else the problem's label "source", else its data set."""
    per_tree: PositiveInt | None = None
    """The most examples (pairs, or correct actions) taken from one tree."""
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises; the paper's is 0.1."""
    max_grad_norm: PositiveFloat = 1.0
    """Longer gradients are clipped to this norm."""
    precision: Precision = "auto"
    """Precision of products; weights are float32. auto: bfloat16 if the machine is fast at it."""
    peak_tflops: PositiveFloat | None = None
    """The peak of one GPU as its maker states it, in TFLOP/s; the share of it that training reached (MFU) is then reported."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights: a table, such as { rank = 16 }."""
    gradient_checkpointing: bool | Literal["products"] = False
    """Recompute each layer in the backward pass instead of keeping its activations: less memory, a third more time. With
    "products", layers on CPUs keep their products and attention and recompute only what lies between: a tenth more time."""
    parallel: Parallel = "ddp"
    """How several processes (--processes) share the work: each has a copy of the model (ddp), or a shard of it by
    DeepSpeed's ZeRO-2 or ZeRO-3 or by FSDP2. It has no effect with one process."""
    heldout: int = Field(default=0, ge=0)
    """How many problems are kept out of training, to measure on at the end."""
    eval_steps: PositiveInt | None = None
    """Steps between measurements on held-out problems; none: only at the end."""
    keep: Literal["last", "best"] = "last"
    """Which weights to save: the last, or those with the best held-out accuracy (in a tie, the lowest loss) over all measurements of eval_steps."""
    data_seed: int = 0
    """Fixes what is held out, which examples are drawn and in which order. It is not the run's seed, so stages that differ only in
    their objective learn from the same examples."""
    save_steps: PositiveInt = 20
    """Steps between checkpoints, from which an interrupted training resumes."""
    log_steps: PositiveInt = 1
    """Steps between entries in the run's events.jsonl; metrics.jsonl has every step."""
    report_to: Trackers = ()
    """Trackers that receive every step, by transformers' names for them, such as tensorboard or wandb."""

    @model_validator(mode="after")
    def _of_effect(self) -> Self:
        """Refuse what could have no effect, and a folder where a template should be."""
        found = {
            "eval_steps": "measures what is held out: set heldout, too" if self.eval_steps and not self.heldout else "",
            "keep": "best is that of all eval_steps: set heldout and eval_steps, too"
            if self.keep == "best" and not self.eval_steps
            else "",
            "chat_template": "a folder, not a Jinja file" if self.chat_template and self.chat_template.is_dir() else "",
        }
        for key, error in found.items():
            if error:
                raise PydanticCustomError("part", "{error}", {"error": error, "key": key})
        return self

    def on_bad(self, left_out: LeftOut | None) -> OnBad:
        """Return what becomes of a row that cannot be used: it stops the stage, or is counted; None: has been already."""
        if not self.skip_bad:
            return refuse
        return functools.partial(left_out.bad, "rows") if left_out is not None else lambda error: None

    def dtype(self) -> Dtype:
        """Return the precision to compute in; weights are float32 in any case."""
        return dtype_of(self.precision, fast_device())
