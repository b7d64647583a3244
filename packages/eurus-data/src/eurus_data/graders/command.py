"""``eurus grade``: predictions and references in, verdicts out, line by line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any

import click

from eurus_core.errors import InputError, UserError
from eurus_data.options import Seconds

if TYPE_CHECKING:
    from eurus_data.graders.grading import Finding, Graders
    from eurus_data.graders.peers import Peer
    from eurus_data.graders.rows import Row

FLUSH_SECONDS = 0.2
"""How long a line may wait for others before it is written."""


@click.command(short_help="Judge predictions against references.")
@click.argument("rows", type=click.File("rb"), default="-")
@click.option(
    "--kind", default="math", metavar="NAME", help='The grader; a row\'s own "kind" goes first. Default: math.'
)
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Set one of the grader's settings.")
@click.option(
    "--timeout",
    type=Seconds(),
    metavar="SECONDS",
    help="Computing time a verdict may take.",
)
@click.option("--explain", is_flag=True, help="Print how both sides were read, for people.")
@click.option(
    "--against", type=click.Choice(["math-verify"]), help="List only disagreements with a peer that is installed."
)
@click.option(
    "--skip-bad", is_flag=True, help='Write {"error": ...} in the place of a line that cannot be used, and go on.'
)
def grade(
    rows: IO[bytes],
    kind: str,
    sets: tuple[str, ...],
    timeout: float | None,
    explain: bool,
    against: str | None,
    skip_bad: bool,
) -> None:
    """Judge each line {"prediction", "reference"} of ROWS, a JSONL file or standard input.

    Prints {"outcome", "rule", "why", "parsed_prediction", "parsed_reference", "seconds"} a line, in the order of the input and while
    it still arrives. A line may have a "kind" (math, code, choice, text, judge, or {"name": ..., a setting: ...}) and an "instruction",
    the problem's text, from which options are read and which a judge is shown. A list as reference holds alternatives; for code, tests:
    assertions, or pairs of input and output. 'eurus parts graders' lists kinds and settings.

    The first line that cannot be used ends the command with exit status 2, after the verdicts on all lines before it were written.

    \b
    Examples:
      echo '{"prediction": "0.5", "reference": "\\\\frac12"}' | eurus grade
      eurus grade answers.jsonl --kind text --set match=denotation
      eurus grade answers.jsonl --against math-verify
    """
    from eurus_core.runs.recipes import assignment
    from eurus_data.graders.grading import Graders

    settings: dict[str, Any] = {"name": kind}
    for text in sets:
        keys, value = assignment(text)
        table = settings
        for key in keys[:-1]:
            table = table.setdefault(key, {})
        table[keys[-1]] = value
    with ExitStack() as stack:
        peer = stack.enter_context(_peer(against)) if against else None
        graders = stack.enter_context(Graders(settings, timeout))
        written = _Output()
        stack.callback(written.flush)
        judged = disagreed = 0
        for found in _findings(rows, graders, skip_bad, written):
            judged += 1
            if isinstance(found, str):
                written.line(json.dumps({"error": found}, ensure_ascii=False))
            elif peer is None:
                written.line(_explained(found) if explain else json.dumps(found.to_json(), ensure_ascii=False))
            elif (line := _disagreement(found, peer, against or "", graders)) is not None:
                disagreed += 1
                written.line(json.dumps(line, ensure_ascii=False))
        if peer is not None:
            written.flush()
            click.echo(f"judged {judged}, of which {disagreed} otherwise than {against}", err=True)


class _Output:
    """Standard output, flushed when a line has waited long enough. Half a surrogate pair is written as JSON's own escape."""

    def __init__(self) -> None:
        self._stream = sys.stdout.buffer
        self._flushed = time.monotonic()

    def line(self, text: str) -> None:
        self._stream.write(text.encode("utf-8", "backslashreplace") + b"\n")
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        self._stream.flush()
        self._flushed = time.monotonic()


def _findings(rows: IO[bytes], graders: Graders, skip_bad: bool, written: _Output) -> Iterator[Finding | str]:
    """Yield findings, and what is wrong with a line that is skipped; an error is raised after the findings before it."""
    from eurus_data.graders.rows import KEYS, chunks

    name = getattr(rows, "name", "<stdin>")
    told: set[str] = set()
    for chunk in chunks(rows, name):  # type: ignore[arg-type] # click's file is a buffered reader
        usable: list[Row] = []
        for number, line in chunk:
            try:
                row = _row(number, line, name, graders)
            except InputError as error:
                yield from graders.findings(usable)
                usable = []
                if not skip_bad:
                    raise
                yield str(error)
            else:
                usable.append(row)
                if new := [key for key in row.unused if key not in told]:
                    told.update(new)
                    click.echo(
                        f"line {number}: not used: {_shown(', '.join(new))} (a line has {', '.join(KEYS)})", err=True
                    )
        yield from graders.findings(usable)
        written.flush()


def _row(number: int, line: bytes, name: str, graders: Graders) -> Row:
    from eurus_data.graders.rows import read

    row = read(number, line, name)
    try:
        graders.check(row)
    except InputError as error:
        raise InputError(error.found, needed=error.needed, file=name, line=number) from None
    except UserError as error:
        raise InputError(str(error), file=name, line=number) from None
    return row


def _explained(finding: Finding) -> str:
    found, row = finding.comparison, finding.row
    why = f": {_shown(found.why)}" if found.why else ""
    return (
        f"line {row.line}: {found.outcome} ({found.rule}){why}\n"
        f"  prediction  {_shown(row.prediction)}  read as  {_shown(found.parsed_prediction) or '-'}\n"
        f"  reference   {_shown(' or '.join(row.answers))}  read as  {_shown(found.parsed_reference) or '-'}"
    )


def _shown(text: str) -> str:
    from eurus_data.graders.comparison import short

    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in short(text, 120))


def _peer(name: str) -> Any:
    from contextlib import closing

    from eurus_data.graders.peers import Peer

    return closing(Peer(name))


def _disagreement(finding: Finding, peer: Peer, name: str, graders: Graders) -> dict[str, Any] | None:
    """Return what to print where the peer judges a row of mathematics otherwise, else None."""
    from eurus_data.graders.math import MathGrader

    row, found = finding.row, finding.comparison
    if not isinstance(graders.grader(row.kind), MathGrader):
        return None
    said = {peer.judge(row.prediction, answer) for answer in row.answers}
    theirs = "correct" if "correct" in said else min(said)
    if (theirs == "correct") == found.correct:
        return None
    return {
        "line": row.line,
        "prediction": row.prediction,
        "reference": row.reference,
        "outcome": found.outcome,
        "rule": found.rule,
        "why": found.why,
        name: theirs,
    }
