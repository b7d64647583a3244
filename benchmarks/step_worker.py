"""A contender of ``preference_step.py`` in a process of its own: its memory is its own, and it works only when told to.

Reads jobs from stdin, a JSON line each, and ``go`` for each optimizer step; answers on stdout with a JSON line for each. A step lasts
from the end of the one before to its own end, data and logging included.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import step_sides
import torch
from transformers import TrainerCallback
from transformers.utils import logging


class Gate(TrainerCallback):
    """Holds a training at each step until it may go on, and says what the step cost."""

    def __init__(self) -> None:
        self._told = 0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        answer({"ready": True})
        self._wait()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.cost = time.process_time() - self._cpu, time.perf_counter() - self._wall

    def on_log(self, _: Any, state: Any, __: Any, logs: dict[str, Any] | None = None, **___: Any) -> None:
        if logs and "grad_norm" in logs:
            self.done(state.global_step, {name: float(logs[name]) for name in ("loss", "grad_norm")})

    def done(self, step: int, measured: dict[str, float]) -> None:
        """Tell of a step once, and wait for the word to take the next."""
        if step == self._told:
            return
        self._told = step
        cpu, wall = self.cost
        cost = {"cpu": cpu, "wall": wall, "peak_mb": peak_mb()}
        answer({"step": step, **cost, "loss": measured["loss"], "grad_norm": measured["grad_norm"]})
        self._wait()

    def _wait(self) -> None:
        told = sys.stdin.readline().strip()
        if told != "go":
            raise SystemExit(f"expected go, found {told!r}")
        self._cpu, self._wall = time.process_time(), time.perf_counter()


def answer(row: dict[str, Any]) -> None:
    print(json.dumps(row), file=_OUT, flush=True)


def peak_mb(start_anew: bool = False) -> int:
    """Return the most memory resident since the last start anew, in MiB; the GPU's where there is one."""
    if torch.cuda.is_available():
        if start_anew:
            torch.cuda.reset_peak_memory_stats()
        return torch.cuda.max_memory_allocated() >> 20
    if start_anew:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    contender = sys.argv[1]
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        told = json.loads(line)
        trees = step_sides.problems(told["shape"], told["trees"], told["model"], told["tree_tokens"])
        branches = [branch for forest in step_sides.referred(trees) for branch in forest.branches]
        reference = dict(zip(branches, told["reference"], strict=True)) if told["reference"] else {}
        if told["pairs"]:
            trees = [tree[: told["pairs"]] for tree in trees]
        job = step_sides.Job(told["objective"], trees, told["steps"], told["precision"], told["model"], reference)
        gate = Gate()
        with tempfile.TemporaryDirectory() as folder:
            if contender == "eurus":
                trainer: Any = step_sides.eurus(job, Path(folder), told["forest_tokens"], gate.done)
                trainer.add_callback(gate)
            else:
                way = step_sides.Way(*told["way"])
                if told["pairs"]:  # compared in one batch: TRL's z0 is each batch's own, and its mean one of means
                    way = replace(way, pairs_at_once=None)
                trainer = step_sides.trl(job, Path(folder), way, gate)
            trainer.remove_callback(transformers_printer())
            gc.collect()
            peak_mb(start_anew=True)
            trainer.train()
        answer({"ended": True})
        del trainer, gate
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)


def transformers_printer() -> type[TrainerCallback]:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


if __name__ == "__main__":
    _OUT = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is not an answer
    main()
