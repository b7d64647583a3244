"""Tokens a second and core from an Arrow file on disk to forests, and the memory that takes; tokenising beside it.

    python benchmarks/packing.py [--trees 2000] [--forest-tokens 4096] [--tokenise 60] [--prepare 2000 20000] [--json]

Trees are random tokens in the shape of ``benchmarks/shapes.py``: five turns, a pair each. Three passes over the file: planning (reading
and packing into bins), planting (reading again, laying out), and both in one. Seconds are CPU seconds of one process; memory is what
the process holds of its own, beyond what it held before the file was opened, at the first and the last quarter of the pass.

Tokenising stands apart, beside TRL's (``benchmarks/tokenising.py``). Preparing is what a stage does before its first step, from a
tree set of text on: tokenise every tree into a file, draw KTO's mismatches into a second one, plan the steps. For each number of
trees a process of its own does it: the most that it holds of its own, libraries included, is its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import shapes
from memory import Peak, own_mb
from tokenising import compare, lines, told

from eurus_core.models import load_tokenizer
from eurus_core.records.tree_set import TreeSet, write_trees
from eurus_train.data.chat import Chat
from eurus_train.data.examples import preferences
from eurus_train.data.mismatches import with_mismatches
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading
from eurus_train.forest.layout import Pair, plant
from eurus_train.forest.steps import plan
from eurus_train.forest.token_file import TokenFile, write_tokens


def made(count: int) -> Iterator[list[Pair]]:
    rng = np.random.default_rng(0)
    for number in range(count):
        yield shapes.made("five turns", str(number), rng)


def preparing(count: int, model: str, forest_tokens: int, folder: Path) -> dict[str, Any]:
    """Do what a KTO stage does before its first step; called in a process of its own."""
    write_trees(folder / "warm", told(100))
    chat, reading = Chat(load_tokenizer(model)), Reading()

    def prepared(name: str, trees: TreeSet) -> tuple[int, int, float, float]:
        start = time.process_time()
        alone = gather(preferences, trees, chat, reading, folder / f"{name}.alone")
        tokenised = time.process_time() - start
        pairs = with_mismatches(alone, folder / f"{name}.arrow", max_length=reading.max_length, seed=0)
        steps = plan(pairs.trees, trees_per_step=8, forest_tokens=forest_tokens)
        return len(steps.steps), alone.counts.tokens, tokenised, time.process_time() - start

    prepared("warm", TreeSet.open(folder / "warm"))
    with Peak() as peak:
        steps, tokens, tokenised, seconds = prepared("trees", TreeSet.open(folder / f"trees-{count}"))
    return {
        "trees": count,
        "steps": steps,
        "tokens": tokens,
        "peak_mb": round(peak.mb, 1),
        "tokens_a_second": round(tokens / tokenised),
        "couple_and_plan_cpu_seconds": round(seconds - tokenised, 1),
    }


def packing(count: int, forest_tokens: int, folder: Path) -> dict[str, Any]:
    """Measure planning and planting from a file of ``count`` trees."""
    file = folder / "tokens.arrow"
    start = time.process_time()
    write_tokens(file, made(count))
    wrote = time.process_time() - start
    before, start = own_mb(), time.process_time()
    trees = TokenFile(file, Pair)
    steps = plan(trees, trees_per_step=8, forest_tokens=forest_tokens)
    planned = time.process_time() - start
    bins = [one for one in steps.flat() if one]
    unique = logical = 0
    held = []
    start = time.process_time()
    for number, one in enumerate(bins):
        forest = plant(list(one))
        unique, logical = unique + len(forest), logical + forest.logical_tokens
        if number in (len(bins) // 4, len(bins) - 1):
            held.append(round(own_mb() - before, 1))
    planted = time.process_time() - start
    return {
        "trees": count,
        "unique_tokens": unique,
        "logical_tokens": logical,
        "file_mb": round(file.stat().st_size / 2**20, 1),
        "writing_cpu_seconds": round(wrote, 2),
        "planning_cpu_seconds": round(planned, 2),
        "unique_tokens_a_second_planning": round(unique / planned),
        "unique_tokens_a_second_planting": round(unique / planted),
        "unique_tokens_a_second": round(unique / (planned + planted)),
        "logical_tokens_a_second": round(logical / (planned + planted)),
        "held_mb_first_quarter": held[0],
        "held_mb_end": held[-1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trees", type=int, default=2000)
    parser.add_argument("--forest-tokens", type=int, default=4096)
    parser.add_argument("--prepare", type=int, nargs="*", default=[2000, 20_000], help="numbers of trees to prepare")
    parser.add_argument(
        "--tokenise", type=int, default=60, help="problems whose trees are tokenised beside TRL; 0: none"
    )
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row = packing(options.trees, options.forest_tokens, folder)
        processes = [1, os.cpu_count() or 1]
        beside = compare(options.tokenise, options.model, processes, folder) if options.tokenise else {}
        prepared = []
        for count in options.prepare:
            write_trees(folder / f"trees-{count}", told(count))
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                prepared.append(alone.submit(preparing, count, options.model, options.forest_tokens, folder).result())
    if options.json:
        print(json.dumps({**row, "tokenising": beside, "preparing": prepared}))
        return
    print("\n".join(f"{name:>34}  {value}" for name, value in row.items()))
    print("\n".join(lines(beside)))
    for one in prepared:
        print("preparing: " + ", ".join(f"{name} {value}" for name, value in one.items()))


if __name__ == "__main__":
    main()
