"""Recipes: TOML files whose tables are stages, and the layers laid over them.

Precedence: defaults of the parts < recipe < ``[profile.NAME]`` < ``--set`` < flags. A profile's tables are laid over the
recipe's, key by key; ``--set PATH=VALUE`` makes the value at that path the given one, also where it is a whole table. Four rules
make a recipe short:

* ``"@grow"`` is the work of the earlier stage ``[grow]``, where a setting takes what a stage made; elsewhere it is text;
* ``"$grow.source"`` is the value of another setting, and ``"$$5"`` the text ``$5``;
* ``like = "dpo"`` begins a stage with the settings of another, whatever set them;
* a layer that sets another ``name`` for a part drops the old part's other keys, and says so.
"""

from __future__ import annotations

import difflib
import importlib.resources
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eurus_core.errors import RecipeError, nearest
from eurus_core.parts import installed
from eurus_core.runs.layers import SET, Settings, layers_over, merge
from eurus_core.runs.layers import assignment as assignment
from eurus_core.runs.references import Key as Key
from eurus_core.runs.references import followed, resolve
from eurus_core.runs.toml_lines import line_numbers, line_of

RESERVED = {"title": str, "summary": str, "seed": int, "profile": dict}

STAGE_NAME = re.compile(r"\w[\w +-]{0,59}")
"""A stage's name is its folder's: one that climbs out of the run folder, or is one of the run's own files, must not pass."""

MOST_HOPS = 100


@dataclass(frozen=True)
class Recipe:
    """A recipe with every layer applied: ``stages`` by name, in the order in which they run.

    ``notes`` tell what a layer dropped; :meth:`origin` tells where a key was set.
    """

    name: str
    title: str
    summary: str
    seed: int
    stages: dict[str, Settings]
    notes: tuple[str, ...] = ()
    bare: bool = False
    """One stage from the command line alone, whose settings ``--set`` names without the stage."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Of such a stage: the flags that gave settings, by these."""
    _file: str = ""
    _lines: Mapping[Key, int] = field(default_factory=dict, repr=False)
    _layers: tuple[tuple[str, Settings], ...] = field(default=(), repr=False)
    _written: Settings = field(default_factory=dict, repr=False)

    def origin(self, key: Key) -> str:
        """Return ``demo.toml, line 12`` or ``--set grow.problems`` for the layer that set a key."""
        for label, layer in reversed(self._layers):
            if _has(layer, key):
                return self.flags.get(label.removeprefix(SET), label)
        line = None if self.bare else line_of(dict(self._lines), key)
        return self._file if line is None else f"{self._file}, line {line}"

    def place(self, key: Key, *, to_the_end: bool = True) -> Key:
        """Return where the value was written that stands at ``key``: what is ``like`` another or refers to it is followed there.

        A reference that stands at ``key`` itself is not followed where ``to_the_end`` is false.
        """
        for _ in range(MOST_HOPS):
            there = followed(self._written, key, to_the_end=to_the_end)
            if there is None:
                break
            key = there
        return key

    def where(self, key: Key) -> str:
        """Return origin and path of the place where what stands at ``key`` was written."""
        at = self.place(key, to_the_end=False)
        return f"{self.origin(at)}: {self.path(at)}"

    def path(self, key: Key) -> str:
        """Return a key as ``--set`` takes it."""
        return ".".join(map(str, key[1:] if self.bare else key))


def find(ref: str) -> tuple[str, str]:
    """Return (file name, text) of a recipe: a path to a TOML file, or the name of an offered one."""
    path = Path(ref)
    if path.suffix == ".toml" or path.is_file():
        try:
            return str(path), path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else f"not UTF-8 text ({error.reason})"
            raise RecipeError(f"{path}: cannot be read: {reason}.") from error
    package, _, file = installed().find("recipes", ref).component.target.partition(":")
    return file, importlib.resources.files(package).joinpath(file).read_text(encoding="utf-8")


def load(ref: str, *, profile: str | None = None, sets: Iterable[str] = (), seed: int | None = None) -> Recipe:
    """Return the recipe of that name or path with profile, ``--set`` assignments and seed applied."""
    file, text = find(ref)
    return parse(text, file=file, name=Path(file).stem, profile=profile, sets=sets, seed=seed)


def parse(
    text: str,
    *,
    file: str,
    name: str,
    profile: str | None = None,
    sets: Iterable[str] = (),
    seed: int | None = None,
    bare: bool = False,
    flags: Mapping[str, str] | None = None,
) -> Recipe:
    """Return the recipe in ``text``; RecipeError names file and line of what cannot be used."""
    notes: list[str] = []
    try:
        merged: Settings = tomllib.loads(text)
        layers = layers_over(merged.pop("profile", {}), profile, sets, file, bare)
        if seed is not None:
            layers.append(("--seed", {"seed": seed}))
        for label, layer in layers:
            merged = merge(merged, layer, (), label, notes)
        inherited = _inherit(merged, file)
        draft = Recipe(
            name=name,
            title=name,
            summary="",
            seed=0,
            stages={},
            notes=tuple(notes),
            bare=bare,
            flags=flags or {},
            _file=file,
            _lines=line_numbers(text),
            _layers=tuple(layers),
            _written=merged,
        )
        settings = resolve(inherited, file, draft.where)
    except ValueError as error:  # a TOMLDecodeError, or a number of thousands of digits
        raise RecipeError(f"{file}: not TOML: {error}.") from error
    except RecursionError:
        raise RecipeError(f"{file}: nested too deeply.") from None
    about = {key: settings.pop(key) for key in ("title", "summary", "seed") if key in settings}
    recipe = replace(draft, **about, stages=settings)
    _check(recipe)
    return recipe


def _inherit(settings: Settings, file: str) -> Settings:
    """Lay every stage that is ``like`` another over that one."""

    def whole(name: str, chain: tuple[str, ...]) -> Any:
        stage = settings[name]
        if not isinstance(stage, dict) or "like" not in stage:
            return stage
        model = stage["like"]
        if model in (*chain, name):
            raise RecipeError(f"{file}: {' is like '.join((*chain, name, model))}: that goes round in circles.")
        if not isinstance(model, str) or not isinstance(settings.get(model), dict):
            meant = nearest(str(model), [other for other in settings if other != name])
            raise RecipeError(
                f"{file}: {name} is like {model!r}, which is no stage." + (f" Did you mean {meant!r}?" if meant else "")
            )
        own = {key: value for key, value in stage.items() if key != "like"}
        return merge(whole(model, (*chain, name)), own, (name,), file, [])

    return {name: whole(name, ()) for name in settings}


def _check(recipe: Recipe) -> None:
    for key, kind in RESERVED.items():
        value = getattr(recipe, key, None)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise RecipeError(f"{recipe.origin((key,))}: {key} is {value!r}; it must be {kind.__name__}.")
    if not recipe.stages:
        raise RecipeError(
            f"{recipe.origin(())}: no stage. A stage is a table with a key 'stage', such as stage = \"grow\"."
        )
    for name, settings in recipe.stages.items():
        if not isinstance(settings, dict) or not isinstance(settings.get("stage"), str):
            raise RecipeError(f"{recipe.origin((name,))}: {_no_stage(recipe, name)}")
        if not STAGE_NAME.fullmatch(name):
            raise RecipeError(
                f"{recipe.origin((name,))}: {name!r:.80} cannot be a stage's name, for it names a folder: "
                "letters, digits, '_', '-', '+' and spaces, 60 at most."
            )


def _no_stage(recipe: Recipe, name: str) -> str:
    """Say what is wrong with a table that is no stage, and what was meant."""
    stages = [one for one, held in recipe.stages.items() if isinstance(held, dict) and "stage" in held]
    typed = recipe.origin((name,)).removeprefix(SET).split(".")
    if len(typed) > 1 and typed[0] == name and stages:
        if meant := difflib.get_close_matches(name, stages, n=1, cutoff=0.6):
            return f"no stage named {name!r}. Did you mean {'.'.join((meant[0], *typed[1:]))!r}?"
        return f"no stage named {name!r}. It has: {', '.join(stages)}."
    close = difflib.get_close_matches(name, [one for one in RESERVED if one != name], n=1, cutoff=0.75)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    if stages:
        hint += f" What a stage is to be given begins with its name, as in {stages[0]}.{name}."
    return f"{name!r} is not a stage: it needs a key 'stage', such as stage = \"grow\".{hint}"


def _has(layer: Any, key: Key) -> bool:
    for part in key:
        if isinstance(layer, dict) and str(part) in layer:
            layer = layer[str(part)]
        elif isinstance(layer, list) and isinstance(part, int) and part < len(layer):
            layer = layer[part]
        else:
            return not isinstance(layer, dict | list)
    return True
