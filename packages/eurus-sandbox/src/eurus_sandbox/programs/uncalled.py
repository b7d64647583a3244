"""Tests that only define: the statements that call them, as pytest, unittest and HumanEval's harness would."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from eurus_core.replies.code_blocks import syntax_tree
from eurus_sandbox.programs.counting import call_of_class

_MOST_ENTRIES = 3


def calls(tree: ast.Module, used: Collection[str], entry: str = "") -> list[str]:
    """Return the calls that a test's text lacks; ``used`` are the names that tests read. Without ``entry`` none of those that take it."""
    found = []
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) if name not in used and _is_test(node):
                if _needed(node) == 0:
                    found.append(f"{name}()")
                elif entry:
                    found.append(f"{name}({entry})")
            case ast.ClassDef(name=name) if _is_suite(node):
                found.append(call_of_class(name))
    return found


def takes_entry(trees: Sequence[ast.Module], used: Collection[str]) -> bool:
    """Say whether a function that nobody calls takes the program's, as HumanEval's ``check(candidate)`` does."""
    return any(
        isinstance(node, ast.FunctionDef) and node.name not in used and _is_test(node) and _needed(node) == 1
        for tree in trees
        for node in tree.body
    )


def entries(program: str) -> list[str]:
    """Return the functions that ``check(candidate)`` may mean, the likeliest first: of those that no other calls the last."""
    tree = syntax_tree(program)
    if tree is None:
        return []
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    called = {name for node in functions for name in _read(node) if name != node.name}
    names = [node.name for node in functions]
    return ([name for name in reversed(names) if name not in called] or names[::-1])[:_MOST_ENTRIES]


def _read(node: ast.AST) -> Iterator[str]:
    return (one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load))


def _is_test(node: ast.FunctionDef) -> bool:
    """Say whether a function is a test to call: pytest's by its name, or HumanEval's by its name or its parameter's."""
    needed = _needed(node)
    if needed == 0:
        return node.name.startswith("test") or node.name == "check"
    return needed == 1 and (node.name == "check" or (node.args.args[:1] != [] and node.args.args[0].arg == "candidate"))


def _needed(node: ast.FunctionDef) -> int:
    """Return how many arguments a call needs."""
    arguments = node.args
    plain = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return plain + sum(default is None for default in arguments.kw_defaults)


def _is_suite(node: ast.ClassDef) -> bool:
    bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
    if any(base.endswith("TestCase") for base in bases):
        return True
    methods = [one.name for one in node.body if isinstance(one, ast.FunctionDef)]
    return not bases and node.name.startswith("Test") and any(name.startswith("test") for name in methods)
