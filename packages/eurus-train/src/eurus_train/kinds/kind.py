"""What a kind of objective says: the one class that a new kind subclasses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from torch import Tensor

from eurus_core.records import PreferenceTree
from eurus_core.stages import Context
from eurus_train.data.examples import Selection
from eurus_train.data.tree_tokens import LeftOut, Reading
from eurus_train.forest.layout import E, Example, Group
from eurus_train.kinds.batch import Batch
from eurus_train.kinds.trial import made_up, trial
from eurus_train.monitoring import curves
from eurus_train.monitoring.metrics import Tally


@dataclass(frozen=True, slots=True)
class Trained:
    """What there is to report of a training: every step's measurements, and what held-out examples measure at its end.

    ``marks`` are the objectives' own, ``compared`` says whether rewards are measured against a reference.
    """

    history: Sequence[Mapping[str, float]]
    validation: Tally | None = None
    marks: Mapping[str, float] | None = None
    compared: bool = False


class Kind(ABC, Generic[E]):
    """What objectives of one kind learn from, and what is told of it. It holds no state."""

    name: ClassVar[str]
    """Several examples: ``pairs``. Reports and messages say so."""
    one: ClassVar[str]
    """An example, in the words that tell what to look for where none was found."""
    example: ClassVar[type[Example]] = Group
    """The class of the examples that :meth:`select` makes."""
    quantities: ClassVar[tuple[str, ...]] = ()
    """What of :meth:`tally` a person follows: it is plotted, shown while training, and measured on held-out examples."""
    may_drop_history: ClassVar[bool] = False
    """Whether the setting ``history`` applies, which leaves out the attempts before an action."""

    stage: ClassVar[str] = "train"
    """The stage that these objectives are for."""
    command: ClassVar[str] = "eurus train run"
    """Its command."""
    learns: ClassVar[str] = "a policy"
    """What it makes."""

    @abstractmethod
    def select(self, tree: PreferenceTree, reading: Reading, left_out: LeftOut) -> Selection[E]:
        """Return the actions of a tree that have to be tokenised, and what makes examples of their branches.

        ``reading`` holds what the stage's settings admit (:func:`eurus_core.records.pairs.pairable` applies ``untrusted`` and
        ``opinions``). What is not learnt from is counted in ``left_out`` with its reason. InputError for a tree that cannot be used.
        """

    @abstractmethod
    def given(self, batch: Batch[E]) -> tuple[Any, ...]:
        """Return the arguments of the objective's ``loss``, which returns one loss an item, those of the first example first."""

    def items(self, example: E) -> int:
        """Return how many losses the example has; a step's loss is a mean over items."""
        return 1

    def rewards(self, objective: Any, *given: Any) -> Tensor | None:
        """Return what the objective credits the action at each place of a batch with, (P,); None: it knows no rewards."""
        return None

    def tally(self, tally: Tally, batch: Batch[E], rewards: Tensor | None) -> None:
        """Count what is to be known of a forest's examples, beside their loss. ``rewards`` are those of all objectives; nothing has gradients."""

    def show(self, context: Context, trained: Trained) -> None:
        """Plot a training: its loss, and each of the ``quantities``."""
        curves.show_loss(context, trained.history)
        for name in self.quantities:
            curves.show_quantity(context, trained.history, name)

    def show_validation(self, context: Context, validation: Tally) -> None:
        """Show what held-out examples measure: the loss, and each of the ``quantities``."""
        means = validation.means()
        for name in ("loss", *self.quantities):
            if name in means:
                context.figure(f"held-out {name}", means[name])

    def trial(self, trees: Iterable[PreferenceTree] | None = None, *, seed: int = 0) -> Batch[E]:
        """Return examples of trees with made-up numbers of a model and its reference, to try an objective on.

        Without trees it makes some up: two turns, of four and of three scored siblings.
        """
        return trial(self.select, made_up() if trees is None else trees, seed)

    def counts(self, objective: Any, batch: Batch[E]) -> dict[str, float]:
        """Return the means of what :meth:`tally` counts where all examples meet one objective, to try a kind on."""
        found = Tally()
        self.tally(found, batch, self.rewards(objective, *self.given(batch)))
        return found.means()
