"""Contracts of what a person runs: stages, recipes, commands."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import pytest
from click.testing import CliRunner

from eurus_core.testing.part import PartContract

if TYPE_CHECKING:
    from eurus_core.runs import Recipe
    from eurus_core.stages import Context


class StageContract(PartContract):
    """A stage: looks ahead without a trace, leaves what it says that it makes, and goes on in a folder that it has worked in.

    ``part`` gives it settings with which it is done in seconds, inputs among them, and asks no fixture for them: the stage runs once for
    all tests of a class, then once more in the same folder.
    """

    seed = 1

    @pytest.fixture(scope="class")
    @classmethod
    def finished(cls, tmp_path_factory: pytest.TempPathFactory) -> Context:
        """Return what the stage was handed, after it has run."""
        contract = cls()
        context = contract._context(tmp_path_factory.mktemp("stage"))
        contract.part().run(context)
        return context

    def test_it_says_what_it_makes(self) -> None:
        from eurus_core.stages import Artefact

        assert self.part().produces in get_args(Artefact)

    def test_it_looks_ahead_in_sentences_and_leaves_no_trace(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        part = self.part()
        monkeypatch.chdir(tmp_path)
        assert all(isinstance(sentence, str) and sentence for sentence in part.check(self.seed))
        assert not list(tmp_path.iterdir())

    def test_what_it_makes_is_where_it_belongs(self, finished: Context) -> None:
        made = self.part().produces
        assert made == "none" or finished.path(made).exists()

    def test_its_report_is_read_as_it_was_written(self, finished: Context, tmp_path: Path) -> None:
        from eurus_core.stages.report import read_report, write_report

        write_report(tmp_path / "report.json", finished.report)
        assert read_report(tmp_path / "report.json") == finished.report

    def test_it_goes_on_in_a_folder_that_it_has_worked_in(self, finished: Context) -> None:
        self.part().run(self._context(finished.folder))
        self.test_what_it_makes_is_where_it_belongs(finished)

    def _context(self, folder: Path) -> Context:
        from eurus_core.stages import Context

        return Context(folder, name="contract", seed=self.seed, events=_as_json)


def _as_json(event: dict[str, object]) -> None:
    """Fail for an event that no file of events can hold."""
    json.dumps(event)


class RecipeContract(ABC):
    """A recipe: planned as it stands or under a profile, and safe from plugins that offer a part of the same name."""

    name: str
    """What ``eurus run`` is given: an offered name, or the path of a TOML file."""
    profile: str | None = None
    sets: tuple[str, ...] = ()

    def test_every_stage_is_planned(self, tmp_path: Path) -> None:
        from eurus_core.runs import plan

        recipe = self._load()
        assert [step.name for step in plan(recipe, tmp_path / "run").steps] == list(recipe.stages)

    def test_it_says_what_it_is(self) -> None:
        recipe = self._load()
        assert recipe.title
        assert recipe.summary

    def test_it_names_parts_in_full(self) -> None:
        recipe = self._load()
        bare = sorted({name for stage in recipe.stages.values() for name in _bare_names(stage)})
        assert not bare, "a plugin may offer a part of the same name: write distribution/name"

    def _load(self) -> Recipe:
        from eurus_core.runs import recipes

        return recipes.load(self.name, profile=self.profile, sets=self.sets)


def _bare_names(value: Any) -> Iterator[str]:
    """Yield the names of parts that stand without their distribution: of stages, and of parts with settings."""
    if isinstance(value, dict):
        yield from (value[key] for key in ("stage", "name") if "/" not in str(value.get(key, "/")))
        for item in value.values():
            yield from _bare_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _bare_names(item)


class CommandContract(ABC):
    """A command of ``eurus``: it and all below it explain themselves, and a mistyped option is a user's mistake."""

    @abstractmethod
    def command(self) -> click.Command:
        """Return the command under test."""

    def test_it_and_all_below_it_explain_themselves(self) -> None:
        for path, command in _below(self.command()):
            done = CliRunner().invoke(self.command(), [*path, "--help"])
            assert done.exit_code == 0, done.output
            assert command.get_short_help_str(), " ".join(path)
            for option in command.params:
                assert not isinstance(option, click.Option) or option.help, f"{' '.join(path)} {option.name}"

    def test_an_unknown_option_is_a_user_s_mistake(self) -> None:
        for path, _ in _below(self.command()):
            done = CliRunner().invoke(self.command(), [*path, "--no-such-option"])
            assert done.exit_code == 2, done.output
            assert "no-such-option" in done.output


def _below(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if found := command.get_command(context, name):
                yield from _below(found, (*path, name))
