"""``eurus rm``: train a reward model, score responses, rank them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from eurus_core.errors import InputError
from eurus_core.files.rows import Row
from eurus_core.records import Message
from eurus_core.records.codec import from_json
from eurus_train.learning.run_command import learning_command

if TYPE_CHECKING:
    from eurus_rm.scorer import RewardScores
    from eurus_train.forest.layout import Branch

CHUNK_ROWS = 64
"""Rows that are scored together: equal prompts among them are computed once, and results come out as the work goes on."""

_KIND = {"response": "text", "responses": "a list of texts"}
_TURNS = re.compile(r"(system )?(user assistant )*user")

_ROWS = click.argument("rows", type=click.File("rb"), default="-")
_MODEL = click.option(
    "--model",
    required=True,
    metavar="RM",
    callback=lambda context, option, value: _no_stage(value),
    help="The reward model: a folder, such as runs/demo/reward/model, or a hub id.",
)
_PRECISION = click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "auto"]),
    default="float32",
    show_default=True,
    help="Precision of the model's body; 'auto' is bfloat16 if the machine is fast at it.",
)


@click.group()
def rm() -> None:
    """Train reward models; score and rank responses."""


rm.add_command(
    learning_command(
        "eurus-rm/train-reward",
        name="train",
        summary="Learn a reward model from preference trees.\n\n\b\nExamples:\n  eurus rm train bt+dr --model smollm2 --rows pairs.jsonl\n"
        "  eurus rm train --set model=smollm2 --set trees=runs/demo/regrow/trees \\\n"
        "    --set objective=bt+dr --out runs/reward",
    )
)


@rm.command(short_help="Give each response a reward.")
@_MODEL
@_PRECISION
@_ROWS
def score(model: str, precision: str, rows: IO[bytes]) -> None:
    """Read one {"prompt", "response"} per line; write one {"reward"} per line in the same order.

    ROWS is a JSONL file; without it rows are read from standard input.

    A prompt is the user's text, or a list of messages {"role", "content"} that ends with the user's. No task prompt is added.
    """
    from eurus_rm.scorer import RewardScorer

    scores = RewardScorer(model=model, precision=precision).load()
    for chunk in _chunks(_read(rows, "response", scores)):
        rewards = scores.rewards([read for read, _ in chunk])
        for row, (response,) in zip(rewards, (given for _, given in chunk), strict=True):
            click.echo(json.dumps({"reward": row[response]}))


@rm.command(short_help="Order the responses to each prompt.")
@_MODEL
@_PRECISION
@_ROWS
def rank(model: str, precision: str, rows: IO[bytes]) -> None:
    """Read one {"prompt", "responses"} per line; write the responses best first, with their rewards and original places.

    ROWS is a JSONL file; without it rows are read from standard input. Prompts are as in 'eurus rm score'. Equal rewards keep
    the order in which they came; "order" holds the original places, counted from 0.
    """
    from eurus_rm.scorer import RewardScorer

    scores = RewardScorer(model=model, precision=precision).load()
    for chunk in _chunks(_read(rows, "responses", scores)):
        rewards = scores.rewards([read for read, _ in chunk])
        for row, responses in zip(rewards, (given for _, given in chunk), strict=True):
            order = sorted(range(len(responses)), key=lambda place: -row[responses[place]])
            ranked = {
                "responses": [responses[place] for place in order],
                "rewards": [row[responses[place]] for place in order],
                "order": order,
            }
            click.echo(json.dumps(ranked, ensure_ascii=False))


def _read(
    rows: IO[bytes], answer: Literal["response", "responses"], scores: RewardScores
) -> Iterator[tuple[dict[str, Branch], list[str]]]:
    """Yield each row in the model's tokens, and its responses; InputError names the line that does not fit."""
    needed = f'A row needs "prompt" (text or a list of messages) and "{answer}".'
    file = Path(getattr(rows, "name", "<stdin>"))
    for number, line in enumerate(rows, 1):
        if not line.strip():
            continue
        row = Row.read(line, file, number)
        messages, texts = _prompt(row, needed), _responses(row, answer, needed)
        try:
            yield scores.read(messages, texts), texts
        except InputError as error:
            raise row.error(error.found, error.needed) from None


def _prompt(row: Row, needed: str) -> tuple[Message, ...]:
    """Return the messages of a row's prompt, the last one the user's."""
    if "prompt" not in row.data:
        raise row.error('no "prompt"', needed)
    prompt = row.data["prompt"]
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    if not isinstance(prompt, list):
        raise row.error(f'"prompt" is {str(prompt)[:60]!r}', needed)
    messages = tuple(from_json(Message, one, where=row.place) for one in prompt)
    roles = [message.role for message in messages]
    if not _TURNS.fullmatch(" ".join(roles)):
        raise row.error(
            f'"prompt" has turns of {", ".join(roles) or "nobody"}',
            "After an optional system message user and assistant alternate, and the last turn is the user's.",
        )
    return messages


def _responses(row: Row, answer: Literal["response", "responses"], needed: str) -> list[str]:
    if answer not in row.data:
        raise row.error(f'no "{answer}"', needed)
    given = row.data[answer]
    texts = [given] if answer == "response" else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise row.error(f'"{answer}" is {str(given)[:60]!r}, not {_KIND[answer]}', needed)
    return texts


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the rows in chunks; those before one that does not fit still come."""
    chunk: list[Any] = []
    try:
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK_ROWS:
                yield chunk
                chunk = []
    except InputError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def _no_stage(model: str) -> str:
    if model.startswith("@"):
        raise click.BadParameter(f"{model} names a stage, which only a recipe has. Give its folder.")
    return model
