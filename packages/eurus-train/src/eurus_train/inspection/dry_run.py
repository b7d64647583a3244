"""A learning stage before anything has run: its trees from their sources, its tokenizer from the model it begins with.

Trees of a stage ``import`` are read from their rows; a model that an earlier stage will make reads as the one that stage starts
from does. What must be grown or generated first has to be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

from eurus_core.errors import InputError, RecipeError
from eurus_core.files.rows import OnBad
from eurus_core.formats import open_trees
from eurus_core.formats.stage import Import
from eurus_core.records import PreferenceTree
from eurus_core.records.seeds import derive
from eurus_core.runs import Plan, Step
from eurus_train.data.tree_tokens import LeftOut
from eurus_train.learning.learning import Learning


@dataclass(frozen=True)
class DryRun:
    """One learning stage, ready to be looked at."""

    name: str
    stage: Learning
    trees: list[PreferenceTree]
    of: int
    """Trees that there are; ``trees`` may be a sample."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """Rows among them that cannot be used."""

    @property
    def share(self) -> float:
        return len(self.trees) / self.of


def dry_run(planned: Plan, stage: str | None = None, sample: int | None = None) -> Iterator[DryRun]:
    """Yield the learning stages of a plan, or the one of that name, each with its trees or ``sample`` of them.

    RecipeError where there is none; InputError where its trees are not there yet.
    """
    steps = [step for step in planned.steps if isinstance(step.stage, Learning) and stage in (None, step.name)]
    if not steps:
        raise RecipeError(
            f"{planned.recipe.name}: no learning stage"
            + (f" named {stage!r}." if stage else ". It grows or evaluates only.")
        )
    made = {str(planned.folder / step.name): step for step in planned.steps}
    for step in steps:
        if not isinstance(step.stage, Learning):
            continue
        left_out = LeftOut()
        on_bad = step.stage.on_bad(left_out)
        trees = (tree for path in step.stage.trees for tree in _trees(path, made, planned, on_bad))
        chosen, count = _drawn(trees, sample, step.stage.data_seed)
        if not chosen:
            found = f"{step.name}: its sources hold no trees" + (f" ({left_out})" if left_out else "")
            raise InputError(found, needed="Give rows or trees to learn from.")
        yield DryRun(step.name, _with_model(step.stage, made), chosen, count, left_out)


def _drawn(trees: Iterable[PreferenceTree], sample: int | None, seed: int) -> tuple[list[PreferenceTree], int]:
    """Return a sample of trees in their order, and how many there are; what is not drawn is not held."""
    rng = Random(seed)  # noqa: S311 - no secret
    kept: list[tuple[int, PreferenceTree]] = []
    count = 0
    for count, tree in enumerate(trees, 1):
        if sample is None or len(kept) < sample:
            kept.append((count, tree))
        elif (place := rng.randrange(count)) < sample:  # each of the count trees is there with the same probability
            kept[place] = (count, tree)
    return [tree for _, tree in sorted(kept, key=itemgetter(0))], count


def _trees(path: str, made: dict[str, Step], planned: Plan, on_bad: OnBad) -> Iterator[PreferenceTree]:
    step = made.get(str(Path(path).parent))
    if Path(path).exists() or step is None:
        yield from open_trees(path, on_bad)
    elif isinstance(step.stage, Import):
        yield from step.stage.read(derive(planned.recipe.seed, step.name))
    else:
        raise InputError(
            f"the trees of {step.name} are not there yet",
            needed="Run the recipe up to that stage first, or give its trees by --set.",
            file=path,
        )


def _with_model(stage: Learning, made: dict[str, Step]) -> Learning:
    """Return the stage with a model that is there: one to be trained first reads as the one its training starts from."""
    while not Path(stage.model).exists() and (maker := made.get(str(Path(stage.model).parent))) is not None:
        first: Any = maker.stage
        if not isinstance(first, Learning):
            break
        template = stage.chat_template or first.chat_template
        stage = stage.model_copy(update={"model": first.model, "chat_template": template})
    return stage
