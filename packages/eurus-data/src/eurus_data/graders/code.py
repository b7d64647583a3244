"""The code grader: a program is right where it passes its tests, run in the sandbox and judged outside it."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from eurus_core import turns
from eurus_core.contracts import Grader, Grading
from eurus_core.errors import InputError
from eurus_core.records import Action, Observation, Problem, Verdict
from eurus_core.spoken import spoken
from eurus_data.graders import guard
from eurus_data.sandbox.pool import AsyncSandbox
from eurus_data.sandbox.settings import Settings

_KEY_SECONDS = 2.0
_STATEMENT = re.compile(r"\b(?:def|class|import|print|return|for|while|input)\b|=")
"""Something that a word or two of prose have not."""


class CodeGrader(Settings, Grader):
    """Runs a program on the tests of its problem: ``reference.stdio`` (inputs and outputs) and ``reference.asserts`` (statements).

    The program is all cells of the action, one after the other, as a stateful interpreter would have run them. A test that fails ends
    the judgement and is named in the verdict. No cell is ``unparsed``.
    """

    judges_by: ClassVar[Literal["answer", "tests"]] = "tests"

    timeout_seconds: float = Field(default=10.0, gt=0)
    """Wall clock of one test, counted from when it starts, not while it waits for a core."""
    tolerance: float | None = Field(default=None, ge=0)
    """Compare output word by word, numbers up to this (absolute or relative); without it lines must be equal."""

    def answer(self, action: Action, observation: Observation | None) -> str | None:
        """Return the program: the cells, or the text itself where it has no fence."""
        said = spoken(action.text)
        bare = said if "```" not in said and _STATEMENT.search(said) and syntax_key(said)[0] == "code" else ""
        return "\n\n".join(action.code) or bare or None

    def key(self, answer: str) -> Hashable:
        """Return a digest of the program's syntax tree: layout, comments and docstrings do not count, names do."""
        code = "\n\n".join(turns.parse(answer).code) or answer
        try:
            return guard.shared().call(_KEY_SECONDS, syntax_key, code)
        except guard.Exceeded:
            return ("text", code.strip())

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Grading]:
        keys = {name: getattr(self, name) for name in Settings.model_fields}
        async with AsyncSandbox(purpose="plain programs", **keys) as sandbox:
            yield _Judging(self, sandbox)


@dataclass(frozen=True)
class _Judging:
    settings: CodeGrader
    sandbox: AsyncSandbox

    async def grade(self, problem: Problem, action: Action, observation: Observation | None) -> Verdict:
        tests = problem.reference
        if not tests.stdio and not tests.asserts:
            needed = (
                "The code grader needs reference.stdio (pairs of input and output) or reference.asserts (statements)."
            )
            raise InputError(f"problem {problem.id} has no tests", needed=needed)
        program = self.settings.answer(action, observation)
        if program is None:
            return Verdict("unparsed", "no code", "the text holds no program")
        if not tests.stdio:
            return await self.sandbox.check_asserts(program, tests.asserts)
        verdict = await self.sandbox.check_stdio(program, tests.stdio, tolerance=self.settings.tolerance)
        if verdict.correct and tests.asserts:
            return await self.sandbox.check_asserts(program, tests.asserts)
        return verdict


def syntax_key(code: str) -> tuple[str, str]:
    """Return what identifies a program, for the guard's worker to compute: model text can be slow to parse."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ("text", code.strip())
    for node in ast.walk(tree):
        match node:
            case (
                ast.Module(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
                | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
                | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
            ):
                node.body = [*rest] or [ast.Pass()]
    return ("code", hashlib.blake2b(ast.dump(tree).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
