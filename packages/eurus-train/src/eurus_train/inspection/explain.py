"""``eurus train explain``: one packed row, as the model will read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eurus_core.errors import InputError
from eurus_train.inspection.options import about_recipe
from eurus_train.short_form import ShortForm

if TYPE_CHECKING:
    from eurus_core.runs import Plan
    from eurus_train.forest.layout import Forest


@click.command(cls=ShortForm, short_help="Show a packed row: its tokens as a tree, and what is scored.")
@about_recipe
@click.option(
    "--row",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Which packed row, in the order of training.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    help="How many trees to pack, drawn by data_seed. Default: all, as in training.",
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write an interactive page instead of text."
)
def explain(
    planned: Plan,
    stage: str | None,
    row: int,
    sample: int | None,
    html: Path | None,
) -> None:
    """Show a packed row of RECIPE: the place of each token, which tokens are scored and as what, and which ones each sees.

    A row is a forest: trees whose shared beginnings occur once. If there are several training stages, the first is shown unless --stage
    names another. With --model or --rows the first argument is an objective, as in eurus train run.

    \b
    Examples:
      eurus train explain eurus-7b-kto --profile tiny
      eurus train explain mine.toml --stage nca --row 3 --html row.html
      eurus train explain nca --model smollm2 --rows pairs.jsonl
    """
    from eurus_train.inspection.dry_run import dry_run

    if html is not None and not html.parent.is_dir():
        raise InputError("no such folder", needed="The page is written into a folder that is there.", file=html.parent)
    one = next(dry_run(planned, stage, sample))
    tokenizer = one.stage.tokenizer()
    found = one.stage.examples(one.trees, one.stage.chat(tokenizer), left_out=one.left_out)
    rows = [examples for examples in one.stage.plan(found).flat() if examples]
    if row >= len(rows):
        raise InputError(f"{one.name} has {len(rows)} packed rows; no row {row}", needed="Rows count from 0.")
    forest = one.stage.loss_step(one.stage.objective).plant(rows[row])
    title = f"{one.name}, row {row} of {len(rows)}"
    if html is None:
        click.echo(text(forest, tokenizer, title), nl=False)
        return
    from eurus_train.inspection.forest_page import page

    html.write_text(page(forest, tokenizer, title), encoding="utf-8")
    click.echo(str(html))


def text(forest: Forest, tokenizer: Any, title: str) -> str:
    """Return a forest in words: its branches, then its stretches of tokens, indented as they are shared.

    Scored stretches are marked ``>``; each names the one it follows, whose tokens (and those before) it sees.
    """
    from eurus_train.inspection.outlines import roles, stretches

    found, said = stretches(forest), roles(forest)
    shared = forest.logical_tokens / len(forest)
    lines = [f"{title}: {len(forest):,} unique tokens for {forest.logical_tokens:,} ({shared:.2f} x)", ""]
    for number, (branch, role) in enumerate(zip(forest.branches, said, strict=True)):
        tokens = f"{len(branch.history)} + {len(branch.action)} tokens"
        place = f"{branch.tree} {branch.node}".strip()
        lines.append(f"branch {number}: {place}, turn {branch.turn}, source {branch.source}, {tokens}, {role}")
    lines.append("")
    for index, stretch in enumerate(found):
        sees = "begins a path" if stretch.parent is None else f"follows [{stretch.parent}]"
        scored = f", scored for {', '.join(map(str, stretch.scored_for))}" if stretch.scored_for else ""
        indent = "  " * stretch.level
        depth = f"depth {stretch.depth} to {stretch.depth + stretch.end - stretch.start - 1}"
        lines.append(f"{indent}[{index}] positions {stretch.start} to {stretch.end - 1}, {depth}, {sees}{scored}")
        mark = ">" if stretch.scored_for else "|"
        words = tokenizer.decode(forest.tokens[stretch.start : stretch.end].tolist())
        lines += [f"{indent}  {mark} {line}" for line in words.split("\n")]
    return "\n".join(lines) + "\n"
