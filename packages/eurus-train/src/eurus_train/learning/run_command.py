"""Commands that learn: a recipe's stages, or one stage from settings alone, in one process or several."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from eurus_core.cli.run import about_stages, carry_out, plan_stages, recipe_options, stage_option
from eurus_core.parts.component import bare
from eurus_train.short_form import ShortForm, is_short, short_flags, short_options, short_settings

_SHORT = (
    "With --model or --rows the first argument is an objective ('eurus parts objectives'). Settings not given by --set are the paper's, "
    "for models of 7B and more, and the run folder is runs/ and the objective. 'eurus parts formats' lists the rows that can be read. "
    "The trained model is in the stage's folder, under model/."
)
_SEVERAL = (
    "The setting 'parallel' (ddp, zero2, zero3, fsdp) says how several processes share the work. With several machines, run the same "
    "command with the same --nodes and --rendezvous on each; all must see the same run folder."
)


def learning_command(kind: str, *, name: str, summary: str) -> click.Command:
    """Return a command that runs a recipe's stages of one kind that learns, or one such stage from settings alone."""

    @click.command(
        name,
        cls=ShortForm,
        help=f"{summary}\n\n{about_stages(kind)}\n\n{_SHORT}\n\n{_SEVERAL}",
        short_help=summary.splitlines()[0],
    )
    @click.argument("recipe", required=False, metavar="[RECIPE|OBJECTIVE]")
    @short_options
    @stage_option
    @click.option(
        "--processes",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="How many processes on this machine, one per GPU.",
    )
    @click.option(
        "--nodes", type=click.IntRange(1), default=1, show_default=True, help="How many machines train together."
    )
    @click.option(
        "--rendezvous", metavar="HOST:PORT", help="The address of one of several machines, and a free port on it."
    )
    @recipe_options
    def command(
        recipe: str | None,
        model: str | None,
        rows: tuple[str, ...],
        skip_bad: bool,
        stage: str | None,
        processes: int,
        nodes: int,
        rendezvous: str | None,
        profile: str | None,
        sets: tuple[str, ...],
        out: Path | None,
        seed: int | None,
        dry_run: bool,
    ) -> None:
        if nodes > 1 and rendezvous is None:
            raise click.UsageError("--nodes needs --rendezvous HOST:PORT, the same on every machine.")
        flags: dict[str, str] = {}
        if is_short(recipe, model, rows, skip_bad):
            flags = short_flags(sets)
            sets, out, recipe = (
                short_settings(kind, recipe, model, rows, skip_bad, sets),
                out or Path("runs") / bare(recipe or kind),
                None,
            )
        planned = plan_stages(kind, recipe, stage, profile=profile, sets=sets, out=out, seed=seed, flags=flags)
        if dry_run:
            carry_out(planned, dry_run=True)
            return
        from eurus_train.distributed import launch, ranks

        if ranks.started():
            launch.take_part(planned)
        elif processes * nodes > 1:
            if status := launch.start(sys.argv[1:], processes=processes, nodes=nodes, rendezvous=rendezvous):
                sys.exit(status)
        else:
            carry_out(planned, dry_run=False)

    return command
