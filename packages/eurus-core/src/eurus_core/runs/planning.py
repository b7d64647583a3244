"""From a recipe to a plan: every stage validated, its inputs resolved, its fingerprint known, before anything runs."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from eurus_core.errors import RecipeError, UserError, nearest
from eurus_core.files.row_files import RowFiles, row_files
from eurus_core.models.sources import check_source
from eurus_core.parts import Offer, installed
from eurus_core.parts.choice import names
from eurus_core.parts.component import bare
from eurus_core.parts.contracts import Artefact, Stage
from eurus_core.records.tree_set import MANIFEST, TreeSet
from eurus_core.runs.layers import SET
from eurus_core.runs.recipes import Key, Recipe
from eurus_core.stages import PLACES

ACCEPTS: dict[Artefact, tuple[Artefact, ...]] = {"model": ("model", "reward-model")}
"""Where an input may also be an artefact of another kind; each accepts its own."""

HASHED_WHOLE_BYTES = 1 << 26
"""A larger input file is identified by size and time of change instead: hashing 15 GB of weights takes a minute."""


@dataclass(frozen=True)
class Step:
    """One stage, ready to run. ``fingerprint`` names its settings, seed, inputs and the versions of what it uses."""

    name: str
    offer: Offer
    stage: Stage
    settings: dict[str, Any]
    inputs: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()
    """What was chosen of what it is to read, where there was a choice."""

    @property
    def kind(self) -> str:
        return self.offer.component.name


@dataclass(frozen=True)
class Plan:
    """The steps of a recipe in their order. ``alone`` names those to carry out where that is not all of them."""

    recipe: Recipe
    folder: Path
    steps: tuple[Step, ...]
    alone: tuple[str, ...] = ()

    @property
    def to_do(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if not self.alone or step.name in self.alone)

    def only(self, kind: str, name: str | None = None) -> Plan:
        """Return the plan with its stages of one kind (by its full name) alone to carry out, or the one of that name.

        RecipeError where there is none, and where it reads what another stage has not made in the run folder.
        """
        fitting = [step for step in self.steps if step.offer.full_name == kind and name in (None, step.name)]
        if not fitting:
            have = ", ".join(f"{step.name} ({step.kind})" for step in self.steps)
            what = f"no stage of kind {bare(kind)!r}" + (f" named {name!r}" if name else "")
            raise RecipeError(f"{self.recipe.origin(())}: {what}. It has: {have}.")
        alone = tuple(step.name for step in fitting)
        for step in fitting:
            for used in step.inputs:
                if used not in alone and not (self.folder / used).is_dir():
                    raise RecipeError(
                        f"{self.recipe.origin((step.name,))}: {step.name} reads what {used} makes, and {self.folder / used} is "
                        f"not there. Run the whole recipe first: eurus run {self.recipe.name} --out {self.folder}"
                    )
        return replace(self, alone=alone)


class _Inputs:
    """pydantic's validation context: resolves ``@stage`` and remembers what one stage uses."""

    def __init__(self, folder: Path, earlier: dict[str, Step], later: set[str], everywhere: Mapping[str, Any]):
        self._folder, self._earlier, self._later, self._everywhere = folder, earlier, later, everywhere
        self.given: dict[str, Any] = {}
        self.stages: list[str] = []
        self.parts: list[Offer] = []
        self.paths: list[Path] = []
        self.rows: set[Path] = set()
        self.notes: list[str] = []

    def resolve(self, kind: Artefact, value: str) -> str:
        if not value.startswith("@"):
            path = Path(value).expanduser()
            if kind == "trees":
                self.read(path)
            elif kind in ("model", "reward-model"):
                check_source(value)
                self.paths += [path] if (path / "config.json").exists() else []
            elif path.exists():
                self.paths.append(path)
            return value
        name = value[1:]
        if name not in self._earlier:
            if name in self._later:
                raise UserError(f"{value} runs later; a stage can only use earlier ones")
            meant = nearest(name, self._earlier)
            hint = f"did you mean '@{meant}'?" if meant else f"a path that begins with '@' is written './{value}'"
            raise UserError(f"no stage named {name!r} ({hint})")
        made = self._earlier[name].stage.produces
        if made != kind and made not in ACCEPTS.get(kind, ()):
            raise UserError(f"{value} makes {made}; needed is {kind}")
        if name not in self.stages:
            self.stages.append(name)
        return str(self._folder / name / PLACES[made])

    def completed(self, cls: type[Any], settings: dict[str, Any]) -> dict[str, Any]:
        given = {key: value for key, value in self._everywhere.items() if key in cls.model_fields}
        self.given |= given
        return settings | given

    def read(self, rows: Path) -> None:
        if (rows / MANIFEST).is_file():
            TreeSet.open(rows)
            found = RowFiles((rows,))
        else:
            found = row_files(rows)
        self.rows.add(rows.expanduser())
        self.paths += dict.fromkeys((*found.files, *itertools.chain.from_iterable(found.splits.values())))
        if found.note and found.note not in self.notes:
            self.notes.append(found.note)

    def used(self, offer: Offer) -> None:
        self.parts.append(offer)


def plan(recipe: Recipe, folder: Path, everywhere: Mapping[str, Any] | None = None) -> Plan:
    """Return the plan of a recipe whose run folder is ``folder``; RecipeError names file, line and the nearest right key.

    ``everywhere`` are settings for all parts that have them, whatever the recipe says.
    """
    earlier: dict[str, Step] = {}
    for name, settings in recipe.stages.items():
        later = set(recipe.stages) - set(earlier)
        earlier[name] = _step(recipe, name, dict(settings), _Inputs(folder, earlier, later, everywhere or {}), earlier)
    return Plan(recipe, folder, tuple(earlier.values()))


def _step(recipe: Recipe, name: str, settings: dict[str, Any], inputs: _Inputs, earlier: dict[str, Step]) -> Step:
    kind = settings.pop("stage")
    try:
        offer = installed().find("stages", kind)
        cls = offer.load()
    except UserError as error:
        raise RecipeError(f"{recipe.origin((name, 'stage'))}: {error}") from error
    inputs.used(offer)
    try:
        stage = cls.model_validate(inputs.completed(cls, settings), context=inputs)
    except ValidationError as error:
        raise RecipeError("\n".join(_explain(recipe, name, cls, error))) from None
    for key, path in (named := [one for one in files(stage) if one[1] not in inputs.rows]):
        if not path.exists():
            at = recipe.place((name, *key))
            raise RecipeError(f"{recipe.origin(at)}: {recipe.path(at)}: no such file or folder: {path}")
    mark = _fingerprint(
        {
            "stage": offer.full_name,
            "settings": settings,
            "seed": recipe.seed,
            "parts": sorted({f"{used.full_name}=={used.version}" for used in inputs.parts}),
            "inputs": [earlier[used].fingerprint for used in inputs.stages],
            **({"everywhere": inputs.given} if inputs.given else {}),
            "files": {str(path): _content(path) for path in (*inputs.paths, *(path for _, path in named))},
        }
    )
    return Step(name, offer, stage, settings, tuple(inputs.stages), mark, tuple(inputs.notes))


def _explain(recipe: Recipe, stage: str, cls: type[BaseModel], error: ValidationError) -> Iterator[str]:
    """Yield one line a mistake: place, key, what was found, what is needed."""
    mistakes = error.errors(include_url=False)
    inside = {mistake["loc"][:end] for mistake in mistakes for end in range(len(mistake["loc"]))}
    for mistake in mistakes:
        loc = tuple(part for part in mistake["loc"])
        if mistake["type"] == "too_short" and loc in inside:
            continue  # pydantic counts only the elements that passed
        about = mistake.get("ctx", {})
        key = about.get("key")
        path = recipe.place((stage, *loc, key) if key else (stage, *loc))
        origin, message = recipe.origin(path), mistake["msg"]
        if mistake["type"] not in ("part", "input", "unknown_setting", "no_number", "missing"):
            message = f"{message}; found {mistake['input']!r:.80}"
        if mistake["type"] == "missing":
            message = f"is needed and missing; {'' if recipe.bare else 'write it there, or '}give --set {recipe.path(path)}=..."
        typed = origin.removeprefix(SET).split(".") if origin.startswith(SET) else []
        rest = typed[len(path) - recipe.bare :]
        if recipe.bare and not loc and rest and rest[0] in names(cls):
            message = (
                f"no such setting. Did you mean {'.'.join(rest)!r}?"  # typed with the stage's name, as of a recipe
            )
        elif about.get("meant"):
            message = f"no such setting. Did you mean {'.'.join((recipe.path((*path[:-1], about['meant'])), *rest))!r}?"
        yield f"{origin}: {recipe.path(path)}: {message}"


def files(part: BaseModel, at: Key = ()) -> Iterator[tuple[Key, Path]]:
    """Yield every file or folder that a part's Path settings name, nested parts included, with the key that names it."""
    for name, field in type(part).model_fields.items():
        yield from _paths(getattr(part, name), (*at, field.alias or name))


def _paths(value: object, at: Key) -> Iterator[tuple[Key, Path]]:
    if isinstance(value, BaseModel):
        yield from files(value, at)
    elif isinstance(value, Path):
        yield at, value.expanduser()
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, (*at, key))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _paths(item, (*at, index))


def _content(path: Path) -> str:
    """Return a digest of a file or of all files below a folder."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if not file.is_file():
            continue
        state = file.stat()
        digest.update(f"{file.relative_to(path)}\0{state.st_size}\0".encode())
        if state.st_size > HASHED_WHOLE_BYTES:
            digest.update(str(state.st_mtime_ns).encode())
        else:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _fingerprint(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
