"""The short form of the commands that learn: an objective, a model and rows in place of a recipe. Light."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from eurus_core.parts import installed


class ShortForm(click.Command):
    """A command with ``--rows``, which a shell gives more words than one where a pattern was not quoted."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        patterned = "--rows" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if patterned and "extra argument" in error.message:
                hint = "Quote a pattern, so that the shell leaves it whole: --rows 'train-*.jsonl'."
                raise click.UsageError(f"{error.message.rstrip('.')}. {hint}", ctx) from error
            raise


def short_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--model``, ``--rows`` and ``--skip-bad``."""
    model = click.option("--model", metavar="MODEL", help="Where learning starts: a folder, a hub id, smollm2.")
    rows = click.option(
        "--rows",
        metavar="PATH",
        multiple=True,
        help="What to learn from: a tree set or a file of rows; may be repeated.",
    )
    skip = click.option("--skip-bad", is_flag=True, help="Leave out rows that cannot be used, and count them.")
    return model(rows(skip(function)))


def is_short(recipe: str | None, model: str | None, rows: tuple[str, ...], skip_bad: bool) -> bool:
    """Return whether the short form is meant; UsageError for an objective alone, or what goes with the short form only."""
    short = model is not None or bool(rows)
    offers = installed().offers
    if not short and recipe in offers("objectives") and recipe not in offers("recipes"):
        raise click.UsageError(f"{recipe} is an objective: give --model and --rows, too, or a recipe.")
    if skip_bad and not short:
        raise click.UsageError("--skip-bad goes with --rows. Elsewhere set skip_bad of the stage that reads the rows.")
    return short


def short_flags(sets: tuple[str, ...]) -> dict[str, str]:
    """Return what gives a setting in the short form, as messages name it; but for those that ``--set`` gives, too."""
    flags = {"objective": "OBJECTIVE", "model": "--model", "trees": "--rows", "skip_bad": "--skip-bad"}
    set_too = {assignment.partition("=")[0].partition(".")[0].strip() for assignment in sets}
    return {key: flag for key, flag in flags.items() if key not in set_too}


def short_settings(
    kind: str, objective: str | None, model: str | None, rows: tuple[str, ...], skip_bad: bool, sets: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the settings that the short form stands for; those of ``--set`` come later, so they win.

    UsageError where one of the three words is missing that make it.
    """
    set_too = {assignment.partition("=")[0].strip() for assignment in sets}
    words = {"an objective": ("objective", objective), "--model": ("model", model), "--rows": ("trees", rows)}
    if missing := [word for word, (key, value) in words.items() if not value and key not in set_too]:
        raise click.UsageError(f"Without a recipe give {' and '.join(missing)}, too.")
    given: list[tuple[str, object]] = [("objective", objective), ("model", model), ("trees", list(rows) or None)]
    given.append(("skip_bad", skip_bad or None))
    if kind == "eurus-train/train":  # the paper's rates; the other stage has its own as its default
        given.append(("learning_rate", 2e-5 if objective in ("sft", "eurus-train/sft") else 5e-7))
    return (*(f"{key}={json.dumps(value)}" for key, value in given if value is not None), *sets)
