"""``eurus grade``: predictions and references in, verdicts out, line by line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any

import click

from eurus_core.cli.options import Seconds
from eurus_core.errors import InputError, UserError

if TYPE_CHECKING:
    from eurus_core.records import Verdict
    from eurus_graders.grading import Graders, Judged
    from eurus_graders.peers import Peer
    from eurus_graders.rows import Row

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
    it still arrives. A prediction is an answer or a whole reply, which is read as replies are in a growth. A line may have a "kind" (math,
    code, choice, text, judge, or {"name": ..., a setting: ...}) and an "instruction", the problem's text, from which options are read and
    which a judge is shown. 'eurus parts graders' lists kinds and settings.

    A list as reference holds alternatives, any of which is right: ["1/2", "0.5"]. An answer that is itself a list is written as one text:
    "2, 3", "[2, 3]" or, for tables, "Bangkok|Thailand". For code the list holds tests: assertions, or pairs of input and output.

    The first line that cannot be used ends the command with exit status 2, after the verdicts on all lines before it were written.

    \b
    Examples:
      echo '{"prediction": "0.5", "reference": "\\\\frac12"}' | eurus grade
      eurus grade answers.jsonl --kind text --set match=denotation
      eurus grade answers.jsonl --against math-verify
    """
    from eurus_core.runs.recipes import assignment
    from eurus_graders.grading import Graders

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
        for found in _judged(rows, graders, skip_bad, written):
            judged += 1
            if isinstance(found, str):
                written.line(json.dumps({"error": found}, ensure_ascii=False))
            elif peer is None:
                written.line(_explained(*found) if explain else json.dumps(_row(*found), ensure_ascii=False))
            elif (line := _disagreement(*found[:2], peer, against or "", graders)) is not None:
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


Found = tuple["Row", "Verdict", float]


def _judged(rows: IO[bytes], graders: Graders, skip_bad: bool, written: _Output) -> Iterator[Found | str]:
    """Yield rows with verdicts, and what is wrong with a line that is skipped; an error is raised after the verdicts before it."""
    from eurus_graders.rows import KEYS, chunks

    name = getattr(rows, "name", "<stdin>")
    told: set[str] = set()
    for chunk in chunks(rows, name):  # type: ignore[arg-type] # click's file is a buffered reader
        usable: list[Row] = []
        for number, line in chunk:
            try:
                row = _read(number, line, name, graders)
            except UserError as error:
                yield from _verdicts(graders.judged(usable), name, skip_bad)
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
        yield from _verdicts(graders.judged(usable), name, skip_bad)
        written.flush()


def _verdicts(found: Iterator[Judged], name: str, skip_bad: bool) -> Iterator[Found | str]:
    """Yield verdicts; a row that could not be judged is bad, whatever kept it from being so."""
    for one in found:
        if not isinstance(one.verdict, UserError):
            yield one.row, one.verdict, one.seconds
            continue
        error = _placed(one.verdict, name, one.row.line)
        if not skip_bad:
            raise error
        yield str(error)


def _read(number: int, line: bytes, name: str, graders: Graders) -> Row:
    from eurus_graders.rows import read

    row = read(number, line, name)
    try:
        graders.check(row)
    except UserError as error:
        raise _placed(error, name, number) from None
    return row


def _placed(error: UserError, name: str, line: int) -> UserError:
    """Return an error with the file and the line that it is about."""
    found, needed = (error.found, error.needed) if isinstance(error, InputError) else (str(error), "")
    return InputError(found, needed=needed, file=name, line=line)


def _row(row: Row, verdict: Verdict, seconds: float) -> dict[str, Any]:
    """Return the output line: score and trust only where they say something."""
    line: dict[str, Any] = {
        "outcome": verdict.outcome,
        "rule": verdict.rule,
        "why": verdict.why,
        "parsed_prediction": verdict.parsed_prediction,
        "parsed_reference": verdict.parsed_reference,
        "seconds": round(seconds, 6),
    }
    if verdict.score is not None:
        line["score"] = round(verdict.score, 4)
    if verdict.judged_by:
        line["judged_by"] = verdict.judged_by
    return line if verdict.trusted else {**line, "trusted": False}


def _explained(row: Row, verdict: Verdict, seconds: float) -> str:
    why = f": {_shown(verdict.why)}" if verdict.why else ""
    return (
        f"line {row.line}: {verdict.outcome} ({verdict.rule}){why}\n"
        f"  prediction  {_shown(row.prediction)}  read as  {_shown(verdict.parsed_prediction) or '-'}\n"
        f"  reference   {_shown(_references(row))}  read as  {_shown(verdict.parsed_reference) or '-'}"
    )


def _references(row: Row) -> str:
    given = row.reference if isinstance(row.reference, list) else [row.reference]
    return " or ".join(one if isinstance(one, str) else json.dumps(one) for one in given)


def _shown(text: str) -> str:
    from eurus_graders.verdicts import short

    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in short(text, 120))


def _peer(name: str) -> Any:
    from contextlib import closing

    from eurus_graders.peers import Peer

    return closing(Peer(name))


def _disagreement(row: Row, verdict: Verdict, peer: Peer, name: str, graders: Graders) -> dict[str, Any] | None:
    """Return what to print where the peer judges a row of mathematics otherwise, else None."""
    if graders.name(row.kind) != "math":
        return None
    answers = row.problem("answer").reference.answers
    said = {peer.judge(row.prediction, answer) for answer in answers}
    theirs = "correct" if "correct" in said else min(said)
    if (theirs == "correct") == verdict.correct:
        return None
    return {
        "line": row.line,
        "prediction": row.prediction,
        "reference": row.reference,
        "outcome": verdict.outcome,
        "rule": verdict.rule,
        "why": verdict.why,
        name: theirs,
    }
