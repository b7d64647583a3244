"""``eurus data``: growing trees, and what is in them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from eurus_core.cli.run import stage_command
from eurus_core.episode.journal import Journal
from eurus_core.episode.resume import recorded
from eurus_core.errors import InputError
from eurus_core.formats import open_trees
from eurus_core.records.codec import to_json
from eurus_core.records.tree_set import tree_sets
from eurus_core.runs import stage_folders
from eurus_core.stages.report import Table
from eurus_data.audits.counts import Counts


@click.group()
def data() -> None:
    """Grow preference trees and look at them."""


data.add_command(
    stage_command(
        "eurus-data/grow",
        name="grow",
        summary="Grow preference trees.\n\n\b\nExamples:\n"
        "  eurus data grow trees.toml --out runs/trees\n"
        "  eurus data grow --set source=arithmetic --set problems=8 --set 'actors=[{backend = \"reference\"}]'",
    )
)


@data.command(short_help="Count what tree sets or rows contain.")
@click.argument("trees", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def stats(trees: Path, as_json: bool) -> None:
    """Count what TREES contains: actions and pairs by turn, actors, the share of assisted actions.

    TREES is a tree set, such as runs/demo/grow/trees; a run or a stage of it, such as runs/demo, whose tree sets are then counted
    one after the other; or rows that 'eurus parts formats' lists.
    """
    found = {str(one): Counts(open_trees(one)) for one in _counted(trees)}
    if as_json:
        shown = {
            name: {"figures": one.figures(), "tables": [to_json(t) for t in one.tables()]}
            for name, one in found.items()
        }
        click.echo(json.dumps(shown if tree_sets(trees) else shown[str(trees)], indent=1, ensure_ascii=False))
        return
    for number, (name, counts) in enumerate(found.items()):
        if tree_sets(trees):
            click.secho(("\n\n" if number else "") + name, bold=True)
        _show(counts)


def _counted(path: Path) -> list[Path]:
    """Return the tree sets of a run in its order, or what else a path names; InputError for a run without any."""
    run = stage_folders(path)
    sets = tree_sets(path)
    if run and not sets:
        needed = f"Its stages are {', '.join(run)}; trees are made by stages that grow or import them."
        raise InputError("this run has no tree set yet", needed=needed, file=path)
    order = [folder for folders in run.values() for folder in folders]
    return sorted(sets, key=lambda one: order.index(one.parent) if one.parent in order else len(order)) or [path]


def _show(counts: Counts) -> None:
    for name, value in counts.figures().items():
        click.echo(f"{name}: {value:.3g}" if isinstance(value, float) else f"{name}: {value}")
    for table in counts.tables():
        click.echo(f"\n{table.name}")
        for line in aligned(table):
            click.echo(line)
        if table.caption:
            click.echo(table.caption)


@data.command(short_help="Print recorded replies as JSONL.")
@click.argument("journal", type=click.Path(path_type=Path))
def replies(journal: Path) -> None:
    """Print the replies in JOURNAL, a growth's replies.sqlite, as JSONL that the backend `replay` reads."""
    if not journal.is_file():
        raise InputError("no journal here", needed="A growth leaves replies.sqlite in its folder.", file=journal)
    with Journal(journal) as opened:
        for row in recorded(opened):
            click.echo(json.dumps(row))


def aligned(table: Table) -> list[str]:
    """Return a table as lines of text: a column's cells below its header, to the right where they are numbers."""
    cells = [list(table.columns), *(["-" if cell is None else str(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.columns))]
    numeric = [all(isinstance(row[i], int | float | None) for row in table.rows[:1]) for i in range(len(table.columns))]
    return [
        "  ".join(
            cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
