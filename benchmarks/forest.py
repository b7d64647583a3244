"""One learning step's forward and backward pass on the same pairs: as a forest in blocks, under a dense mask, and pair by pair.

    python benchmarks/forest.py [--model smollm2] [--trees 4] [--turns 1] [--rounds 2] [--json]

Trees are random tokens in the shape of the demo's: a task prompt of 84 tokens common to all, 66 of the problem's own, actions of 90,
feedback of 30; a chosen and a rejected action at each turn. Seconds are CPU seconds of the process, since neighbours on the machine
change wall clocks; use OMP_NUM_THREADS=1 for figures that compare across machines. The best of the rounds counts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from eurus_core.models import load_causal_lm
from eurus_train.forest import attention
from eurus_train.forest.layout import Branch, Forest, Pair, plant
from eurus_train.forest.likelihood import action_logprobs, scored_logprobs


def pairs(trees: int, turns: int, vocabulary: int) -> list[Pair]:
    draw = np.random.default_rng(0)

    def words(count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        return draw.integers(0, vocabulary, count)

    found, prompt = [], words(84)
    for tree in range(trees):
        history = np.concatenate([prompt, words(66)])
        for turn in range(turns):
            chosen, rejected = (Branch(history, words(90), f"{tree}", f"{turn} {side}", turn + 1) for side in "cr")
            found.append(Pair(chosen, rejected))
            history = np.concatenate([history, rejected.action, words(30)])
    return found


def learn(model: Any, forests: list[Forest], precision: Any) -> None:
    for forest in forests:
        total: Any = action_logprobs(scored_logprobs(model, forest, precision), forest).sum()
        total.backward()
    model.zero_grad()


def best(work: Callable[[], None], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--trees", type=int, default=4)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    dense: Any = load_causal_lm(options.model, dtype="float32")
    blocked: Any = load_causal_lm(options.model, dtype="float32")
    attention.prepare(blocked)
    examples = pairs(options.trees, options.turns, dense.config.vocab_size)
    forest, apart = plant(examples), [plant([pair]) for pair in examples]
    sides = [plant([Pair(side, side)]) for pair in examples for side in (pair.chosen, pair.rejected)]
    ways = [
        ("forest in blocks", blocked, [forest]),
        ("forest, dense mask", dense, [forest]),
        ("a pair a forest", blocked, apart),
        ("each side alone", dense, sides),
    ]
    for precision in ("bfloat16", "float32"):
        for name, model, forests in ways:
            seconds = best(partial(learn, model, forests, precision), options.rounds)
            row = {
                "precision": precision,
                "way": name,
                "tokens": sum(map(len, forests)),
                "cpu_seconds": round(seconds, 2),
                "logical_tokens_a_cpu_second": round(forest.logical_tokens / seconds),
            }
            print(json.dumps(row) if options.json else "  ".join(f"{value:>20}" for value in row.values()), flush=True)


if __name__ == "__main__":
    main()
