"""The measurements of every step so far, on disk, and what they come to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from eurus_core.stages import Context
from eurus_train.distributed import ranks

Measurements = dict[str, float]


class History:
    """The measurements of every step so far, on disk so that curves survive a kill."""

    def __init__(self, file: Path, *, done: int):
        """Read back the first ``done`` steps; later ones are trained, and written, again. One rank writes, all remember."""
        self.file = file
        lines = file.read_text(encoding="utf-8").splitlines()[:done] if file.exists() and done else []
        self.rows: list[Measurements] = [json.loads(line) for line in lines]
        ranks.barrier()
        if ranks.is_main():
            file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def add(self, row: Measurements) -> None:
        self.rows.append(row)
        if not ranks.is_main():
            return
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")


def show_costs(
    context: Context, history: Sequence[Measurements], unit: str, *, peak_tflops: float | None = None
) -> None:
    """Report loss, tokens and speed. Logical tokens are those that the same work takes without sharing.

    ``peak_tflops`` is what one rank's device could reach; with it the model FLOPs utilisation is told.
    """
    seconds = sum(row["seconds"] for row in history)
    unique = sum(row["unique_tokens"] for row in history)
    logical = sum(row["logical_tokens"] for row in history)
    last = history[-max(1, len(history) // 5) :]
    context.figure("steps", len(history))
    context.figure("loss at step 1", history[0]["loss"])
    context.figure("loss, mean of the last fifth", sum(row["loss"] for row in last) / len(last))
    context.figure("training seconds", seconds)
    context.figure("unique tokens", unique)
    context.figure("unique tokens a second", unique / seconds)
    context.figure("logical tokens a second", logical / seconds)
    context.figure(f"tokens of {unit} per unique token", logical / unique)
    tflops = sum(row["tflops"] * row["seconds"] for row in history if "tflops" in row) / seconds
    context.figure("TFLOP/s on unique tokens", tflops)
    if peak_tflops is not None:
        context.figure("MFU on unique tokens", tflops / (peak_tflops * ranks.world_size()))
    context.note(
        "Unique tokens are those computed; logical ones, what the same work takes without sharing of prefixes."
    )
