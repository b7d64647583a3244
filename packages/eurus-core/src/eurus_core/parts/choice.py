"""Fields of parts that name other parts, or the work of earlier stages.

``Annotated[Source, Choice("sources")]`` takes ``{name = "gsm8k", path = "..."}`` (or the bare name) and becomes the part;
``Annotated[str, Needs("trees")]`` takes a path or ``"@grow"`` and becomes a path. Both work while pydantic validates, so that
an error carries the whole path of the key.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.resources
import itertools
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from eurus_core.errors import UserError
from eurus_core.parts import Offer, installed
from eurus_core.parts.component import KINDS

if TYPE_CHECKING:
    from eurus_core.stages import Artefact


class Resolver(Protocol):
    """Turns inputs into paths while a recipe is validated; passed as pydantic's validation context."""

    def resolve(self, kind: Artefact, value: str) -> str:
        """Return the path of an input; UserError where no earlier stage makes it."""

    def completed(self, cls: type[Any], settings: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of a part of that class with those that the command line gives every part that has them."""

    def read(self, rows: Path) -> None:
        """Remember rows that are to be read: what is in their files belongs to the fingerprint. UserError where none are there."""

    def used(self, offer: Offer) -> None:
        """Remember that a part is used: its version belongs to the stage's fingerprint."""


def Choice(kind: str) -> BeforeValidator:  # noqa: N802 - reads as a type in annotations
    """Return a validator that turns a name and settings into the part of that kind."""

    def choose(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, Mapping):
            return value
        settings = dict(value)
        name = settings.pop("name", None)
        if not isinstance(name, str):
            raise PydanticCustomError("part", "needs a name (eurus parts {parts} lists all)", {"parts": kind})
        try:
            offer = installed().find(kind, name)
            cls = offer.load()
        except UserError as error:
            raise PydanticCustomError("part", "{error}", {"error": str(error), "key": "name"}) from error
        resolver: Resolver | None = info.context
        if resolver is not None:
            resolver.used(offer)
            settings = resolver.completed(cls, settings)
        return cls.model_validate(settings, context=resolver)

    choose.kind = kind  # type: ignore[attr-defined] # where a setting is looked for that is not here
    choose.words = f"{KINDS[kind]}, see: eurus parts {kind}"  # type: ignore[attr-defined] # shown by eurus parts
    return BeforeValidator(choose)


def names(table: type[Any]) -> list[str]:
    """Return the keys that a part or another table of settings may have."""
    if dataclasses.is_dataclass(table):
        return [field.name for field in dataclasses.fields(table)]
    return [field.alias or name for name, field in table.model_fields.items()]


def inside(cls: type[BaseModel], settings: Mapping[str, Any]) -> Iterator[tuple[str, type[Any]]]:
    """Yield path and class of the parts and tables that a part's settings hold one level down, those by default included."""
    for name, field in cls.model_fields.items():
        key = field.alias or name
        found = list(_named(field.annotation, field.metadata))
        kinds = [one for one in found if isinstance(one, str)]
        value = settings.get(key, field.default)
        if not kinds:
            yield from ((key, one) for one in found if not isinstance(one, str))
        elif isinstance(value, Mapping) and "name" not in value:  # a table of parts, such as objectives by source
            yield from (found for one in value for found in _part(f"{key}.{one}", kinds[0], value[one]))
        else:
            yield from _part(key, kinds[0], value)


def _named(annotation: Any, metadata: Iterable[Any] = ()) -> Iterator[str | type[Any]]:
    """Yield the kinds of part that an annotation's validators choose from, and the tables that it allows."""
    yield from (mark.func.kind for mark in metadata if hasattr(getattr(mark, "func", None), "kind"))
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _named(get_args(annotation)[0], get_args(annotation)[1:])
    elif get_origin(annotation) in (Union, types.UnionType):
        yield from itertools.chain.from_iterable(map(_named, get_args(annotation)))


def _part(path: str, kind: str, value: Any) -> Iterator[tuple[str, type[Any]]]:
    name = value.get("name") if isinstance(value, Mapping) else value
    with contextlib.suppress(UserError):  # a part that cannot be loaded is told elsewhere
        if isinstance(name, str):
            yield path, installed().find(kind, name).load()


def Needs(kind: Artefact) -> BeforeValidator:  # noqa: N802 - reads as a type in annotations
    """Return a validator that turns ``"@stage"`` or a path into a path, through the validation context's resolver."""

    def need(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, Path):
            value = str(value)
        if not isinstance(value, str):
            return value
        resolver: Resolver | None = info.context
        if resolver is None:
            if value.startswith("@"):
                raise PydanticCustomError("input", "{value} names a stage, which only a recipe has", {"value": value})
            return value
        try:
            return resolver.resolve(kind, value)
        except UserError as error:
            raise PydanticCustomError("input", "{error}", {"error": str(error)}) from error

    need.words = f'{kind}: path or "@stage"'  # type: ignore[attr-defined] # shown by eurus parts
    return BeforeValidator(need)


def _shipped(value: Any) -> Any:
    """Turn ``package:file`` into the path of a file inside an installed package; a path stays as it is."""
    package, colon, file = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not colon or not package.isidentifier() or Path(value).exists():
        return Path(value).expanduser() if isinstance(value, str) else value
    try:
        return Path(str(importlib.resources.files(package).joinpath(file)))
    except ModuleNotFoundError as error:
        raise PydanticCustomError("part", "{error}", {"error": f"no package {package!r} is installed"}) from error


_shipped.words = 'path, or "package:file" of an installed package'  # type: ignore[attr-defined] # shown by eurus parts


def _rows(value: Any, info: ValidationInfo) -> Any:
    """Refuse rows that are not there before anything runs, where a recipe is planned."""
    path = _shipped(value)
    resolver: Resolver | None = info.context
    if resolver is not None and isinstance(path, Path):
        try:
            resolver.read(path)
        except UserError as error:
            raise PydanticCustomError("input", "{error}", {"error": str(error)}) from error
    return path


_rows.words = "path of a file, of a folder of them, or a pattern"  # type: ignore[attr-defined] # shown by eurus parts

File = Annotated[Path, BeforeValidator(_shipped)]
Rows = Annotated[Path, BeforeValidator(_rows)]
Trees = Annotated[str, Needs("trees")]
Model = Annotated[str, Needs("model")]
RewardModel = Annotated[str, Needs("reward-model")]
Samples = Annotated[str, Needs("samples")]
