"""Records to JSON and back, checked on the way in.

``to_json`` leaves out fields that equal their default, so that files stay small and old readers meet few new names, and those that
do not compare: where a record was found is no part of it.
``from_json`` refuses unknown names, missing fields and wrong types, and says where.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from eurus_core.errors import InputError, nearest

R = TypeVar("R")


def to_json(record: Any) -> Any:
    """Return plain dicts, lists and scalars."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        data = {}
        for name, default in _defaults(type(record)):
            value = getattr(record, name)
            if default is dataclasses.MISSING or value != default:
                data[name] = to_json(value)
        return data
    if isinstance(record, Mapping):
        return {str(key): to_json(value) for key, value in record.items()}
    if isinstance(record, (tuple, list)):
        return [to_json(value) for value in record]
    return record


def from_json(cls: type[R], data: Any, *, where: str = "") -> R:
    """Return the record of class ``cls`` that ``data`` holds.

    ``where`` (a file and line) opens the message of the InputError that is raised when it does not fit.
    """
    kind: Any = cls
    try:
        record: R = _decoder(kind)(data, cls.__name__)
        return record
    except _Misfit as misfit:
        raise InputError(str(misfit), file=where or None) from None


class _Misfit(Exception):
    pass


@functools.cache
def _defaults(cls: type) -> tuple[tuple[str, Any], ...]:
    pairs = []
    for field in (field for field in dataclasses.fields(cls) if field.compare):
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        pairs.append((field.name, default))
    return tuple(pairs)


@functools.cache
def _decoder(kind: Any) -> Callable[[Any, str], Any]:
    """Return a function (data, path) -> value for one annotation; the path names the place in an error."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return lambda data, path: data
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record_decoder(kind)
    if origin in (Union, types.UnionType):
        inner = [_decoder(arg) for arg in args if arg is not type(None)]
        if len(inner) != 1:
            raise TypeError(f"records hold X or X | None, not {kind}")
        decode = inner[0]
        return lambda data, path: None if data is None else decode(data, path)
    if origin is Literal:
        return functools.partial(_literal, args)
    if origin is tuple:
        item = _decoder(args[0])
        return lambda data, path: tuple(
            item(value, f"{path}[{i}]") for i, value in enumerate(_expect(list, data, path))
        )
    if origin is not None and issubclass(origin, Mapping):
        value_of = _decoder(args[1])
        return lambda data, path: {
            key: value_of(value, f"{path}.{key}") for key, value in _expect(dict, data, path).items()
        }
    if kind is float:
        return lambda data, path: float(_expect((int, float), data, path))
    return functools.partial(_scalar, kind)


def _record_decoder(cls: type) -> Callable[[Any, str], Any]:
    hints = get_type_hints(cls)
    decoders = {name: _decoder(hints[name]) for name, _ in _defaults(cls)}
    needed = {name for name, default in _defaults(cls) if default is dataclasses.MISSING}

    def decode(data: Any, path: str) -> Any:
        _expect(dict, data, path)
        for name in data.keys() - decoders.keys():
            meant = nearest(name, decoders)
            raise _Misfit(f"{path} has no field {name!r}" + (f" (did you mean {meant!r}?)" if meant else ""))
        for name in sorted(needed - data.keys()):
            raise _Misfit(f"{path} needs {name!r}, which is missing")
        return cls(**{name: decoders[name](value, f"{path}.{name}") for name, value in data.items()})

    return decode


def _literal(allowed: tuple[Any, ...], data: Any, path: str) -> Any:
    if data not in allowed:
        raise _Misfit(f"{path} is {data!r}; allowed are {', '.join(map(repr, allowed))}")
    return data


def _scalar(kind: type, data: Any, path: str) -> Any:
    return _expect(kind, data, path)


def _expect(kind: type | tuple[type, ...], data: Any, path: str) -> Any:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(data, kinds) or (isinstance(data, bool) and bool not in kinds):
        wanted = " or ".join(k.__name__ for k in kinds)
        raise _Misfit(f"{path} is {type(data).__name__} {str(data)[:60]!r}; needed is {wanted}")
    return data
