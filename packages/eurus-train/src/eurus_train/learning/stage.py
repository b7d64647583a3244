"""The stage ``train``: a policy from preference trees, under objectives of any kind that a policy is learnt by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch

from eurus_core.models import Dtype, fast_device, load_causal_lm
from eurus_core.parts.choice import Model
from eurus_core.parts.contracts import Artefact
from eurus_core.records import PreferenceTree
from eurus_core.stages import Context
from eurus_train.data.chat import Chat
from eurus_train.data.mismatches import with_mismatches
from eurus_train.data.tokenize import Examples, gather
from eurus_train.data.tree_tokens import LeftOut
from eurus_train.distributed import ranks, sharding
from eurus_train.distributed.checkpoints import clear
from eurus_train.forest import attention
from eurus_train.forest.steps import pack
from eurus_train.kinds import Trained
from eurus_train.learning import lora
from eurus_train.learning.learning import Learning, Learnt
from eurus_train.learning.loss_steps import LossStep
from eurus_train.learning.preparing import prepared
from eurus_train.learning.reference import References, consulted
from eurus_train.learning.saving import write_model
from eurus_train.monitoring import curves
from eurus_train.objectives import Routed, Routes


@dataclass(frozen=True, slots=True)
class _Start:
    """What a training starts from."""

    model: Any
    adapters: Any
    precision: Dtype
    examples: Examples[Any]
    validation: Examples[Any]


class Train(Learning):
    """Learn a policy from preference trees."""

    produces: ClassVar[Artefact] = "model"

    objective: Annotated[Routes, Routed("train")]
    """The training objective. A table of sources and their objectives gives each source its own, and "default" the others."""
    history: Literal["keep", "drop"] = "keep"
    """For objectives on actions: "drop" leaves out the attempts before an action, as the paper does. Tool calls and what was said in a
    chat stay."""
    reference: Model | None = None
    """The reference model, against which rewards are measured; none: the model that training starts from."""
    save_dtype: Dtype = "float32"
    """Precision of the weights in model/."""

    def examples(
        self,
        trees: Iterable[PreferenceTree],
        chat: Chat,
        file: Path | None = None,
        *,
        required: bool = True,
        left_out: LeftOut | None = None,
    ) -> Examples[Any]:
        """Return what the kind of objective selects, with mismatches where the objective uses a baseline."""
        kind, coupled = self.objective.kind, self.objective.uses_baseline
        reading = self.reading(self.history if kind.may_drop_history else "keep")
        alone = file.with_suffix(".alone") if file and coupled else file
        found = gather(kind.select, trees, chat, reading, alone, left_out)
        if required:
            found.need(kind.one)
        if coupled:
            found = with_mismatches(found, file, max_length=reading.max_length, seed=self.data_seed, required=required)
            if alone:
                alone.unlink()
        return found

    def load(self) -> Any:
        model = load_causal_lm(self.model, dtype="float32", device=sharding.place(self.parallel))
        attention.prepare(model, fast_device())
        return model

    def loss_step(self, routes: Routes, references: References | None = None) -> LossStep[Any]:
        return LossStep(routes, self.dtype(), references)

    def run(self, context: Context) -> None:
        tokenizer = self.tokenizer()
        examples, validation = prepared(self, self.chat(tokenizer), context)
        model, adapters = self.begin(context.seed)
        start = _Start(model, adapters, self.dtype(), examples, validation)
        learnt = self._learn(start, context)
        if ranks.is_main():
            self._save(start, learnt, tokenizer, context)
            clear(context.folder)
        ranks.barrier()

    def _save(self, start: _Start, learnt: Learnt, tokenizer: Any, context: Context) -> None:
        """Write the model, adapters merged into it; those alone, too, where there are any."""
        weights = learnt.weights
        if self.lora is not None:
            lora.save(start.adapters, weights, context.folder / "adapter")
            weights = lora.merged(weights, self.lora.scaling)
        dtype = getattr(torch, self.save_dtype)
        from transformers import AutoModelForCausalLM  # most of a second to import, and a recipe is checked without it

        write_model(AutoModelForCausalLM, start.model, weights, tokenizer, context.path("model"), dtype=dtype)

    def _learn(self, start: _Start, context: Context) -> Learnt:
        examples, validation = start.examples, start.validation
        routes = self.routes(examples, validation)
        plan = self.plan(examples)
        references = None
        if routes.uses_reference:
            bins = [*plan.flat(), *pack(validation.trees, self.forest_tokens)]
            source = self.reference or self.model
            forests = self.loss_step(routes).forests
            references = consulted(source, bins, forests, lambda: self._asked(start), start.precision, context)
        loss_step = self.loss_step(routes, references)
        learnt = self.train(context, start.model, loss_step, plan, validation=validation.trees)
        kind = routes.kind
        kind.show(context, Trained(learnt.history, learnt.validation, routes.marks, routes.uses_reference))
        curves.show_left_out(context, examples.left_out)
        context.figure(kind.name, len(examples))
        if learnt.validation:
            kind.show_validation(context, learnt.validation)
        return learnt

    @contextlib.contextmanager
    def _asked(self, start: _Start) -> Iterator[Any]:
        """Give the model that rewards are measured against.

        That may be the policy itself, before its first step and without its adapters, which a resumed run has trained; not
        where its weights are spread over ranks, for those come together in the trainer alone.
        """
        if self.reference is None and not sharding.spreads(self.parallel):
            with lora.switched_off(start.model):
                yield start.model
        else:
            other = self.model_copy(update={"model": self.reference or self.model})
            with sharding.asked(other.load, self.parallel, start.precision) as model:
                yield model
