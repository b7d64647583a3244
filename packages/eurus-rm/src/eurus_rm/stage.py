"""The stage ``train-reward``: a reward model from preference trees, mostly from every pair of siblings."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from eurus_core.models import fast_device
from eurus_core.parts.contracts import Artefact
from eurus_core.records import PreferenceTree
from eurus_core.stages import Context
from eurus_rm.cross_turn import CrossTurn, crossing_too
from eurus_rm.loss_step import RewardLossStep
from eurus_rm.model import RewardModel, reward_model_from
from eurus_train.data.chat import Chat
from eurus_train.data.tokenize import Examples, gather
from eurus_train.data.tree_tokens import LeftOut, Reading
from eurus_train.distributed import ranks, sharding
from eurus_train.distributed.checkpoints import clear
from eurus_train.forest import attention
from eurus_train.forest.layout import Pair
from eurus_train.kinds import Trained
from eurus_train.learning import lora
from eurus_train.learning.learning import Learning
from eurus_train.learning.preparing import prepared
from eurus_train.learning.reference import References
from eurus_train.learning.saving import write_model
from eurus_train.monitoring import curves
from eurus_train.monitoring.trends import LEAST, trend
from eurus_train.objectives import Routed, Routes

log = logging.getLogger(__name__)


class TrainReward(Learning):
    """Learn a reward model from preference trees.

    Its body starts as ``model``, its head at zero; where ``model`` is a reward model already, learning goes on from its head.
    """

    produces: ClassVar[Artefact] = "reward-model"

    objective: Annotated[Routes, Routed("train-reward")]
    """The training objective. A table of sources and their objectives gives each source its own, and "default" the others, as the paper does:
    { UltraInteract = "bt+dr", default = "bt" }."""
    learning_rate: PositiveFloat = 1e-5
    """Learning rate of the body; the paper's is 1e-5."""
    head_learning_rate: PositiveFloat = 1e-3
    """Learning rate of the linear head (ours): at the body's rate a zero head hardly moves in a few dozen steps."""

    mixed_pairs: bool = True
    """Learn also from pairs of which only one side was written from ground truth. From them a model can learn who wrote a side instead
    of which side is right; false leaves such pairs out."""
    cross_turn_pairs: NonNegativeInt = 0
    """How many pairs per tree of a correct action and an incorrect one of another turn, both directly after the instruction. 0: none; the
    paper's is 9 (appendix B)."""
    cross_turn_uses: PositiveInt = 3
    """At most this many of them use the same action; the paper's is 3."""
    cross_turn_grid: PositiveInt = 10
    """Make them only in trees with at most this many combinations of a correct and an incorrect action; the paper's is 10."""

    @model_validator(mode="after")
    def _pairs_alone_cross_turns(self) -> Self:
        kind = self.objective.kind
        if self.cross_turn_pairs and kind.example is not Pair:
            about = {"error": f"makes pairs; this objective learns from {kind.name}", "key": "cross_turn_pairs"}
            raise PydanticCustomError("part", "{error}", about)
        return self

    def examples(
        self,
        trees: Iterable[PreferenceTree],
        chat: Chat,
        file: Path | None = None,
        *,
        required: bool = True,
        left_out: LeftOut | None = None,
    ) -> Examples[Any]:
        """Return what the kind of objective selects; of trees to learn from pairs of different turns, too, where they are asked for."""
        kind = self.objective.kind
        read = crossing_too(self.cross_turn) if self.cross_turn_pairs and required else kind.select
        found = gather(read, trees, chat, self.reading(), file, left_out)
        if required:
            found.need(kind.one)
        return found

    def reading(self, history: Literal["keep", "drop"] = "keep") -> Reading:
        return replace(super().reading(history), mixed=self.mixed_pairs)

    def load(self) -> RewardModel:
        model = reward_model_from(self.model, device=sharding.place(self.parallel))
        attention.prepare(model.classifier, fast_device())
        return model

    def loss_step(self, routes: Routes, references: References | None = None) -> RewardLossStep[Any]:
        return RewardLossStep(routes, self.dtype())

    def run(self, context: Context) -> None:
        tokenizer = self.tokenizer()
        examples, unseen = prepared(self, self.chat(tokenizer), context)
        if self.cross_turn_pairs:
            crossing = sum(p.chosen.turn != p.rejected.turn for pairs in examples.trees for p in pairs)
            context.figure("cross-turn pairs", crossing)
        say_who_wrote(context, examples)
        routes = self.routes(examples, unseen)
        model, _ = self.begin(context.seed)
        plan, groups = self.plan(examples), self.groups(model)
        learnt = self.train(context, model, self.loss_step(routes), plan, groups=groups, validation=unseen.trees)
        kind, history = routes.kind, learnt.history
        context.figure(kind.name, len(examples))
        kind.show(context, Trained(history, learnt.validation, routes.marks))
        curves.show_left_out(context, examples.left_out)
        if learnt.validation:
            kind.show_validation(context, learnt.validation)
        say_what_was_learnt(context, history, routes)
        if ranks.is_main():
            scaling = None if self.lora is None else self.lora.scaling
            save(model, learnt.weights, tokenizer, context, scaling=scaling)
            clear(context.folder)
        ranks.barrier()

    @property
    def cross_turn(self) -> CrossTurn:
        return CrossTurn(self.cross_turn_pairs, self.cross_turn_uses, self.cross_turn_grid)

    def groups(self, model: RewardModel) -> list[dict[str, Any]]:
        """Return the optimizer's groups: the body, then the head with its own learning rate."""
        return [
            {"params": [one for one in model.body.parameters() if one.requires_grad], "lr": self.learning_rate},
            {"params": list(model.head.parameters()), "lr": self.head_learning_rate},
        ]


def say_who_wrote(context: Context, examples: Examples[Any]) -> None:
    """Count the pairs that are told apart by who wrote their sides, and warn where they are most."""
    mixed = sum(isinstance(one, Pair) and one.mixed for found in examples.trees for one in found)
    if not mixed:
        return
    share = mixed / len(examples)
    context.figure("share of mixed pairs", share)
    said = (
        f"In {mixed} of {len(examples)} pairs ({100 * share:.0f} %) one side alone was written from ground truth: a model can rank "
        "them by who wrote them, which says nothing of two samples. mixed_pairs = false learns from the others alone."
    )
    context.note(said)
    if ranks.is_main() and share > 0.5:
        log.warning("%s: %s", context.name, said)


def say_what_was_learnt(context: Context, history: Sequence[Mapping[str, float]], routes: Routes) -> None:
    """Compare the loss at the end with what a reward of 0 everywhere costs, where one number says that for every source."""
    constant = routes.at_start
    if constant is None:
        return
    context.figure("loss where every reward is 0", constant)
    if len(history) < LEAST:
        return
    losses = trend([row["loss"] for row in history])
    low, high = losses.at_end
    verdict = "below" if high < constant else "above" if low > constant else "not known to differ from"
    context.note(
        f"The training loss ended at {losses.end:.3f} [{low:.3f}, {high:.3f}] (mean of the last {len(history) // 5} steps), {verdict} "
        f"the {constant:.3f} that a reward of 0 for everything costs."
    )


def save(
    model: RewardModel, weights: Mapping[str, Tensor], tokenizer: Any, context: Context, *, scaling: float | None
) -> None:
    """Write a classifier that transformers loads as it is, and its tokenizer with the padding that the model expects.

    ``scaling`` is that of the adapters among the weights, which are merged; None where there are none.
    """
    if model.config.pad_token_id is not None:
        tokenizer.pad_token_id = model.config.pad_token_id
    whole = {name.removeprefix("classifier."): weight for name, weight in weights.items()}
    if scaling is not None:
        whole = lora.merged(whole, scaling)
    write_model(AutoModelForSequenceClassification, model, whole, tokenizer, context.path("reward-model"))
