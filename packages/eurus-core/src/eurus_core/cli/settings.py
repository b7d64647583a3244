"""The settings of a part, in words: what ``eurus parts KIND NAME`` shows of a pydantic model."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from eurus_core.files.row_keys import RowKeys

PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path", Any: "anything"}


def settings(cls: type[BaseModel], prefix: str = "") -> list[dict[str, Any]]:
    """Return a row for each setting: name, whether it is needed, default, kind of value, what it is about.

    A table's own settings follow it, as in ``actors.samples``; a part chosen by name has its own page.
    """
    rows = []
    for name, field in cls.model_fields.items():
        row = {
            "name": prefix + (field.alias or name),
            "needed": field.is_required(),
            "default": None if field.is_required() else _plain(field.get_default(call_default_factory=True)),
            "type": _of_field(field),
            "about": " ".join((field.description or "").split()),
        }
        rows.append(row)
        table = _table(field)
        if table is not None:
            rows += settings(table, f"{row['name']}.")
    return rows


def row_forms(part: type[Any]) -> list[dict[str, Any]]:
    """Return what rows a part reads: keys that are needed and that may be there, and an example, for each form of a row.

    Of a format that declares none, the keys by which its rows are known.
    """
    declared: tuple[RowKeys, ...] = getattr(part, "row_keys", ())
    if not declared:
        declared = tuple(RowKeys(dict.fromkeys(sorted(keys), "")) for keys in getattr(part, "keys", ()))
    return [
        {"needed": dict(one.needed), "optional": dict(one.optional), "example": dict(one.example)} for one in declared
    ]


def _table(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model whose keys a setting holds, or a list of it; None for parts, which are chosen by name."""
    if _stated(tuple(field.metadata)):
        return None
    kind = field.annotation
    if get_origin(kind) in (tuple, list):
        kind = get_args(kind)[0]
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _stated(metadata: tuple[Any, ...]) -> str:
    """Return what a field's own validator says it takes, if it does."""
    found = (getattr(mark.func, "words", "") for mark in metadata if isinstance(mark, BeforeValidator))
    return next(filter(None, found), "")


def _of_field(field: FieldInfo) -> str:
    return words(field.annotation, tuple(field.metadata))


def words(kind: Any, metadata: tuple[Any, ...] = ()) -> str:
    """Return an annotation in words: ``list of trees``, ``one of "cot", "modular"``, ``number > 0``."""
    if stated := _stated(metadata):
        return stated
    text, optional = _base(kind), ", or none"
    bounds = " and".join(filter(None, map(_bound, metadata)))
    return text.removesuffix(optional) + bounds + (optional if text.endswith(optional) else "")


def _base(kind: Any) -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return words(args[0], args[1:])
    if origin is Literal:
        return "one of " + ", ".join(f'"{arg}"' for arg in args)
    if origin in (Union, types.UnionType):
        inner = " or ".join(words(arg) for arg in args if arg is not type(None))
        return f"{inner}, or none" if type(None) in args else inner
    if origin in (tuple, list):
        return f"list of {words(args[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table of {words(args[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "table of " + ", ".join(field.alias or name for name, field in kind.model_fields.items())
    if dataclasses.is_dataclass(kind):
        return "table of " + ", ".join(field.name for field in dataclasses.fields(kind))
    return PLAIN.get(kind) or str(getattr(kind, "__name__", kind))


def _bound(mark: Any) -> str:
    for name, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<=")):
        if (limit := getattr(mark, name, None)) is not None:
            return f" {sign} {limit:g}"
    return ""


def _plain(value: Any) -> Any:
    """Return a default as a recipe would write it; parts show their own settings."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
