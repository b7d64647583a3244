"""One block of a program, as its syntax tells: what it defines, what it needs of others, whether it reads, prints, tests or starts."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from eurus_core.replies.code_blocks import syntax_tree

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__"}
_READING = frozenset(("input", "stdin", "open", "fileinput", "read"))
_WRITING = frozenset(("print", "stdout", "write", "writelines"))


@dataclass(frozen=True, slots=True)
class Part:
    """A block that Python can read. ``defined`` are functions, classes and variables, ``bound`` imports as well."""

    code: str
    defined: frozenset[str]
    bound: frozenset[str]
    free: frozenset[str]
    mentions: frozenset[str]
    tests: bool
    started: bool

    @property
    def reads(self) -> bool:
        return bool(self.mentions & _READING)

    @property
    def writes(self) -> bool:
        return bool(self.mentions & _WRITING)


def part_of(code: str) -> Part | None:
    """Return what a block's syntax tells; None where Python cannot read it."""
    tree = syntax_tree(code)
    if tree is None:
        return None
    nodes = list(ast.walk(tree))
    defined = set(_defined(tree.body))
    bound = defined | {name for node in nodes for name in _imported(node)}
    local = {name for node in nodes for name in _bound_anywhere(node)} | bound
    loads = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    mentions = loads | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return Part(
        code,
        frozenset(defined),
        frozenset(bound),
        frozenset(loads - local - _BUILTINS),
        frozenset(mentions),
        any(isinstance(node, ast.Assert) for node in _statements(tree.body)) or "unittest" in bound,
        any(_starts(node) for node in tree.body),
    )


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module's own level, those in its branches and loops included."""
    waiting: list[ast.AST] = list(body)  # no recursion: an `elif` stands within the one before it, a thousand deep
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for inner in ("body", "orelse", "finalbody", "handlers"):
                waiting += getattr(node, inner, [])


def _defined(body: Sequence[ast.stmt]) -> Iterator[str]:
    for node in _statements(body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from _stored(targets)
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.For(target=target):
                yield from _stored([target])
            case ast.With(items=items):
                yield from _stored(item.optional_vars for item in items if item.optional_vars is not None)


def _stored(targets: Iterable[ast.expr]) -> Iterator[str]:
    for target in targets:
        yield from (
            node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)


def _bound_anywhere(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name


def _starts(node: ast.stmt) -> bool:
    """Say whether a statement does something beyond defining, importing and naming."""
    match node:
        case (
            ast.FunctionDef()
            | ast.AsyncFunctionDef()
            | ast.ClassDef()
            | ast.Import()
            | ast.ImportFrom()
            | ast.Expr(value=ast.Constant())
            | ast.Assign(value=ast.Constant())
        ):
            return False
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="setrecursionlimit"))):
            return False
    return True
