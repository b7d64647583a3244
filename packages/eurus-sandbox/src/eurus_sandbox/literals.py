"""Values as text: what a judged program returns, or is given, crosses between processes as literals and as nothing else.

JSON with one tag for each type that JSON lacks. A value goes by its **exact** type, read with the type's own code, so that a
class that overrides ``__eq__``, ``__repr__`` or ``__iter__`` gains nothing. What is no literal goes by reference: a number that means
something to the program's process only. Of a subclass of a builtin (a named tuple, an IntEnum) the plain content goes along.

JSON and not ``repr`` with ``ast.literal_eval``: it knows nan, infinities and sets, and reading a hostile megabyte costs a megabyte.
"""

from __future__ import annotations

import base64
import collections
import datetime
import decimal
import fractions
import importlib
import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_LARGEST_PLAIN_INTEGER = 1 << 63
_PLAIN_DTYPE = re.compile(r"[<>|=][biufcmMSUV]\d{1,9}(\[\d{0,9}[a-zA-Z]{1,2}\])?")

_dumps, _loads = json.dumps, json.loads  # model code may patch the module


class NotLiteral(TypeError):
    """A value that has to cross, and cannot."""


class Reference:
    """An object that stays in the program's process. ``content`` is the builtin value inside it, where it has one."""

    __slots__ = ("content", "number")

    def __init__(self, number: int, content: tuple[Any, ...]):
        self.number = number
        self.content = content  # empty or one value


def encode(value: object, refer: Callable[[object], Any]) -> str:
    """Return the text of a value; ``refer`` returns what stands for an object that is no literal, or raises NotLiteral.

    RecursionError where the value is nested too deep, or contains itself.
    """
    return _dumps(pack(value, refer))


def decode(text: str, resolve: Callable[[Reference], object]) -> Any:
    """Return the value of a text, references resolved; ValueError where no honest side has written it."""
    try:
        return unpack(_loads(text), resolve)
    except (TypeError, KeyError, IndexError, ArithmeticError, AttributeError) as error:
        raise ValueError(f"no value: {error}") from None


def pack(value: Any, refer: Callable[[object], Any]) -> Any:
    """Return a value as what JSON can hold."""
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is float:
        return value
    if kind is int:
        return value if -_LARGEST_PLAIN_INTEGER < value < _LARGEST_PLAIN_INTEGER else {"int": hex(value)}
    if kind is list:
        return [pack(item, refer) for item in value]
    if (packer := _PACKERS.get(kind)) is not None:
        return packer(value, refer)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and (kind is numpy.ndarray or _is_scalar(numpy, kind)) and not value.dtype.hasobject:
        name = "array" if kind is numpy.ndarray else "scalar"
        return {name: [value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode()]}
    return refer(value)


def _is_scalar(numpy: Any, kind: type) -> bool:
    return kind.__module__ == "numpy" and issubclass(kind, numpy.generic)


def content(value: object, refer: Callable[[object], Any]) -> list[Any]:
    """Return, packed, the builtin value inside an instance of a subclass of a builtin; nothing for other objects."""
    for base in _CONTENTS:
        if isinstance(value, base) and type(value) is not base:
            return [pack(_plain(base, value), refer)]
    return []


def unpack(data: Any, resolve: Callable[[Reference], object]) -> Any:
    """Return the value that :func:`pack` was given."""
    if isinstance(data, list):
        return [unpack(item, resolve) for item in data]
    if not isinstance(data, dict):
        return data
    ((name, parts),) = data.items()
    if name == "object":
        return resolve(Reference(int(parts[0]), tuple(unpack(item, resolve) for item in parts[1:])))
    if name in ("array", "scalar"):
        return _unpack_numpy(name, parts)
    return _UNPACKERS[name](parts, lambda item: unpack(item, resolve))


def _plain(base: type, value: Any) -> object:
    """Return the builtin content of a subclass instance, whatever methods the subclass overrides."""
    read = _READERS.get(base)
    return read(value) if read is not None else base(base.__iter__(value))  # type: ignore[attr-defined]


def _unpack_numpy(name: str, parts: Sequence[Any]) -> Any:
    kind, shape, data = parts
    if not _PLAIN_DTYPE.fullmatch(kind):  # what else numpy reads is a language of its own, with ast.literal_eval in it
        raise ValueError("no dtype of plain values")
    numpy: Any = importlib.import_module("numpy")
    array = (
        numpy.frombuffer(base64.b64decode(data), dtype=numpy.dtype(kind)).reshape(list(map(_exact(int), shape))).copy()
    )
    return array if name == "array" else array[()]


def _exact(kind: type[T]) -> Callable[[object], T]:
    """Return a check of one part: ``Fraction("1e999999999")`` would be written out for hours."""

    def check(part: object) -> T:
        if type(part) is not kind:
            raise ValueError(f"a {type(part).__name__} where a {kind.__name__} belongs")
        return part

    return check


def _items(tag: str, wrap: Callable[[Any], Any] = list) -> Callable[[Any, Callable[[object], Any]], Any]:
    return lambda value, refer: {tag: [pack(item, refer) for item in wrap(value)]}


def _pairs(tag: str) -> Callable[[Any, Callable[[object], Any]], Any]:
    return lambda value, refer: {tag: [[pack(k, refer), pack(v, refer)] for k, v in dict.items(value)]}


_PACKERS: dict[type, Callable[[Any, Callable[[object], Any]], Any]] = {
    tuple: _items("tuple"),
    set: _items("set"),
    frozenset: _items("frozenset"),
    collections.deque: _items("deque"),
    dict: _pairs("dict"),
    collections.Counter: _pairs("Counter"),
    collections.OrderedDict: _pairs("OrderedDict"),
    collections.defaultdict: _pairs("defaultdict"),
    bytes: lambda value, _: {"bytes": base64.b64encode(value).decode()},
    bytearray: lambda value, _: {"bytearray": base64.b64encode(value).decode()},
    complex: lambda value, _: {"complex": [value.real, value.imag]},
    range: lambda value, refer: {"range": [pack(n, refer) for n in (value.start, value.stop, value.step)]},
    slice: lambda value, refer: {"slice": [pack(n, refer) for n in (value.start, value.stop, value.step)]},
    type(...): lambda value, _: {"ellipsis": []},
    fractions.Fraction: lambda value, refer: {
        "Fraction": [pack(value.numerator, refer), pack(value.denominator, refer)]
    },
    decimal.Decimal: lambda value, _: {"Decimal": str(value)},
    datetime.date: lambda value, _: {"date": value.isoformat()},
    datetime.time: lambda value, refer: {"time": value.isoformat()} if value.tzinfo is None else refer(value),
    datetime.datetime: lambda value, refer: {"datetime": value.isoformat()} if value.tzinfo is None else refer(value),
    datetime.timedelta: lambda value, _: {"timedelta": [value.days, value.seconds, value.microseconds]},
}
_UNPACKERS: dict[str, Callable[[Any, Callable[[Any], Any]], Any]] = {
    "int": lambda text, _: int(text, 16),
    "tuple": lambda parts, one: tuple(map(one, parts)),
    "set": lambda parts, one: set(map(one, parts)),
    "frozenset": lambda parts, one: frozenset(map(one, parts)),
    "deque": lambda parts, one: collections.deque(map(one, parts)),
    "dict": lambda parts, one: {one(k): one(v) for k, v in parts},
    "Counter": lambda parts, one: collections.Counter({one(k): one(v) for k, v in parts}),
    "OrderedDict": lambda parts, one: collections.OrderedDict((one(k), one(v)) for k, v in parts),
    "defaultdict": lambda parts, one: collections.defaultdict(None, {one(k): one(v) for k, v in parts}),
    "bytes": lambda text, _: base64.b64decode(text),
    "bytearray": lambda text, _: bytearray(base64.b64decode(text)),
    "complex": lambda parts, _: complex(*parts),
    "range": lambda parts, one: range(*map(one, parts)),
    "slice": lambda parts, one: slice(*map(one, parts)),
    "ellipsis": lambda _, __: ...,
    "Fraction": lambda parts, one: fractions.Fraction(*(_exact(int)(one(part)) for part in parts)),
    "Decimal": lambda text, _: decimal.Decimal(_exact(str)(text)),
    "date": lambda text, _: datetime.date.fromisoformat(text),
    "time": lambda text, _: datetime.time.fromisoformat(text),
    "datetime": lambda text, _: datetime.datetime.fromisoformat(text),
    "timedelta": lambda parts, _: datetime.timedelta(*map(_exact(int), parts)),
}
_READERS: dict[type, Callable[[Any], object]] = {
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    dict: lambda value: dict(dict.items(value)),
}
_CONTENTS = (int, float, str, bytes, tuple, list, dict, set, frozenset)
