"""``eurus train monitor``: what the rewards of a finished or running training say, ours or TRL's."""

from __future__ import annotations

import ast
import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from eurus_core.errors import InputError, UserError
from eurus_core.runs import stage_folders
from eurus_train.monitoring.evidence import of_validation
from eurus_train.monitoring.metrics import splits
from eurus_train.monitoring.monitor import findings, validation_of
from eurus_train.monitoring.trends import LEAST, Row, Trend, trend

TRL = {
    "rewards/chosen": "rewards_chosen",
    "rewards/rejected": "rewards_rejected",
    "rewards/margins": "margin",
    "rewards/accuracies": "accuracy",
}
"""What TRL's preference trainers call the same quantities."""

METRICS, STATE = "metrics.jsonl", "trainer_state.json"

NEEDED = (
    f"One of: a run's folder; a stage's {METRICS}, or the folder that holds it; TRL's {STATE}, or the folder of a checkpoint or of "
    "all of them; lines of {'loss': ..., 'rewards/chosen': ...} as transformers prints them."
)
SHOWN = {
    "chosen": "rewards_chosen",
    "rejected": "rewards_rejected",
    "margin": "margin",
    "accuracy": "accuracy",
    "chosen below 0": "chosen_below_zero",
}


def read_log(path: Path) -> list[Row]:
    """Return a training's measurements step by step, under our names; InputError where a file holds none."""
    file = path
    if not path.exists():
        raise InputError("no such file or folder", needed=NEEDED, file=path)
    if path.is_dir():
        files = _logs_in(path)
        if not files:
            raise InputError(f"no {METRICS} and no {STATE} in this folder", needed=NEEDED, file=path)
        file = files[0]
    rows = _rewards(file)
    if not rows:
        raise InputError("no rewards of chosen and rejected actions", needed=NEEDED, file=file)
    return rows


def logs_of(path: Path) -> list[Path]:
    """Return the logs that a path stands for: a run's stages that logged rewards, TRL's last checkpoint, else itself.

    A stage that is under way, or was stopped, stands for itself as soon as it has logged a step; until then for what it was before.
    """
    stages = stage_folders(path)
    if not stages:
        checkpoints = [] if _logs_in(path) else [file.parent for file in path.glob(f"checkpoint-[0-9]*/{STATE}")]
        return [max(checkpoints, key=lambda folder: (len(folder.name), folder.name))] if checkpoints else [path]
    begun = (next(filter(_logged_rewards, folders), None) for folders in stages.values())
    found = [folder for folder in begun if folder is not None]
    if not found:
        raise InputError(
            f"no stage of this run has logged rewards yet (begun: {', '.join(stages)})",
            needed="Rewards come from stages that learn from pairs, KTO's and reward models included.",
            file=path,
        )
    return found


def _logged_rewards(folder: Path) -> bool:
    """Whether a stage has logged rewards; perhaps, where its log cannot be read, which is told when it is."""
    try:
        return (folder / METRICS).is_file() and bool(_rewards(folder / METRICS))
    except InputError:
        return True


def _logs_in(folder: Path) -> list[Path]:
    return [folder / name for name in (METRICS, STATE) if (folder / name).is_file()]


def _rewards(file: Path) -> list[Row]:
    return [row for row in map(_row, _entries(file)) if "rewards_chosen" in row and "rewards_rejected" in row]


def _entries(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not text ({error.reason} at byte {error.start})", needed=NEEDED, file=file) from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=file) from error
    whole = _parsed(text)
    if isinstance(whole, dict) and isinstance(whole.get("log_history"), list):
        whole = whole["log_history"]
    for entry in whole if isinstance(whole, list) else map(_parsed, text.splitlines()):
        if isinstance(entry, dict):
            yield entry


def _parsed(text: str) -> Any:
    """Return JSON or a Python literal; None for any other text, such as a progress bar between two lines of a log."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def _row(entry: Mapping[str, Any]) -> Row:
    row = {TRL.get(name, name): number for name, value in entry.items() if (number := _number(value)) is not None}
    if "margin" not in row and {"rewards_chosen", "rewards_rejected"} <= row.keys():
        row["margin"] = row["rewards_chosen"] - row["rewards_rejected"]
    return row


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None


def _trends(rows: list[Row]) -> dict[str, Trend]:
    found = {label: [row[name] for row in rows if name in row] for label, name in SHOWN.items()}
    return {label: trend(values) for label, values in found.items() if len(values) > 1}


@click.command(short_help="Explain the rewards in a training log, ours or TRL's.")
@click.argument("logs", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per log.")
def monitor(logs: tuple[Path, ...], as_json: bool) -> None:
    """Explain the rewards in a training log: figure 5 of the paper in numbers and words.

    LOGS are our run folders, stage folders or metrics.jsonl files, TRL's trainer_state.json files or the folder of its checkpoints,
    or logs as transformers prints them. From a run every stage that has logged rewards is shown; from TRL's folder, the last
    checkpoint. Every quantity is shown as its mean over the first and over the last fifth of the steps. Logs that cannot be read are
    named at the end.

    \b
    Example:
      eurus train monitor runs/demo/nca trl-output/checkpoint-500
      eurus train monitor runs/demo
    """
    refused: list[str] = []
    for given in logs:
        with _noted(refused):
            for path in logs_of(given):
                with _noted(refused):
                    _show(path, read_log(path), as_json)
    if refused:
        raise UserError("\n".join(refused))


@contextlib.contextmanager
def _noted(refused: list[str]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        refused.append(str(error))


def _show(path: Path, rows: list[Row], as_json: bool) -> None:
    trends, found, validated = _trends(rows), findings(rows), of_validation(validation_of(rows))
    if as_json:
        shown = {label: {"begin": each.begin, "end": each.end} for label, each in trends.items()}
        told = {"log": str(path), "steps": len(rows), "trends": shown, "findings": found}
        told["held out"] = [{"words": one.words, "low": one.low, "high": one.high} for one in validated]
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    sources = splits({name for row in rows for name in row}, "source")
    click.echo(f"{path}: {len(rows)} entries" + (f", sources {', '.join(sources)}" if len(sources) > 1 else ""))
    for label, each in trends.items():
        click.echo(f"  {label:15} {each}")
    for one in validated:
        click.echo(f"  {'held out':15} {one.words}")
    few = f"Fewer than {LEAST} entries are no trend." if len(rows) < LEAST else "Nothing to warn of."
    for finding in found or (few,):
        click.echo(f"  {finding}")
