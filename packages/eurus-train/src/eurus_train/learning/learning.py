"""What every learning stage shares: the way from examples to a trained model and its curves."""

from __future__ import annotations

import functools
import gc
import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from eurus_core.errors import InputError
from eurus_core.models import load_config, load_tokenizer
from eurus_core.records import PreferenceTree
from eurus_core.stages import Context
from eurus_core.stages.progress import shown
from eurus_train.data.chat import Chat
from eurus_train.data.tokenize import Examples, SourceCount
from eurus_train.data.tree_tokens import LeftOut, Reading
from eurus_train.distributed import ranks, sharding
from eurus_train.distributed.checkpoints import CHECKPOINTS, last_checkpoint, step_of
from eurus_train.forest.activation_checkpointing import compute_again
from eurus_train.forest.layout import E
from eurus_train.forest.operations import Work, forward_flops, outline, passes, shape
from eurus_train.forest.steps import StepPlan, pack, plan
from eurus_train.learning.history import History, Measurements, show_costs
from eurus_train.learning.loss_steps import LossStep
from eurus_train.learning.reference import References
from eurus_train.learning.schedule import Schedule, Setting
from eurus_train.learning.settings import LearningSettings
from eurus_train.learning.validation import Validation
from eurus_train.monitoring import curves
from eurus_train.monitoring.metrics import Tally
from eurus_train.monitoring.monitor import Watch
from eurus_train.monitoring.trends import LEAST
from eurus_train.objectives import Routes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a training leaves: every step's measurements, the weights to keep, and what held-out examples measure under them.

    ``weights`` are whole, on the CPU, by their names in the model that was trained; on the first rank, and empty elsewhere.
    """

    history: list[Measurements]
    weights: Mapping[str, Tensor]
    validation: Tally | None


class Learning(LearningSettings):
    """A stage that learns from trees, whatever it learns."""

    @abstractmethod
    def examples(
        self,
        trees: Iterable[PreferenceTree],
        chat: Chat,
        file: Path | None = None,
        *,
        required: bool = True,
        left_out: LeftOut | None = None,
    ) -> Examples[Any]:
        """Return what is learnt from trees, as the objective asks, in memory or in a file; ``required`` refuses trees that hold
        nothing. ``left_out`` counts what :meth:`on_bad` left out while the trees were read."""

    @abstractmethod
    def load(self) -> Any:
        """Return the model as training begins, in float32, ready to read forests."""

    @abstractmethod
    def loss_step(self, routes: Routes, references: References | None = None) -> LossStep[Any]:
        """Return how examples are learnt; ``references`` for objectives that use them."""

    def tokenizer(self) -> Any:
        """Return the model's tokenizer, with the chat template to learn in."""
        tokenizer: Any = load_tokenizer(self.model)
        if self.chat_template is not None:
            try:
                tokenizer.chat_template = self.chat_template.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise InputError(f"not UTF-8 text ({error.reason})", file=self.chat_template) from None
        return tokenizer

    def chat(self, tokenizer: Any) -> Chat:
        """Return what puts conversations in the tokenizer's words, for this model to read."""
        return Chat(tokenizer, getattr(load_config(self.model).get_text_config(), "vocab_size", None))

    def routes(self, *examples: Examples[E]) -> Routes:
        """Return the objectives of the sources with their weights; InputError where they do not fit the examples' sources."""
        sources: dict[str, SourceCount] = {}
        for some in examples:
            for name, source in some.counts.sources.items():
                known = sources.get(name)
                sources[name] = source if known is None else replace(known, trees=known.trees + source.trees)
        weighted = self.objective.weighted(self.source_weights)
        weighted.check(sources)
        return weighted

    def reading(self, history: Literal["keep", "drop"] = "keep") -> Reading:
        """Return how trees become examples; no branch is longer than the model has positions."""
        positions = getattr(load_config(self.model).get_text_config(), "max_position_embeddings", None)
        return Reading(
            min(self.max_length, positions or self.max_length),
            history,
            self.per_tree,
            self.data_seed,
            self.skip_bad,
            untrusted=self.untrusted,
            opinions=self.opinion_pairs,
        )

    def plan(self, examples: Examples[E]) -> StepPlan[E]:
        """Return the steps; packing them tells how far it is where that takes long."""
        return plan(
            examples.trees,
            trees_per_step=self.trees_per_step,
            forest_tokens=self.forest_tokens,
            epochs=self.epochs,
            max_steps=self.max_steps,
            seed=self.data_seed,
            shown=functools.partial(shown, label="packing", unit="steps") if ranks.is_main() else iter,
        )

    def train(
        self,
        context: Context,
        model: Any,
        loss_step: LossStep[E],
        steps: StepPlan[E],
        *,
        groups: list[dict[str, Any]] | None = None,
        validation: Sequence[Sequence[E]] = (),
    ) -> Learnt:
        """Train ``model`` in place, resuming where a killed run left off.

        ``groups`` are the optimizer's, where some weights have a learning rate of their own. ``validation`` are held-out examples, by tree.
        """
        from eurus_train.learning.trainer import ForestTrainer  # transformers.Trainer imports pandas: not for a preview

        folder = context.folder / CHECKPOINTS
        checkpoint = last_checkpoint(folder)
        ranks.barrier()  # nobody writes before everybody has looked
        history = History(context.folder / "metrics.jsonl", done=step_of(checkpoint))
        schedule = Schedule(
            self.learning_rate,
            self.warmup_ratio,
            self.max_grad_norm,
            save_steps=self.save_steps,
            eval_steps=self.eval_steps,
            keep_best=self.keep == "best",
            seed=context.seed,
        )
        setting = Setting(self.parallel, self.dtype() == "bfloat16", self.report_to)
        watch = Watch(after=max(LEAST, len(steps.steps) // 5), every=max(1, len(steps.steps) // 50))
        with context.progress(context.name, len(steps.steps), "steps") as progress:
            progress.resume_at(len(history.rows))

            def on_step(step: int, measured: Measurements) -> None:
                history.add({"step": step, **measured})
                for finding in watch.new(history.rows) if loss_step.routes.uses_reference else ():
                    context.event("finding", step=step, text=finding)
                    log.warning("%s, step %d: %s", context.name, step, finding)
                if step % self.log_steps == 0 or step == len(steps.steps):
                    context.event("metrics", step=step, **measured)
                names = ("loss", *loss_step.kind.quantities, "heldout_accuracy")
                shown = {name: measured[name] for name in names if name in measured}
                progress.advance(1, **shown, tokens_per_second=round(measured["unique_tokens"] / measured["seconds"]))

            trainer = ForestTrainer(
                model,
                steps,
                loss_step,
                schedule,
                folder,
                on_step=on_step,
                groups=groups,
                operations=self.operations(),
                setting=setting,
                validation=Validation(pack(validation, self.forest_tokens), loss_step) if validation else None,
            )
            trainer.resume_or_start()
        last = trainer.measure()
        weights, best = trainer.result()
        trainer.let_go()
        show_costs(context, history.rows, loss_step.kind.name, peak_tflops=self.peak_tflops)
        curves.show_validation_curve(context, history.rows)
        if best is not None:
            context.note(f"The weights are those after step {best.step}, the best on what was held out.")
        return Learnt(history.rows, weights, last if best is None else best.tally)

    def begin(self, seed: int) -> tuple[Any, Any]:
        """Return the model as training begins, shared among ranks, and what saves its adapters; collective."""
        gc.collect()  # the model of a stage before this one, whose wrappers refer to it in circles
        with sharding.loading(self.parallel):
            model = self.load()
        adapters = self.adapted(getattr(model, "body", model), seed)
        sharding.share(model, self.parallel)
        return model, adapters

    def adapted(self, body: Any, seed: int) -> Any:
        """Set a language model's body to learn as the settings say; return what saves its adapters, None where it has none."""
        if self.gradient_checkpointing:
            compute_again(body, products=self.gradient_checkpointing != "products")
        if self.lora is None:
            return None
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self.lora.put_into(body)

    def operations(self) -> Callable[[Work], float]:
        """Return what counts the operations of learning from forests, what is computed twice to save memory counting once."""
        model, head = shape(outline(self.model)), self.produces == "model"
        times = passes(frozen=self.lora is not None)
        return lambda work: times * forward_flops(model, work, head)
