"""Stubs of what a program defines, for tests that run elsewhere: only literals pass through.

A stub asks the parent, the parent asks the program; so the tests' expected values, their frames and their ``assert`` are out of the
program's reach. An operation between a program's object and a literal is never handed over: a class whose ``==`` is always
true would pass for anything.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from eurus_sandbox.literals import NotLiteral, Reference, decode, encode
from eurus_sandbox.wire import read_frame, write_frame

T = TypeVar("T")

_PROBES = frozenset(
    ("count", "index", "rindex", "find", "rfind", "startswith", "endswith", "issubset", "issuperset", "isdisjoint")
) | {"__eq__", "__ne__", "__contains__"}
"""Methods of builtin values to which tests hand what they expect: an object of the program's would answer as it likes."""
_PROTOCOLS_OF_NUMPY = ("__array_interface__", "__array_struct__", "__array_function__", "__array_ufunc__")
"""What numpy would look for: the first two name an address, and the tests' process is laid out as the program's; the others decide."""
_ONCE = ("iter", "value")
"""Observations that say all there is to say; a second one could only say something else."""


class ProgramError(Exception):
    """The program left (``sys.exit``) or raised what has no name here."""


class Program:
    """The other process. ``inside`` turns True when something had to be decided there, ``refused`` says what could not be handed over."""

    def __init__(self, control: int):
        self._control = control
        self._stubs: dict[int, Stub] = {}
        self._seen: dict[int, str] = {}
        self.inside = False
        self.refused = ""

    def ask(self, do: str, *arguments: object, **keywords: object) -> Any:
        try:
            texts = [encode(argument, _refer) for argument in arguments]
            named = {key: encode(value, _refer) for key, value in keywords.items()}
        except NotLiteral as error:
            self.refused = str(error)
            raise
        request = {"do": do, "arguments": texts, "keywords": named}
        answer = self._exchange(request)
        given = {**dict(zip(map(str, range(len(arguments))), arguments, strict=True)), **keywords}
        for place, text in (answer.get("changed") or {}).items():
            _restore(given[place], decode(text, self._resolve))
        value = decode(answer["value"], self._resolve)
        same = answer.get("same")  # of what it was given; a copy is another, however equal
        return value if same is None else given[same]

    def observe(self, do: str, stub: Stub, *arguments: object) -> Any:
        """Ask an object for what it is as a whole: its length, its items, its truth.

        One that is asked twice over can be a different thing each time (of the right length, and empty when it is gone through), so the
        verdict then rests on the program's word.
        """
        if _is_fixed(known := _content(stub)):
            return _LOCALLY[do](known[0], *arguments)
        said = self.ask(do, stub, *arguments)
        before = self._seen.get(_number(stub))
        self._seen[_number(stub)] = do
        self.inside = self.inside or before not in (None, do) or (before == do and do in _ONCE)
        return said

    def look_up(self, name: str) -> Any:
        return decode(self._exchange({"do": "value", "name": name, "arguments": []})["value"], self._resolve)

    def content(self, stub: Stub) -> tuple[Any, ...]:
        """Return the builtin value inside an object as it is now; nothing where there is none."""
        known = _content(stub)
        if not known or _is_fixed(known):
            return known
        again = self.observe("value", stub)
        return _content(stub) if again is stub else ()

    def _exchange(self, request: Mapping[str, object]) -> dict[str, Any]:
        write_frame(self._control, {"ask": request})
        answer = read_frame(self._control)
        if "raised" in answer:
            kind = getattr(builtins, str(answer["raised"]), None)
            known = isinstance(kind, type) and issubclass(kind, Exception)
            raise _exception(kind if known else ProgramError, str(answer.get("text") or answer.get("why")))
        if "value" not in answer:
            raise ProgramError(str(answer.get("why", "no value")))
        return answer

    def _resolve(self, reference: Reference) -> object:
        stub = self._stubs.get(reference.number)
        if stub is None:
            stub = self._stubs[reference.number] = Stub(self, reference.number)
        if not _is_fixed(_content(stub)):  # what cannot change has not
            object.__setattr__(stub, "_content", reference.content)
        return stub


def _exception(kind: Any, text: str) -> Exception:
    try:
        return kind(text)  # type: ignore[no-any-return]
    except TypeError:  # UnicodeDecodeError and its kin want more
        return ProgramError(f"{kind.__name__}: {text}")


def _restore(argument: Any, now: Any) -> None:
    """Give a mutable argument the content that the program left in it."""
    kind = type(argument)
    if type(now) is not kind:
        return
    if kind in (list, bytearray):
        argument[:] = now
    elif kind in (dict, set):
        argument.clear()
        argument.update(now)


def _refer(value: object) -> dict[str, Any]:
    if isinstance(value, Stub):
        return {"object": [_number(value)]}
    raise NotLiteral(f"a {type(value).__name__} cannot be handed to the program")


_LOCALLY: dict[str, Callable[..., Any]] = {
    "len": len,
    "bool": bool,
    "iter": iter,
    "getitem": operator.getitem,
    "contains": operator.contains,
}


def _content(stub: Stub) -> tuple[Any, ...]:
    content: tuple[Any, ...] = object.__getattribute__(stub, "_content")
    return content


def _is_fixed(content: tuple[Any, ...]) -> bool:
    return bool(content) and isinstance(content[0], (int, float, str, bytes, tuple, frozenset))


def _number(stub: Stub) -> int:
    number: int = object.__getattribute__(stub, "_number")
    return number


class Stub:
    """An object of the program's. What is done to it is done there, and comes back as a literal or as another stub."""

    __slots__ = ("_content", "_number", "_program")
    _content: tuple[Any, ...]
    _number: int
    _program: Program

    def __init__(self, program: Program, number: int):
        object.__setattr__(self, "_program", program)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_content", ())

    def __getattr__(self, name: str) -> Any:
        if name in _PROTOCOLS_OF_NUMPY:
            raise AttributeError(name)
        if name in _PROBES:
            self._program.inside = True
        return self._program.ask("getattr", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._program.ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._program.ask("delattr", self, name)

    def __call__(self, *arguments: object, **keywords: object) -> Any:
        return self._program.ask("call", self, *arguments, **keywords)

    def __iter__(self) -> Iterator[Any]:
        items = self._program.observe("iter", self)
        if not isinstance(items, Stub):
            yield from items
            return
        while True:
            try:
                yield self._program.ask("next", items)
            except StopIteration:
                return

    def __next__(self) -> Any:
        return self._program.ask("next", self)

    def __len__(self) -> int:
        return _checked(int, self._program.observe("len", self))

    def __bool__(self) -> bool:
        return _checked(bool, self._program.observe("bool", self))

    def __str__(self) -> str:
        return _checked(str, self._program.ask("str", self))

    def __repr__(self) -> str:
        return _checked(str, self._program.ask("repr", self))

    def __getitem__(self, key: object) -> Any:
        return self._program.observe("getitem", self, key)

    def __setitem__(self, key: object, value: object) -> None:
        self._program.ask("setitem", self, key, value)

    def __delitem__(self, key: object) -> None:
        self._program.ask("delitem", self, key)

    def __contains__(self, item: object) -> bool:
        if not _is_fixed(_content(self)):
            self._program.inside = True
        return _checked(bool, self._program.observe("contains", self, item))

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, Stub) and _checked(bool, self._decided("isinstance", value, self))

    def __enter__(self) -> Any:
        return self._program.ask("call", self._program.ask("getattr", self, "__enter__"))

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Swallow nothing: a test that has failed has failed, whatever the program's ``with`` would make of it."""
        if error is None:
            self._program.ask("call", self._program.ask("getattr", self, "__exit__"), None, None, None)
        elif not isinstance(error, AssertionError):
            self._program.refused = "an exception cannot be handed to the program's `with`"

    def __hash__(self) -> int:
        content = _content(self)
        return hash(content[0]) if _is_fixed(content) else hash((Stub, self._number))

    def _decided(self, do: str, *operands: object) -> Any:
        """Let the program's own operators decide between its own objects; the verdict says so."""
        self._program.inside = True
        return self._program.ask(do, *operands)


def _checked(kind: type[T], value: object) -> T:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value


def _operator(do: str, local: Callable[[Any, Any], Any]) -> Callable[[Stub, object], Any]:
    def operate(left: Stub, right: object) -> Any:
        if isinstance(right, Stub):
            return left._decided(do, left, right)
        content = left._program.content(left)
        return local(content[0], right) if content else NotImplemented

    return operate


def _reflected(local: Callable[[Any, Any], Any]) -> Callable[[Stub, object], Any]:
    def operate(right: Stub, left: object) -> Any:
        content = right._program.content(right)
        return local(left, content[0]) if content else NotImplemented

    return operate


def _unary(do: str) -> Callable[[Stub], Any]:
    return lambda stub: stub._program.ask(do, stub)


def _give_operators() -> None:
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Stub, f"__{name}__", _operator(name, getattr(operator, name)))
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "matmul"):
        setattr(Stub, f"__{name}__", _operator(name, getattr(operator, name)))
        setattr(Stub, f"__r{name}__", _reflected(getattr(operator, name)))
    for name in ("neg", "abs"):
        setattr(Stub, f"__{name}__", _unary(name))


_give_operators()
