"""The settings of every stage that learns from trees, and what they come to by themselves."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from eurus_core.choice import File, Model, Trees
from eurus_core.contracts import Stage, refuse
from eurus_core.models import Dtype, Precision, dtype_of, fast_device
from eurus_core.rows import OnBad
from eurus_train.data.tree_tokens import LeftOut
from eurus_train.objectives import Routes, Weight
from eurus_train.training.lora import Lora
from eurus_train.training.sharding import Parallel
from eurus_train.training.trackers import Trackers


class LearningSettings(Stage):
    """What is learnt from, by which steps, on what; flat, so that a recipe's table is.

    The paper gives one epoch, a cosine schedule and a warm-up of 0.1; steps, lengths and clipping are ours.
    """

    model: Model
    """Where training starts."""
    chat_template: File | None = None
    """A Jinja file for a model without a chat template, as base models are, or in place of its own. Saved with the model."""
    trees: Annotated[tuple[Trees, ...], BeforeValidator(lambda found: [found] if isinstance(found, str) else found)]
    """What is learnt from: tree sets, or published rows; in a recipe also the stages that make them."""
    skip_bad: bool = False
    """Leave rows and trees out that cannot be used, and count them, in place of stopping at the first."""
    untrusted: bool = False
    """Learn, too, from actions that are correct by the word of their own code: their tests had to run in its process."""
    opinion_pairs: bool = False
    """Learn, too, from pairs and groups in which a model judged, not ground truth. The paper learns from such actions one by one."""
    objective: Routes
    learning_rate: PositiveFloat
    """The highest one, reached after the warm-up; a cosine follows."""
    epochs: float = Field(default=1.0, gt=0, le=1000)
    """Passes over the trees; the paper's is 1."""
    max_steps: int | None = Field(default=None, gt=0, le=1_000_000)
    """So many optimizer steps in place of epochs."""
    trees_per_step: PositiveInt = 8
    """Trees of one optimizer step, the size of a batch."""
    forest_tokens: PositiveInt = 2048
    """Unique tokens of one forward pass: what memory must hold."""
    max_length: PositiveInt = 2048
    """Tokens of one branch, from the instruction to the end of the action; at most the model's positions."""
    source_weights: Mapping[str, Weight] = Field(default_factory=dict)
    """What an example of a source counts for, as in { UltraFeedback = 0.5 }; 1 where nothing is said. The source is what published
    rows name, else the problem's label "source", else its data set."""
    per_tree: PositiveInt | None = None
    """At most this many examples (pairs, or correct actions) of one tree."""
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises; the paper's is 0.1."""
    max_grad_norm: PositiveFloat = 1.0
    """Longer gradients are clipped to this norm."""
    precision: Precision = "auto"
    """Of products; weights are float32. auto: bfloat16 where the machine is fast at it."""
    peak_tflops: PositiveFloat | None = None
    """What one GPU's products reach by its maker's word, in TFLOP/s; the part of it that learning reached (MFU) is then reported."""
    lora: Lora | None = None
    """Learn adapters of low rank in place of all weights: a table, such as { rank = 16 }."""
    gradient_checkpointing: bool | Literal["products"] = False
    """Compute each layer again in the backward pass instead of keeping its activations: less memory, a third more time. With
    "products" layers on CPUs keep their products and attention and compute only what lies between: a tenth more time."""
    parallel: Parallel = "ddp"
    """How several processes (--processes) share the work: each with a copy of the model (ddp), or with shards of it by
    DeepSpeed's ZeRO-2 or ZeRO-3 or by FSDP2. In one process it is without effect."""
    heldout: int = Field(default=0, ge=0)
    """Problems kept out of training, to measure on at the end."""
    eval_steps: PositiveInt | None = None
    """Steps between measurements of what is held out; none: at the end only."""
    keep: Literal["last", "best"] = "last"
    """The weights to save: the last ones, or those with the best held-out accuracy (then the lowest loss) of all eval_steps."""
    data_seed: int = 0
    """Fixes what is held out, which examples are drawn and in which order: not the run's seed, so that stages that differ in their
    objective alone learn from the same examples."""
    save_steps: PositiveInt = 20
    """Steps between checkpoints, to go on from after an interruption."""
    log_steps: PositiveInt = 1
    """Steps between entries in the run's events.jsonl; metrics.jsonl has every step."""
    report_to: Trackers = ()
    """Trackers that get every step, by the names transformers has for them, such as tensorboard or wandb."""

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
