"""``eurus train plan``: what a recipe's training will cost, before it costs anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from eurus_train.inspection.options import about_recipe
from eurus_train.short_form import ShortForm

if TYPE_CHECKING:
    from eurus_core.runs import Plan
    from eurus_train.inspection.costs import Budget

H100_TFLOPS = 989.0
"""bfloat16, dense, as NVIDIA states it for the SXM form."""


@click.command(cls=ShortForm, short_help="Show tokens, memory, operations and GPU hours.")
@about_recipe
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many trees to measure; totals are scaled up from them.",
)
@click.option("--gpus", type=click.IntRange(min=1), default=1, show_default=True, help="How many GPUs share the work.")
@click.option(
    "--peak",
    type=click.FloatRange(min=0, min_open=True),
    default=H100_TFLOPS,
    show_default=True,
    help="The peak of one GPU, in TFLOP/s.",
)
@click.option(
    "--mfu",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.35,
    show_default=True,
    help="The share of the peak that is reached.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line per stage.")
def plan(
    planned: Plan,
    stage: str | None,
    sample: int,
    gpus: int,
    peak: float,
    mfu: float,
    as_json: bool,
) -> None:
    """Estimate tokens, memory, operations and GPU hours of RECIPE's training stages without training.

    It reads trees, the tokenizer and the model's configuration, and loads no weights. With --model or --rows the first argument is an
    objective, as in eurus train run.

    \b
    Examples:
      eurus train plan eurus-7b-kto --set ultrainteract.rows=pairs.jsonl --set ultrafeedback.rows=[] --gpus 8
      eurus train plan mine.toml --stage nca --peak 312 --mfu 0.4
      eurus train plan nca --model smollm2 --rows pairs.jsonl
    """
    from eurus_train.forest.operations import outline
    from eurus_train.inspection.costs import budget
    from eurus_train.inspection.dry_run import dry_run

    for one in dry_run(planned, stage, sample):
        examples = one.stage.examples(one.trees, one.stage.chat(one.stage.tokenizer()), left_out=one.left_out)
        share = 1.0 if one.stage.max_steps is not None else one.share
        found = budget(
            one.stage, one.stage.plan(examples), outline(one.stage.model), share=share, gpus=gpus, tflops=peak, mfu=mfu
        )
        if as_json:
            shown = {"stage": one.name, "model": one.stage.model, "trees": one.of, "measured": len(one.trees)}
            click.echo(json.dumps({**shown, "examples": round(len(examples) / share), **found.as_json()}))
            continue
        click.secho(f"{one.name}: {one.stage.model}", bold=True)
        measured = f", {len(one.trees):,} of them measured" if len(one.trees) < one.of else ""
        click.echo(
            f"  {one.of:,} trees{measured}, {round(len(examples) / share):,} examples in {found.steps:,} steps of up to "
            f"{one.stage.trees_per_step} trees, learning rate {one.stage.learning_rate:g} at its highest"
        )
        for line in lines(found, gpus, peak, mfu):
            click.echo(f"  {line}")
        if said := str(examples.left_out):
            click.echo(f"  cut or left out: {said}")


def lines(found: Budget, gpus: int, peak: float, mfu: float) -> list[str]:
    """Return a budget in words, with what it assumes."""
    work, reference = found.training, found.reference
    shared = f" on each of {gpus} GPUs" if gpus > 1 else ""
    rows: list[tuple[str, Any]] = [
        ("tokens", f"{_count(work.logical)} logical, {_count(work.unique)} unique: {found.dedup_ratio:.2f} x"),
        (
            "forests",
            f"{work.forests:,}, the largest of {work.largest:,} tokens, {_count(work.scored_rows)} rows scored",
        ),
        ("reference", f"{_count(reference.unique)} unique tokens, each forest once" if reference.unique else "none"),
        ("parameters", f"{_count(found.parameters)}, {_count(found.trained)} of them trained"),
        (
            "memory",
            f"{_bytes(found.bytes_a_gpu)}{shared}: weights {_bytes(found.weight_bytes)}, gradients {_bytes(found.gradient_bytes)}, "
            f"AdamW {_bytes(found.optimizer_bytes)}, activations about {_bytes(found.activation_bytes)}",
        ),
        ("operations", f"{found.flops:.3g} FLOP"),
        (
            "time",
            f"{_hours(found.gpu_hours)} GPU hours at {peak:g} TFLOP/s and an MFU of {mfu:g}"
            + (f", {_hours(found.gpu_hours / gpus)} hours on {gpus}" if gpus > 1 else ""),
        ),
    ]
    return [f"{name:<11} {text}" for name, text in rows]


def _count(number: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.2f} {letter}"
    return f"{number:.0f}"


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _hours(hours: float) -> str:
    return f"{hours:.3g}" if hours >= 0.001 else "under 0.001"
