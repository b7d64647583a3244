"""``eurus train preflight``: what would spoil a training, found in seconds instead of hours."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from eurus_train.inspection.options import about_recipe
from eurus_train.short_form import ShortForm

if TYPE_CHECKING:
    from eurus_core.runs import Plan

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command(cls=ShortForm, short_help="Check template, data, model and loss before learning.")
@about_recipe
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="How many trees to look at, drawn by data_seed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line per check.")
def preflight(
    planned: Plan,
    stage: str | None,
    sample: int,
    as_json: bool,
) -> None:
    """Check RECIPE's training stages on their own model and data; exit with 1 if one would go wrong.

    It compares the template with apply_chat_template, the forest with the model's plain forward pass, the policy with its reference,
    and the loss at step 0 with its constant. It looks for a double BOS, and checks the end of actions, the weights and the head. With --model or --rows the first argument is an
    objective, as in eurus train run.

    \b
    Examples:
      eurus train preflight eurus-7b-kto --set ultrainteract.rows=pairs.jsonl --set ultrafeedback.rows=[]
      eurus train preflight mine.toml --stage nca
      eurus train preflight nca --model smollm2 --rows pairs.jsonl
    """
    from eurus_train.inspection.checks import check
    from eurus_train.inspection.dry_run import dry_run

    failed = False
    for one in dry_run(planned, stage, sample):
        began = time.monotonic()
        if not as_json:
            click.secho(f"{one.name}: {one.stage.model}", bold=True)
        for found in check(one):
            failed = failed or found.outcome == "failed"
            if as_json:
                row = {"stage": one.name, "check": found.name, "outcome": found.outcome, "found": found.found}
                click.echo(json.dumps(row))
            else:
                outcome = click.style(f"{found.outcome:<7}", fg=COLOURS[found.outcome])
                click.echo(f"  {outcome}  {found.name:<18}  {found.found}")
        if not as_json:
            click.echo(f"  {len(one.trees):,} of {one.of:,} trees looked at in {time.monotonic() - began:.1f} s")
    if failed:
        raise SystemExit(1)
