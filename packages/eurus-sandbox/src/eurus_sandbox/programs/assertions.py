"""Tests read before they are run: which call of the program they make, and what they expect of its value.

``assert f(2) == 1729`` and its kin are taken apart here, so that only the call has to run and the value is compared out here. What
else a test may be is Python, to be run in a session of its own.
"""

from __future__ import annotations

import ast
import builtins
import math
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eurus_core.errors import InputError
from eurus_sandbox.programs import counting, uncalled
from eurus_sandbox.programs.counting import can_assert, is_empty

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: lambda value, one: value is one,
    ast.IsNot: lambda value, one: value is not one,
    ast.In: lambda value, many: value in many,
    ast.NotIn: lambda value, many: value not in many,
}
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Is: ast.Is,
    ast.IsNot: ast.IsNot,
}
_BUILTINS = frozenset(dir(builtins))
_FAMILIAR = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "isclose": "from math import isclose",
    "inf": "from math import inf",
    "nan": "from math import nan",
    "pi": "from math import pi",
    "Counter": "from collections import Counter",
    "OrderedDict": "from collections import OrderedDict",
    "defaultdict": "from collections import defaultdict",
    "deque": "from collections import deque",
    "Fraction": "from fractions import Fraction",
    "Decimal": "from decimal import Decimal",
}
"""Names that tests use as if the program had imported them. They are the tests' own: a program's ``isclose`` might be always true."""


class _NoLiteral(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Expectation:
    """One call of a program's function with literals, and what its value must satisfy."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    met_by: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Test:
    """One test: its code, and what it expects where that could be read."""

    code: str
    expectation: Expectation | None


@dataclass(frozen=True, slots=True)
class Tests:
    """All tests of a program. ``names`` are those that it should define, ``given`` the imports that the tests forgot.

    ``inside`` says why the tests can be run in the program's own process only; mostly empty. ``takes_entry`` says that a function of theirs
    has to be called with one of the program's, and which was not known.
    """

    tests: tuple[Test, ...]
    names: tuple[str, ...]
    given: str
    inside: str
    takes_entry: bool = False


def read(tests: Sequence[str], entry: str = "") -> Tests:
    """Read all tests of one program; InputError where one is no Python, or asserts nothing where it looks as if it did.

    Tests that only define are called. ``entry`` is the program's function for those that take it as their argument, such as HumanEval's
    ``check(candidate)``.
    """
    trees = [_parse(code, number) for number, code in enumerate(tests, 1)]
    _refuse_idle(tests, trees)
    used = _used([node for tree in trees for node in ast.walk(tree)])
    takes_entry = not entry and uncalled.takes_entry(trees, used)
    tests = ["\n".join([code, *uncalled.calls(tree, used, entry)]) for code, tree in zip(tests, trees, strict=True)]
    trees = [ast.parse(code) for code in tests]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    own = set(_defined(nodes))
    used = _used(nodes)
    free = sorted(name for name in used if name not in own and name not in _BUILTINS and not name.startswith("__"))
    called_plainly = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    modules = (
        sys.stdlib_module_names - called_plainly
    )  # a module is not called: a program may well define its own `bisect`
    given = [name for name in free if name in _FAMILIAR or name in modules]
    names = [name for name in free if name not in given]
    if not names:  # a task may be to write its own `sum`: where one builtin alone is called innermost, it is meant
        called = set(_called(nodes))
        names = list(called & _BUILTINS) if len(called) == 1 else []
    return Tests(
        tuple(Test(code, _expectation(tree, set(names))) for code, tree in zip(tests, trees, strict=True)),
        tuple(names),
        "\n".join(_FAMILIAR.get(name, f"import {name}") for name in given),
        _reason(nodes, set(names)),
        takes_entry,
    )


def _refuse_idle(tests: Sequence[str], trees: Sequence[ast.Module]) -> None:
    """Raise InputError where tests would let any program pass."""
    for number, tree in enumerate(trees, 1):
        for node in _statements(tree.body):
            match node:
                case ast.Expr(value=ast.Compare()):
                    needed = f"Needed is: assert {ast.unparse(node)}"
                    raise InputError(
                        f"test {number} compares and asserts nothing: {ast.unparse(node)[:80]}", needed=needed
                    )
                case ast.Assert(test=ast.Tuple(elts=[first, *_]) as test) if is_empty(test):
                    needed = f"Needed is, without the brackets: assert {ast.unparse(first)[:80]}, ..."
                    raise InputError(f"test {number} asserts a tuple, which is always true", needed=needed)
    if not any(map(can_assert, tests)):
        needed = "Needed are statements such as: assert f(1) == 2"
        raise InputError("the tests assert nothing, so that any program would pass", needed=needed)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, those in definitions and branches included; not those in `with` and `try`, where a mere comparison may raise."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, (ast.With, ast.Try)):
            waiting += getattr(node, "body", []) if isinstance(getattr(node, "body", []), list) else []
            waiting += getattr(node, "orelse", []) if isinstance(getattr(node, "orelse", []), list) else []


def _parse(code: str, number: int) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"test {number} is no Python: {error}", needed="Needed are statements such as: assert f(1) == 2"
        ) from None


def _used(nodes: Sequence[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _defined(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield every name that the tests bind anywhere."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.ImportFrom(module=counting.PROGRAM):
                pass
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in aliases)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name


def _called(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names of the innermost calls: those within whose arguments nothing else is called."""
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                if not any(isinstance(inner, ast.Call) for part in (*args, *keywords) for inner in ast.walk(part)):
                    yield name


def _reason(nodes: Sequence[ast.AST], names: set[str]) -> str:
    """Return why stubs cannot stand for the program's names; a stub is no class."""
    for node in nodes:
        match node:
            case ast.ExceptHandler(type=ast.expr() as kinds):
                parts, what = [kinds], "is caught"
            case ast.ClassDef(bases=bases, decorator_list=decorators):
                parts, what = [*bases, *decorators], "is derived from"
            case _:
                continue
        for part in parts:
            for inner in ast.walk(part):
                if isinstance(inner, ast.Name) and inner.id in names:
                    return f"the program's {inner.id} {what}"
    return ""


def _expectation(tree: ast.Module, names: set[str]) -> Expectation | None:
    """Return what a lone ``assert`` expects of a call of ``names``; None where it is anything else."""
    match tree.body:
        case [ast.Assert(test=test)]:
            try:
                return _condition(test, names)
            except _NoLiteral:
                return None
    return None


def _condition(test: ast.expr, names: set[str]) -> Expectation:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=call):
            return _call(call, names, lambda value: not value)
        case ast.Compare(
            left=ast.Call(
                func=ast.Name(id="abs"), args=[ast.BinOp(left=call, op=ast.Sub(), right=middle)], keywords=[]
            ),
            ops=[(ast.Lt() | ast.LtE()) as op],
            comparators=[width],
        ) if "abs" not in names:
            if not _is_call(call, names):
                call, middle = middle, call
            near, wanted, most = _COMPARISONS[type(op)], _literal(middle), _literal(width)
            return _call(call, names, lambda value: near(abs(value - wanted), most))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            if _is_call(left, names):
                holds, expected = _COMPARISONS[type(op)], _literal(right)
                return _call(left, names, lambda value: holds(value, expected))
            if type(op) not in _MIRRORED:
                raise _NoLiteral
            holds, expected = _COMPARISONS[_MIRRORED[type(op)]], _literal(left)
            return _call(right, names, lambda value: holds(value, expected))
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="math"), attr="isclose"), args=[left, right], keywords=keywords
        ) if "math" not in names:
            options = _keywords(keywords)
            if not _is_call(left, names):
                left, right = right, left
            expected = _literal(right)
            return _call(left, names, lambda value: math.isclose(value, expected, **options))
        case _:
            return _call(test, names, bool)


def _is_call(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _call(node: ast.expr, names: set[str], met_by: Callable[[Any], object]) -> Expectation:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names):
        raise _NoLiteral
    return Expectation(node.func.id, tuple(map(_literal, node.args)), _keywords(node.keywords), met_by)


def _keywords(keywords: Sequence[ast.keyword]) -> dict[str, Any]:
    found = {}
    for keyword in keywords:
        if keyword.arg is None:
            raise _NoLiteral
        found[keyword.arg] = _literal(keyword.value)
    return found


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise _NoLiteral from None
