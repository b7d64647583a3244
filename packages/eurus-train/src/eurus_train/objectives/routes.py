"""Which source is learnt by which objective, and how much it weighs.

The source of an example is that of its tree, see :func:`eurus_train.data.tree_tokens.source`: rows of UltraInteract carry a label,
whichever of its data sets they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PositiveFloat, Strict, ValidationInfo
from pydantic_core import PydanticCustomError

from eurus_core.errors import InputError, nearest
from eurus_core.parts.choice import Choice
from eurus_train.kinds.kind import Kind
from eurus_train.objectives.base import Objective

if TYPE_CHECKING:
    from eurus_train.data.tokenize import SourceCount

Weight = Annotated[PositiveFloat, Strict()]
"""A finite number above 0; a truth value is none."""

DEFAULT = "default"
"""The key of a table of objectives that stands for every source without one."""


class Routes(BaseModel):
    """An objective for each source. All are of one kind: a step is a mean over items of one kind."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    by_source: dict[str, Objective] = {}
    default: Objective | None = None
    """For every source without one of its own; None refuses those."""
    weights: dict[str, Weight] = {}
    """What an item of a source counts for; 1 where nothing is said."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Each objective once, the default last."""
        found = [*self.by_source.values(), *([self.default] if self.default else [])]
        return tuple(objective for place, objective in enumerate(found) if objective not in found[:place])

    @property
    def kind(self) -> Kind[Any]:
        """What all of them learn from."""
        return self.objectives[0].kind()

    @property
    def uses_reference(self) -> bool:
        return any(objective.uses_reference for objective in self.objectives)

    @property
    def uses_baseline(self) -> bool:
        return any(objective.uses_baseline for objective in self.objectives)

    @property
    def marks(self) -> dict[str, float]:
        """Rewards worth a line in plots, of all objectives."""
        return {label: reward for objective in self.objectives for label, reward in objective.marks.items()}

    @property
    def at_start(self) -> float | None:
        """The loss of an item before the first step, where all objectives agree on it."""
        stated = {objective.at_start for objective in self.objectives}
        return stated.pop() if len(stated) == 1 else None

    def of(self, source: str) -> Objective:
        """Return a source's objective; InputError where there is none."""
        found = self.by_source.get(source, self.default)
        if found is None:
            raise InputError(
                f"no objective for the source {source!r}", needed=f"There are: {', '.join(self.by_source)}."
            )
        return found

    def weight(self, source: str) -> float:
        return self.weights.get(source, 1.0)

    def weighted(self, weights: Mapping[str, float]) -> Routes:
        """Return the same objectives with these weights of the sources."""
        return self.model_copy(update={"weights": dict(weights)})

    def shared_out(self, sources: Sequence[str]) -> Iterator[tuple[Objective, list[int]]]:
        """Yield each objective that any of the examples has, and their places, given the source of each."""
        places: dict[str, list[int]] = {}
        for place, source in enumerate(sources):
            places.setdefault(source, []).append(place)
        merged: list[tuple[Objective, list[int]]] = []
        for source, mine in places.items():
            objective = self.of(source)
            known = next((theirs for other, theirs in merged if other is objective), None)
            if known is None:
                merged.append((objective, mine))
            else:
                known.extend(mine)
        yield from merged

    def check(self, sources: Mapping[str, SourceCount]) -> None:
        """Compare with the sources that there are, before anything is computed.

        InputError for a source without an objective, and for a name in ``objective`` or ``source_weights`` that nothing has:
        it is misspelt, or belongs to other data.
        """
        total = sum(found.trees for found in sources.values())
        for source, found in sources.items():
            if self.default is None and source not in self.by_source:
                raise InputError(
                    f"the source {source!r} has no objective ({found.trees} of {total} trees, the first: {found.first!r})",
                    needed=f'"objective" names {_listed(self.by_source)}: add {source!r}, or "{DEFAULT}" for the others.',
                )
        for setting, named in (("objective", self.by_source), ("source_weights", self.weights)):
            for source in named:
                if source not in sources:
                    largest = sorted(sources, key=lambda one: -sources[one].trees)[:8]
                    known = ", ".join(f"{one!r} ({sources[one].trees} trees)" for one in largest)
                    meant = nearest(source, sources)
                    hint = f"Did you mean {meant!r}? " if meant else ""
                    raise InputError(
                        f'"{setting}" names the source {source!r}, which nothing comes from',
                        needed=f"{hint}The sources are {known}.",
                    )


def Routed(stage: str) -> BeforeValidator:  # noqa: N802 - reads as a type in annotations
    """Return a validator that turns an objective, or a table of sources and their objectives, into :class:`Routes`.

    ``stage`` is the stage that the field belongs to; objectives of another are refused with the right one.
    """
    choose = Choice("objectives").func

    def route(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, Mapping) and "name" not in value:
            if not value:
                raise PydanticCustomError("part", "an empty table: name a source and its objective")
            chosen = {str(source): choose(one, info) for source, one in value.items()}  # type: ignore[call-arg]
        else:
            chosen = {DEFAULT: choose(value, info)}  # type: ignore[call-arg]
        if not all(isinstance(objective, Objective) for objective in chosen.values()):
            return value
        for objective in chosen.values():
            name = type(objective).__name__
            if not hasattr(objective, "kind"):
                raise PydanticCustomError("part", "{name} names no kind, such as kind = Pairs", {"name": name})
            kind = objective.kind
            if kind.stage != stage:
                about = {"name": name, "learns": kind.learns, "stage": kind.stage, "command": kind.command}
                raise PydanticCustomError("part", "{name} learns {learns}: use the stage {stage} ({command})", about)
        kinds = {objective.kind: type(objective).__name__ for objective in chosen.values()}
        if len(kinds) > 1:
            found = ", ".join(f"{name} from {kind.name}" for kind, name in kinds.items())
            raise PydanticCustomError(
                "part",
                "the objectives of one stage learn from the same kind of examples; found: {found}",
                {"found": found},
            )
        default = chosen.pop(DEFAULT, None)
        return Routes(by_source=chosen, default=default)

    what = "objective, see: eurus parts objectives; or a table of sources and theirs"
    route.kind = "objectives"  # type: ignore[attr-defined] # where a setting is looked for that the stage has not
    route.words = what  # type: ignore[attr-defined] # shown by eurus parts
    return BeforeValidator(route)


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, names)) or "none"
