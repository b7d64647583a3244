"""``eurus recipe``: list, show and check recipes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from eurus_core.parts import installed
from eurus_core.runs import plan, recipes


@click.group()
def recipe() -> None:
    """List, show and check recipes."""


@recipe.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_recipes(as_json: bool) -> None:
    """List the recipes that plugins offer."""
    offers = sorted(installed().offers("recipes").items())
    if as_json:
        click.echo(json.dumps([{"name": name, "summary": offer.component.summary} for name, offer in offers], indent=1))
        return
    width = max((len(name) for name, _ in offers), default=0)
    for name, offer in offers:
        click.echo(f"{name:<{width}}  {offer.component.summary}")


@recipe.command()
@click.argument("recipe")
def show(recipe: str) -> None:
    """Print RECIPE's TOML text, to read or to start your own from.

    RECIPE is a name from 'eurus recipe list' or a TOML file.
    """
    click.echo(recipes.find(recipe)[1], nl=False)


@recipe.command()
@click.argument("recipe")
@click.option("--profile", metavar="NAME", help="Apply the recipe's [profile.NAME].")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Set one setting, such as grow.problems=20.")
def check(recipe: str, profile: str | None, sets: tuple[str, ...]) -> None:
    """Check RECIPE without running it: every key, part and input.

    RECIPE is a name from 'eurus recipe list' or a TOML file.
    """
    loaded = recipes.load(recipe, profile=profile, sets=sets)
    planned = plan(loaded, Path("runs") / loaded.name)
    for note in loaded.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{loaded.name}: {len(planned.steps)} stages, all settings known, all inputs made by earlier stages.")
