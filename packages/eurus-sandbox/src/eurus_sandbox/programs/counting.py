"""Assertions counted as they run: a suite in which none ran has shown nothing, whatever the program.

Statements are counted after they have passed, so that one that is left halfway (``sys.exit``) does not count. An ``assert`` that fails has
failed, also where the test catches what it raises.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Collection
from typing import Any

from eurus_core.replies.code_blocks import syntax_tree

FILE = "tests.py"
PROGRAM = "solution"
"""The module that tests import the program from."""
_RAN = "__assertion_ran__"
_FAILED = "__assertion_failed__"
_RUN_CLASS = "__run_tests_of__"
_RAISES = frozenset(
    ("raises", "warns", "assertRaises", "assertRaisesRegex", "assertWarns", "assertWarnsRegex", "assertLogs")
)


class Failed(AssertionError):
    """A test has failed otherwise than by raising where it stands: the message says how."""


class Counted:
    """Runs the statements of tests in one namespace and counts the assertions that passed. ``names`` are the program's: what these do asserts nothing."""

    def __init__(self, namespace: dict[str, Any], names: Collection[str]):
        self.ran = 0
        self._failed = False
        self._namespace, self._names = namespace, frozenset(names)
        namespace.update({"__name__": "__main__", _RAN: self._add, _FAILED: self._fail, _RUN_CLASS: _run_class})

    def run(self, code: str) -> None:
        """Run statements; raises what they raise, and AssertionError where they caught an assertion's."""
        self._failed = False
        tree = ast.parse(code)
        own = self._names | {name for name, value in self._namespace.items() if _is_of_tests(value)}
        tree = ast.fix_missing_locations(_Counting(own | _functions(tree)).visit(tree))
        exec(compile(tree, FILE, "exec", dont_inherit=True), self._namespace)  # noqa: S102  (test code, and confined)
        if self._failed:
            raise Failed("an assertion failed, and the test caught it")

    def _add(self) -> None:
        self.ran += 1

    def _fail(self, message: object = "") -> object:
        self._failed = True
        return message


def call_of_class(name: str) -> str:
    """Return the statement that runs the tests of a class."""
    return f"{_RUN_CLASS}({name})"


def is_empty(test: ast.expr) -> bool:
    """Say whether ``assert test`` passes whatever the program does: ``True``, a text, ``(x, "message")``."""
    return (isinstance(test, ast.Constant) and bool(test.value)) or (isinstance(test, ast.Tuple) and bool(test.elts))


def is_assertion_call(node: ast.AST, own: Collection[str] = ()) -> bool:
    """Say whether a node calls what asserts by its name (``self.assertEqual``), but not on one of ``own``, whose inside is known or judged."""
    if not isinstance(node, ast.Call):
        return False
    root: ast.expr = node.func
    while isinstance(root, (ast.Attribute, ast.Call)):
        root = root.value if isinstance(root, ast.Attribute) else root.func
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(root, "id", "")
    asserts = called.lower().startswith("assert") or called in _RAISES or called == "fail"
    return asserts and getattr(root, "id", "") not in own


def can_assert(code: str) -> bool:
    """Say whether tests hold anything that may fail by its own words."""
    tree = syntax_tree(code)
    return tree is not None and any(
        (isinstance(node, ast.Assert) and not is_empty(node.test))
        or isinstance(node, ast.Raise)
        or is_assertion_call(node)
        for node in ast.walk(tree)
    )


def _functions(tree: ast.AST) -> frozenset[str]:
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _is_of_tests(value: object) -> bool:
    return type(value) is types.FunctionType and value.__code__.co_filename == FILE


class _Counting(ast.NodeTransformer):
    """Puts a count behind every statement that asserts, and takes out ``unittest.main()``, for which the classes are run one by one."""

    def __init__(self, own: Collection[str]):
        self._own = own

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        return ast.copy_location(ast.Pass(), node) if node.module == PROGRAM else node

    def visit_Assert(self, node: ast.Assert) -> Any:
        said = [] if node.msg is None else [node.msg]
        node.msg = ast.Call(ast.Name(_FAILED, ast.Load()), said, [])  # evaluated where the test is false
        return node if is_empty(node.test) else [node, _count(node)]

    def visit_Expr(self, node: ast.Expr) -> Any:
        match node.value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="unittest"), attr="main")):
                return ast.copy_location(ast.Pass(), node)
        return [node, _count(node)] if any(is_assertion_call(one, self._own) for one in ast.walk(node)) else node

    def visit_With(self, node: ast.With) -> Any:
        self.generic_visit(node)
        raises = any(is_assertion_call(item.context_expr, self._own) for item in node.items)
        return [node, _count(node)] if raises else node

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        compares = not isinstance(node.test, ast.Constant) and any(map(_gives_up, (*node.body, *node.orelse)))
        return [node, _count(node)] if compares else node

    def visit_Try(self, node: ast.Try) -> Any:
        gives_up = any(
            map(_gives_up, (*node.body, *node.orelse, *(one for handler in node.handlers for one in handler.body)))
        )
        self.generic_visit(node)
        return [node, _count(node)] if gives_up else node


def _gives_up(node: ast.stmt) -> bool:
    """Say whether a statement fails wherever it is reached."""
    match node:
        case ast.Raise():
            return True
        case ast.Assert(test=ast.Constant(value=value)):
            return not value
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="fail"))):
            return True
    return False


def _count(node: ast.stmt) -> ast.stmt:
    return ast.copy_location(ast.Expr(ast.Call(ast.Name(_RAN, ast.Load()), [], [])), node)


def _run_class(cls: Any) -> None:
    """Run the tests of a class of unittest's, or of a plain one as pytest does; Failed with the first that fails."""
    import unittest

    if not issubclass(cls, unittest.TestCase):
        for name in [name for name in dir(cls) if name.startswith("test")]:
            instance = cls()
            getattr(instance, "setup_method", lambda *_: None)(*[getattr(instance, name)][: _takes_method(instance)])
            getattr(instance, name)()
        return
    result = unittest.TestResult()
    result.failfast = True
    unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(result)
    for test, trace in (*result.failures, *result.errors):
        said = [line for line in str(trace).splitlines() if line and not line.startswith((" ", "Traceback"))]
        raise Failed(f"{str(test).partition(' ')[0]}: {said[0] if said else 'failed'}")
    for test in result.unexpectedSuccesses:
        raise Failed(f"{str(test).partition(' ')[0]}: passed, and was expected to fail")


def _takes_method(instance: object) -> int:
    setup = getattr(type(instance), "setup_method", None)
    return 0 if setup is None else max(0, setup.__code__.co_argcount - 1)
