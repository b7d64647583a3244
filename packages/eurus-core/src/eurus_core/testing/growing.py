"""Contracts of what trees are grown with and read from: sources, graders, tools, formats."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eurus_core.testing.part import PartContract

if TYPE_CHECKING:
    from eurus_core.parts.contracts import Grader
    from eurus_core.records import Action, Observation, PreferenceTree, Problem, Verdict

HOSTILE_ANSWERS = (
    "",
    " ",
    "\x00",
    "\ud800",
    "(" * 5000,
    "9" * 100_000,
    "9**9**9**9",
    "__import__('os').system('true')",
    "\\frac{" * 200,
    "1e999999999",
    "nan",
)


class SourceContract(PartContract):
    """A source of problems: reproducible, disjoint, with ground truth."""

    count = 50
    """How many problems of each split are looked at."""

    def test_a_seed_fixes_the_problems(self) -> None:
        assert self._take("train", seed=3) == self._take("train", seed=3)

    def test_train_and_test_share_no_problem(self) -> None:
        train, test = self._take("train"), self._take("test")
        assert not {p.instruction for p in train} & {p.instruction for p in test}
        assert not {p.id for p in train} & {p.id for p in test}

    def test_ids_are_unique(self) -> None:
        problems = self._take("train")
        assert len({p.id for p in problems}) == len(problems) > 0

    def test_every_problem_can_be_judged(self) -> None:
        for problem in self._take("train"):
            assert problem.instruction.strip()
            reference = problem.reference
            assert reference.answer or reference.stdio or reference.asserts, "needed is an answer, or a program's tests"

    def test_an_example_of_its_rows_is_a_problem(self, tmp_path: Path) -> None:
        for keys in self.part().row_keys:
            assert keys.needed.keys() <= keys.example.keys() <= {*keys.names}
            found, bad = self._read(keys.example, tmp_path)
            assert found
            assert not bad

    def test_a_row_without_a_needed_key_is_named_by_file_and_line(self, tmp_path: Path) -> None:
        for keys in self.part().row_keys:
            for lacking in keys.needed:
                row = {key: value for key, value in keys.example.items() if key != lacking}
                _, bad = self._read(row, tmp_path)
                assert bad
                assert "rows.jsonl, line 1: " in str(bad[0])

    def test_problems_survive_a_round_trip_through_json(self) -> None:
        from eurus_core.records import Problem
        from eurus_core.records.codec import from_json, to_json

        for problem in self._take("train"):
            assert from_json(Problem, to_json(problem)) == problem

    def reading(self, file: Path) -> Any:
        """Return a source that reads a file of rows, where sources of this kind do; unless overridden, by its setting ``path``."""
        return type(self.part()).model_validate({"path": str(file)})

    def _read(self, row: Mapping[str, Any], folder: Path) -> tuple[list[Any], list[Exception]]:
        """Return the problems of both splits of a file of one row, and what was said of it."""
        from eurus_core.errors import InputError

        file = folder / "rows.jsonl"
        file.write_text(json.dumps(row) + "\n", encoding="utf-8")
        found: list[Any] = []
        bad: list[Exception] = []
        for split in ("train", "test"):
            with contextlib.suppress(InputError):  # one row is in one split, and the other is empty
                found += self.reading(file).problems(split, on_bad=bad.append)
        return found, bad

    def _take(self, split: str, seed: int = 0) -> list[Any]:
        return list(itertools.islice(self.part().problems(split, seed=seed), self.count))


def judged(grader: Grader, problem: Problem, action: Action, observation: Observation | None = None) -> Verdict:
    """Open a grader, judge one action, and close it."""

    async def once() -> Verdict:
        async with grader.open() as grading:
            return await grading.grade(problem, action, observation)

    return asyncio.run(once())


class GraderContract(PartContract):
    """A grader: total, reflexive, never fooled into running text. Set ``references`` to answers of its kind.

    One that judges by tests overrides ``problem``, too: the tests that the answer ``reference`` passes and the next one does not.
    """

    references: Sequence[str] = ("7", "2.5", "12")

    def test_a_reference_answers_itself(self) -> None:
        for reference in self.references:
            assert self._grade(reference, reference).outcome == "correct"

    def test_another_answer_is_incorrect(self) -> None:
        for one, other in itertools.pairwise(self.references):
            assert self._grade(one, other).outcome == "incorrect"

    def test_hostile_answers_are_verdicts(self) -> None:
        for answer in HOSTILE_ANSWERS:
            verdict = self._grade(answer, self.references[0])
            assert not verdict.correct
            assert verdict.rule or verdict.why

    def test_keys_of_equal_answers_are_equal_and_hashable(self) -> None:
        grader = self.part()
        for reference in self.references:
            assert hash(grader.key(reference)) == hash(grader.key(f" {reference} "))
            assert grader.key(reference) == grader.key(f" {reference} ")
        assert len({grader.key(reference) for reference in self.references}) == len(self.references)

    def problem(self, reference: str) -> Problem:
        """Return a problem that ``reference`` answers."""
        from eurus_core.records import Problem, Reference

        return Problem("p", "Math_CoT", "contract", "How many?", Reference(answer=reference))

    def _grade(self, answer: str, reference: str) -> Any:
        from eurus_core.records.turns import parse

        return judged(self.part(), self.problem(reference), parse(answer))


class ToolContract(PartContract):
    """A tool that runs Python: stateful in a session, independent across branches, alive after an error."""

    def test_state_lives_through_a_session(self) -> None:
        assert self._run("x = 20", "x + 1")[-1].text == "Out: 21"

    def test_an_error_is_observed_and_survived(self) -> None:
        seen = self._run("x = 20", "1 / 0", "x")
        assert [one.status for one in seen] == ["ok", "error", "ok"]
        assert "ZeroDivisionError" in seen[1].text

    def test_a_branch_has_the_state_and_goes_its_own_way(self) -> None:
        async def branch() -> tuple[str, str]:
            async with self.part().open() as workbench:
                session = await workbench.session()
                await session.run("x = 1")
                twin = await session.branch()
                await twin.run("x += 10")
                seen = (await session.run("x")).text, (await twin.run("x")).text
                await twin.close()
                await session.close()
                return seen

        assert asyncio.run(branch()) == ("Out: 1", "Out: 11")

    def test_a_program_reads_what_it_is_given_and_no_cell_notices(self) -> None:
        async def run() -> tuple[str, str]:
            async with self.part().open() as workbench:
                session = await workbench.session()
                await session.run("x = 1")
                printed = (await session.run_program("x = int(input())\nprint(x + 1)", "41\n")).text
                seen = printed, (await session.run("x")).text
                await session.close()
                return seen

        assert asyncio.run(run()) == ("42", "Out: 1")

    def _run(self, *cells: str) -> list[Any]:
        async def run() -> list[Any]:
            async with self.part().open() as workbench:
                session = await workbench.session()
                try:
                    return [await session.run(cell) for cell in cells]
                finally:
                    await session.close()

        return asyncio.run(run())


class FormatContract(PartContract):
    """A form of published rows: what it reads makes trees, and what it cannot read it names."""

    @abstractmethod
    def rows(self) -> Sequence[dict[str, Any]]:
        """Return rows as they are published."""

    def test_its_rows_are_known_by_their_keys(self) -> None:
        for row in self.rows():
            assert any(keys <= row.keys() for keys in self.part().keys)

    def test_an_example_of_its_rows_makes_a_tree(self, tmp_path: Path) -> None:
        assert self.part().row_keys, "row_keys says which keys a row has"
        for keys in self.part().row_keys:
            assert keys.needed.keys() <= keys.example.keys() <= {*keys.names}
            assert any(known <= {*keys.names} for known in self.part().keys)
            assert self._read([dict(keys.example)], tmp_path)

    def test_a_row_without_a_needed_key_is_named_by_file_and_line(self, tmp_path: Path) -> None:
        from eurus_core.errors import InputError

        for keys in self.part().row_keys:
            for lacking in keys.needed:
                row = {key: value for key, value in keys.example.items() if key != lacking}
                with pytest.raises(InputError, match="rows.jsonl, line 1: "):
                    self._read([row], tmp_path)

    def test_its_rows_make_trees(self, tmp_path: Path) -> None:
        from eurus_core.records import PreferenceTree
        from eurus_core.records.codec import from_json, to_json
        from eurus_core.records.pairs import disorder

        found = self._read(self.rows(), tmp_path)
        assert found
        for tree in found:
            assert not disorder(tree)
            assert from_json(PreferenceTree, to_json(tree)) == tree

    def test_values_of_the_wrong_kind_are_named_by_file_and_line(self, tmp_path: Path) -> None:
        from eurus_core.errors import InputError

        row = self.rows()[0]
        for key in next(keys for keys in self.part().keys if keys <= row.keys()):
            with pytest.raises(InputError, match="rows.jsonl, line 1: "):
                self._read([row | {key: 7}], tmp_path)

    def _read(self, rows: Sequence[dict[str, Any]], folder: Path) -> list[PreferenceTree]:
        from eurus_core.formats import read_rows

        file = folder / "rows.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return list(read_rows([file], form=self.part()))
