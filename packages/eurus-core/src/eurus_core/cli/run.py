"""``eurus run``: carry out a recipe; and the making of commands that run one kind of stage alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from eurus_core.cli.typed import typed
from eurus_core.errors import UnknownName
from eurus_core.parts import installed
from eurus_core.parts.component import RunOption, bare
from eurus_core.runs import Plan, Run, plan, recipes
from eurus_core.runs.recipes import Recipe

_EVERYWHERE = "eurus_core.everywhere"


def recipe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        *map(_added, itertools.chain.from_iterable(installed().hook.eurus_run_options())),
        click.option(
            "--dry-run",
            is_flag=True,
            help="Check every setting and read the problems, show the stages, run nothing.",
        ),
        click.option("--seed", type=int, help="The seed of the run's random draws. Default: the recipe's, else 0."),
        click.option(
            "--out", type=click.Path(path_type=Path), help="The run folder. Default: runs/ and the recipe's name."
        ),
        click.option(
            "--set",
            "sets",
            multiple=True,
            metavar="PATH=VALUE",
            help="Set one setting, such as grow.problems=20; may be repeated.",
        ),
        click.option("--profile", metavar="NAME", help="Apply the recipe's [profile.NAME]."),
    ):
        function = option(function)
    return function


def _added(option: RunOption) -> Callable[..., Any]:
    """Return a plugin's flag: what it is given goes to every part of the recipe that has its setting."""

    def keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            context.meta.setdefault(_EVERYWHERE, {})[option.setting] = value

    return click.option(
        option.flag, type=click.Choice(option.choices), help=option.help, callback=keep, expose_value=False
    )


@click.command()
@click.argument("recipe")
@recipe_options
def run(
    recipe: str, profile: str | None, sets: tuple[str, ...], out: Path | None, seed: int | None, dry_run: bool
) -> None:
    """Run the stages of RECIPE (a name, see 'eurus recipe list', or a TOML file) in order.

    The same command resumes a run that was stopped and skips what is up to date. If eurus-eval is installed, the run ends by
    writing report.html.

    \b
    Examples:
      eurus run demo --dry-run
      eurus run demo --set grow.problems=20 --out runs/small
      eurus run mine.toml --profile tiny
    """
    carry_out(planned(recipes.load(recipe, profile=profile, sets=sets, seed=seed), out), dry_run=dry_run)


def planned(recipe: Recipe, out: Path | None) -> Plan:
    """Plan a recipe in ``out``, or in the folder that its name gives, telling the terminal what was dropped and what chosen."""
    for note in recipe.notes:
        click.echo(f"note: {note}", err=True)
    found = plan(recipe, out or Path("runs") / recipe.name, click.get_current_context().meta.get(_EVERYWHERE))
    for note in dict.fromkeys(note for step in found.steps for note in step.notes):
        click.echo(f"note: {note}", err=True)
    return found


def carry_out(planned: Plan, *, dry_run: bool) -> None:
    """Run a plan, telling the terminal where the result lies; or only show it."""
    started = Run(planned, command=typed())
    if dry_run:
        started.check()
        _show(planned, started)
        return
    try:
        written = started.carry_out()
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("The same command goes on where this one stopped.") from error
    tell_result(planned.folder, written)


def tell_result(folder: Path, written: Path | None) -> None:
    """Print where the result lies: the report where one was written; else say what would write it."""
    if written is None:
        try:
            installed().find("commands", "eurus-eval/report")
        except UnknownName as error:
            click.echo(f"No report: eurus-eval draws it. {str(error).partition('. ')[2]}", err=True)
    click.echo(str(written or folder))


def _show(planned: Plan, run: Run) -> None:
    width = max(len(step.name) for step in planned.to_do)
    kinds = max(len(step.kind) for step in planned.to_do)
    for step in planned.to_do:
        inputs = f"from {', '.join(step.inputs)}" if step.inputs else ""
        click.echo(f"{step.name:<{width}}  {step.kind:<{kinds}}  {run.state(step):<8}{inputs}".rstrip())
    click.echo(f"Nothing was run. Without --dry-run the result goes to {planned.folder}")


def stage_command(kind: str, *, name: str, summary: str) -> click.Command:
    """Return a command that runs one stage of a kind by itself, its settings given by ``--set`` or a recipe's tables.

    ``kind`` is a full name, such as ``eurus-data/grow``.
    """

    @click.command(name, help=f"{summary}\n\n{about_stages(kind)}", short_help=summary.splitlines()[0])
    @click.argument("recipe", required=False)
    @stage_option
    @recipe_options
    def command(
        recipe: str | None,
        stage: str | None,
        profile: str | None,
        sets: tuple[str, ...],
        out: Path | None,
        seed: int | None,
        dry_run: bool,
    ) -> None:
        carry_out(plan_stages(kind, recipe, stage, profile=profile, sets=sets, out=out, seed=seed), dry_run=dry_run)

    return command


stage_option = click.option("--stage", metavar="NAME", help="Run only the stage of this name.")


def about_stages(kind: str) -> str:
    """Return what the help of a command says that runs stages of one kind."""
    kind = bare(kind)
    return (
        f"With RECIPE, a name or a TOML file, its stages of kind {kind} run, and each path of --set begins with a stage's name. "
        "Results of other stages that they need must be in the run folder. Without RECIPE, --set gives every setting by its bare name, and "
        f"the run folder is runs/{kind} unless --out says otherwise. 'eurus parts stages {kind}' lists the settings."
    )


def plan_stages(
    kind: str,
    recipe: str | None,
    stage: str | None,
    *,
    profile: str | None,
    sets: tuple[str, ...],
    out: Path | None,
    seed: int | None,
    flags: Mapping[str, str] | None = None,
) -> Plan:
    """Return the plan of a recipe's stages of one kind; without a recipe, of one stage whose settings ``sets`` gives.

    ``flags`` are what the person has typed in place of ``--set``, by the settings.
    """
    if recipe is not None:
        return planned(recipes.load(recipe, profile=profile, sets=sets, seed=seed), out).only(kind, stage)
    own = bare(kind)
    text = f'["{own}"]\nstage = "{kind}"\n'
    sets = tuple(f"{own}.{assignment}" for assignment in sets)
    name = out.resolve().name if out else own
    file = f"stage {own}"
    alone = recipes.parse(text, file=file, name=name, profile=profile, sets=sets, seed=seed, bare=True, flags=flags)
    return planned(alone, out)
