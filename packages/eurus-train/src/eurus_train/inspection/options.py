"""What the commands share that look at learning stages before they run. Light: imported with the command line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from eurus_core.cli.run import plan_stages, planned
from eurus_core.parts.component import bare
from eurus_core.runs import recipes
from eurus_train.short_form import is_short, short_flags, short_options, short_settings


def about_recipe(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the plan of a recipe, or of a training in the short form, as its first argument, and the option ``--stage``."""

    @functools.wraps(function)
    def command(
        recipe: str,
        model: str | None,
        rows: tuple[str, ...],
        skip_bad: bool,
        profile: str | None,
        sets: tuple[str, ...],
        out: Path | None,
        **rest: Any,
    ) -> Any:
        if not is_short(recipe, model, rows, skip_bad):
            return function(planned(recipes.load(recipe, profile=profile, sets=sets), out), **rest)
        given = short_settings("eurus-train/train", recipe, model, rows, skip_bad, sets)
        out = out or Path("runs") / bare(recipe)
        flags = short_flags(sets)
        found = plan_stages(
            "eurus-train/train", None, None, profile=profile, sets=given, out=out, seed=None, flags=flags
        )
        return function(found, **rest)

    described: Callable[..., Any] = command
    for decorate in (
        click.option("--out", type=click.Path(path_type=Path), help="The run folder; finished stages in it are used."),
        click.option(
            "--set",
            "sets",
            multiple=True,
            metavar="PATH=VALUE",
            help="Set one setting, such as sft.max_length=4096; may be repeated.",
        ),
        click.option("--profile", metavar="NAME", help="Apply the recipe's [profile.NAME]."),
        click.option("--stage", metavar="NAME", help="Only the training stage of this name."),
        short_options,
        click.argument("recipe", metavar="RECIPE|OBJECTIVE"),
    ):
        described = decorate(described)
    return described
