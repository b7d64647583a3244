"""The ``eurus report`` command."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
def report(run: Path) -> None:
    """Render report.html of the run in folder RUN, such as runs/demo, again."""
    from eurus_eval.report.page import write_page

    click.echo(write_page(run))
