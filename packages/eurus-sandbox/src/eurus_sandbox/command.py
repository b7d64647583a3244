"""``eurus sandbox``: what confines model code on this machine, and a way to run some."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, get_args

import click

from eurus_core.cli.options import Seconds
from eurus_core.errors import InputError
from eurus_core.records import Tier

if TYPE_CHECKING:
    from eurus_core.records import Observation

TIERS = get_args(Tier)
_CELL_MARK = re.compile(r"^# ?%%.*\n?", re.MULTILINE)
_ENDED_LATE = 124  # as timeout(1)

minimum = click.option(
    "--sandbox-min",
    "minimum_tier",
    type=click.Choice(TIERS),
    default="T2",
    show_default=True,
    help="Run nothing where less than this confines it.",
)


@click.group()
def sandbox() -> None:
    """See what confines model code on this machine; run some.

    T3: namespaces and a work folder with a quota on top of T2. T2: Landlock and seccomp. T1: seccomp only, files can be read. T0:
    resource limits only.
    """


@sandbox.command(short_help="Show what confines code here, what does not, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@minimum
def doctor(as_json: bool, minimum_tier: Tier) -> None:
    """Show each layer: active or not, why not, and what to do about it.

    The layers are found by attempting what each forbids, from a confined process. Exit status 1 where less than --sandbox-min is
    reached.
    """
    from eurus_sandbox.blocking import Sandbox

    with Sandbox(preload=(), minimum_tier="T0") as opened:
        tier, layers = opened.tier, opened.layers
    if as_json:
        rows = [{"name": one.name, "active": one.active, "about": one.about, "remedy": one.remedy} for one in layers]
        click.echo(json.dumps({"tier": tier, "layers": rows}, indent=1))
    else:
        width = max(len(one.name) for one in layers)
        for one in layers:
            click.echo(f"{one.name:<{width}}  {'active' if one.active else 'not active'}  {one.about}".rstrip())
            if one.remedy:
                click.echo(f"{'':<{width}}  {one.remedy}.")
        click.echo(f"tier {tier}")
    if tier < minimum_tier:
        raise SystemExit(1)


@sandbox.command(short_help="Run a program confined.")
@click.argument("program", type=click.File("rb"), default="-")
@click.option(
    "--timeout",
    type=Seconds(),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="Wall clock of a cell.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line a cell: text, status, tier, seconds.")
@minimum
def run(program: IO[bytes], timeout: float, as_json: bool, minimum_tier: Tier) -> None:
    """Run the cells of PROGRAM, a file or standard input, and print what a model would be shown.

    Lines that begin with # %% part cells; without one all is one cell. The first cell that fails ends the run. Exit status: 0, 1
    after an error or for want of memory, 124 where a cell ran out of time or was killed.
    """
    from eurus_core.records.codec import to_json
    from eurus_sandbox.blocking import Sandbox
    from eurus_sandbox.settings import Settings

    text = _text(program)
    cells = [cell for cell in _CELL_MARK.split(text) if cell.strip()]
    wanted = Settings(tables=find_spec("pandas") is not None).modules
    named = [name for name in wanted if name.partition(".")[0] in text]  # more would only cost the start
    shown: Observation | None = None
    with (
        Sandbox(timeout_seconds=timeout, minimum_tier=minimum_tier, preload=named) as opened,
        opened.session() as session,
    ):
        for cell in cells:
            shown = session.run(cell)
            row = {"status": shown.status, **to_json(shown)}  # to_json leaves out what is as usual
            click.echo(json.dumps(row, ensure_ascii=False) if as_json else shown.text)
            if shown.status != "ok":
                break
    if shown is not None and shown.status != "ok":
        click.echo(f"{shown.status} at tier {shown.tier}", err=True)
        raise SystemExit(_ENDED_LATE if shown.status in ("timeout", "killed") else 1)


def _text(program: IO[bytes]) -> str:
    try:
        return program.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError("no UTF-8", needed="Needed is a Python program.", file=program.name, line=line) from error
