"""The stage ``train``: a policy from preference trees, under any objective on actions or pairs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from transformers import AutoModelForCausalLM

from eurus_core.models import Dtype, fast_device, load_causal_lm
from eurus_core.parts.choice import Model
from eurus_core.parts.contracts import Artefact
from eurus_core.records import PreferenceTree
from eurus_core.stages import Context
from eurus_train.data.chat import Chat
from eurus_train.data.examples import correct_actions, groups, preferences
from eurus_train.data.mismatches import with_mismatches
from eurus_train.data.tokenize import Examples, Read, gather
from eurus_train.data.tree_tokens import LeftOut
from eurus_train.distributed import ranks, sharding
from eurus_train.distributed.checkpoints import clear
from eurus_train.forest import attention
from eurus_train.forest.steps import pack
from eurus_train.learning import lora
from eurus_train.learning.learning import A_PAIR, Learning, Learnt
from eurus_train.learning.loss_steps import ActionLesson, GroupLesson, Lesson, PairLesson
from eurus_train.learning.preparing import prepared
from eurus_train.learning.reference import References, consulted
from eurus_train.learning.saving import write_model
from eurus_train.monitoring import curves
from eurus_train.objectives import ActionObjective, GroupObjective, Objective, PolicyObjective, Routed, Routes

LEARNT: Mapping[type[Objective], tuple[Read[Any], str]] = {
    ActionObjective: (correct_actions, "correct action"),
    PolicyObjective: (preferences, A_PAIR),
    GroupObjective: (groups, "group of siblings with different scores"),
}
"""What each kind of objective learns from a tree, and how one of them is called."""


@dataclass(frozen=True, slots=True)
class _Start:
    """What both kinds of training start from."""

    model: Any
    adapters: Any
    precision: Dtype
    examples: Examples[Any]
    heldout: Examples[Any]


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
        """Return actions, pairs or groups, as the objective asks; pairs with their mismatches where it uses a baseline."""
        kind, coupled = self.objective.kind, self.objective.uses_baseline
        read, what = LEARNT[kind]
        reading = self.reading(self.history if kind is ActionObjective else "keep")
        alone = file.with_suffix(".alone") if file and coupled else file
        found = gather(read, trees, chat, reading, alone, left_out)
        if required:
            found.need(what)
        if coupled:
            found = with_mismatches(found, file, max_length=reading.max_length, seed=self.data_seed, required=required)
            if alone:
                alone.unlink()
        return found

    def load(self) -> Any:
        model = load_causal_lm(self.model, dtype="float32", device=sharding.place(self.parallel))
        attention.prepare(model, fast_device())
        return model

    def lesson(self, routes: Routes, references: References | None = None) -> Lesson[Any]:
        precision = self.dtype()
        if routes.kind is ActionObjective:
            return ActionLesson(routes, precision)
        return (GroupLesson if routes.kind is GroupObjective else PairLesson)(routes, precision, references)

    def run(self, context: Context) -> None:
        tokenizer = self.tokenizer()
        examples, heldout = prepared(self, self.chat(tokenizer), context)
        model, adapters = self.begin(context.seed)
        start = _Start(model, adapters, self.dtype(), examples, heldout)
        learn = self._learn_actions if self.objective.kind is ActionObjective else self._learn_preferences
        learnt = learn(start, context)
        if ranks.first():
            self._save(start, learnt, tokenizer, context)
            clear(context.folder)
        ranks.wait()

    def _save(self, start: _Start, learnt: Learnt, tokenizer: Any, context: Context) -> None:
        """Write the model, adapters merged into it; those alone, too, where there are any."""
        weights = learnt.weights
        if self.lora is not None:
            lora.save(start.adapters, weights, context.folder / "adapter")
            weights = lora.merged(weights, self.lora.scaling)
        dtype = getattr(torch, self.save_dtype)
        write_model(AutoModelForCausalLM, start.model, weights, tokenizer, context.path("model"), dtype=dtype)

    def _learn_actions(self, start: _Start, context: Context) -> Learnt:
        examples, heldout = start.examples, start.heldout
        lesson = self.lesson(self.routes(examples, heldout))
        plan = self.plan(examples)
        learnt = self.train(context, start.model, lesson, plan, unit="branches", heldout=heldout.trees)
        curves.show_loss(context, learnt.history)
        curves.show_left_out(context, examples.left_out)
        context.figure("actions", len(examples))
        if learnt.heldout:
            context.figure("held-out loss", learnt.heldout.means()["loss"])
        return learnt

    def _learn_preferences(self, start: _Start, context: Context) -> Learnt:
        examples, heldout = start.examples, start.heldout
        routes = self.routes(examples, heldout)
        plan = self.plan(examples)
        references = None
        if routes.uses_reference:
            bins = [*plan.flat(), *pack(heldout.trees, self.forest_tokens)]
            source = self.reference or self.model
            forests = self.lesson(routes).forests
            references = consulted(source, bins, forests, lambda: self._asked(start), start.precision, context)
        lesson = self.lesson(routes, references)
        unit = "groups" if routes.kind is GroupObjective else "pairs"
        learnt = self.train(context, start.model, lesson, plan, unit=unit, heldout=heldout.trees)
        curves.show_rewards(context, learnt.history, marks=routes.marks)
        context.define(curves.POLICY_TERMS)
        curves.show_loss(context, learnt.history)
        if routes.uses_reference:
            curves.show_absolute(context, learnt.history, learnt.heldout)
        curves.show_left_out(context, examples.left_out)
        context.figure(unit, len(examples))
        if learnt.heldout:
            curves.show_heldout(context, learnt.heldout.means(), learnt.heldout.count)
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
