"""``eurus train preflight``: what would spoil a training, found in seconds instead of hours."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from eurus_train.preview.options import about_recipe
from eurus_train.short_form import ShortForm

if TYPE_CHECKING:
    from eurus_core.runs import Plan

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command(cls=ShortForm, short_help="Check template, data, model and loss before learning.")
@about_recipe
@click.option(
    "--sample", type=click.IntRange(min=1), default=200, show_default=True, help="Trees to look at, drawn by data_seed."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line a check.")
def preflight(
    planned: Plan,
    stage: str | None,
    sample: int,
    as_json: bool,
) -> None:
    """Check RECIPE's learning stages on the model and data they will have; exit 1 where one would be spoilt.

    Template against apply_chat_template, double BOS, the end of actions, weights and head, the forest against the model's plain
    forward, the policy against its reference, the loss at step 0 against its constant. With --model or --rows the first argument is an
    objective, as in eurus train run.

    \b
    Examples:
      eurus train preflight eurus-7b-kto --set ultrainteract.rows=pairs.jsonl --set ultrafeedback.rows=[]
      eurus train preflight mine.toml --stage nca
      eurus train preflight nca --model smollm2 --rows pairs.jsonl
    """
    from eurus_train.preview.checks import check
    from eurus_train.preview.rehearsal import rehearse

    failed = False
    for one in rehearse(planned, stage, sample):
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
