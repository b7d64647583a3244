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

from eurus_core.errors import InputError
from eurus_core.parts.contracts import Grader, OpenGrader
from eurus_core.records import Action, Observation, Problem, Verdict, turns
from eurus_core.replies import programs
from eurus_graders import guard
from eurus_sandbox.pool import AsyncSandbox
from eurus_sandbox.programs import assertions
from eurus_sandbox.settings import Settings

_KEY_SECONDS = 2.0
_DEFINITION = re.compile(r"^[ \t]*def (\w+)\(", re.MULTILINE)


class CodeGrader(Settings, Grader):
    """Runs a program on the tests of its problem: ``reference.stdio`` (inputs and outputs) and ``reference.asserts`` (statements).

    The program is the last complete one of the reply, with the earlier blocks that it needs: drafts, the model's own tests and shown output
    are no part of it (:mod:`eurus_core.replies.programs`). A test that fails ends the judgement and is named in the verdict. A reply without a
    program is ``unparsed``.
    """

    judges_by: ClassVar[Literal["answer", "tests"]] = "tests"

    timeout_seconds: float = Field(default=10.0, gt=0)
    """Wall clock of one test, counted from when it starts, not while it waits for a core."""
    tolerance: float | None = Field(default=None, ge=0)
    """Compare output word by word, numbers up to this (absolute or relative); without it lines must be equal."""

    def check(self, problem: Problem) -> None:
        """InputError where there are no tests, or where they are no Python or assert nothing."""
        tests = problem.reference
        if not tests.stdio and not tests.asserts:
            needed = (
                "The code grader needs reference.stdio (pairs of input and output) or reference.asserts (statements)."
            )
            raise InputError("no tests", needed=needed)
        if tests.asserts:
            assertions.read(tests.asserts)

    def key(self, answer: str) -> Hashable:
        """Return a digest of the program's syntax tree: layout, comments and docstrings do not count, names do."""
        code = programs.program(answer) or answer
        try:
            return guard.shared().call(_KEY_SECONDS, syntax_key, code)
        except guard.Exceeded:
            return ("text", code.strip())

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenGrader]:
        keys = {name: getattr(self, name) for name in Settings.model_fields}
        async with AsyncSandbox(purpose="plain programs", **keys) as sandbox:
            yield _Judging(self, sandbox)


@dataclass(frozen=True)
class _Judging:
    settings: CodeGrader
    sandbox: AsyncSandbox

    async def grade(self, problem: Problem, action: Action, observation: Observation | None) -> Verdict:
        tests = problem.reference
        self.settings.check(problem)
        entry = entry_point(problem.instruction) if tests.asserts else ""
        names = (*assertions.read(tests.asserts, entry).names,) if tests.asserts else ()
        program = turns.program(action, None if tests.stdio else names)
        if program is None:
            return Verdict("unparsed", "no code", "the text holds no program")
        if tests.stdio:
            verdict = await self.sandbox.check_stdio(program, tests.stdio, tolerance=self.settings.tolerance)
            if not (verdict.correct and tests.asserts):
                return verdict
        known = entry if f"def {entry}(" in program else ""
        return await self.sandbox.check_asserts(program, tests.asserts, entry_point=known)


def entry_point(instruction: str) -> str:
    """Return the function that an instruction begins and leaves to be written: the last one that it defines, "" where there is none."""
    found = _DEFINITION.findall(instruction)
    return found[-1] if found else ""


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
