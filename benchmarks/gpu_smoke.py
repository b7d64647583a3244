"""What CI cannot run: forests through FlexAttention on a CUDA GPU, exact first, then timed.

    make gpu-smoke                                    # the tests under the marker gpu, then this with smollm2
    python benchmarks/gpu_smoke.py --model Qwen/Qwen2.5-1.5B --trees 8 --peak 989 [--json]

Forward and backward passes of five-turn trees (random tokens) in bfloat16: the forest through FlexAttention, the forest under a dense
mask, each side alone. ``--peak`` is the GPU's dense bfloat16 TFLOP/s; with it the model FLOPs utilisation on unique tokens is given,
6 x parameters a token and attention left out. Ends with exit code 1 where the log-probabilities of the ways differ by more than
bfloat16 explains.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import shapes
import torch

from eurus_core.models import load_causal_lm
from eurus_train.forest import attention
from eurus_train.forest.layout import Forest, plant
from eurus_train.forest.likelihood import action_logprobs, scored_logprobs
from eurus_train.forest.trie import Ids

TOLERANCE = 0.05
"""Nats a token: bfloat16 steps by 2^-8, layers add up."""


def learn(model: Any, forests: list[Forest]) -> None:
    for forest in forests:
        total: Any = action_logprobs(scored_logprobs(model, forest, "bfloat16"), forest).sum()
        total.backward()
    model.zero_grad()


def seconds(work: Callable[[], None], device: str, rounds: int) -> float:
    """Return the best of some rounds after one that compiles."""
    found = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return min(found[1:])


def sums(model: Any, forest: Forest) -> Ids:
    with torch.no_grad():
        found = action_logprobs(scored_logprobs(model, forest, "bfloat16"), forest)
    return found.cpu().numpy() / forest.lengths  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--trees", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peak", type=float, help="TFLOP/s")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("No CUDA GPU here. This script checks what only a GPU can run.")

    rng = np.random.default_rng(0)
    pairs = [pair for number in range(options.trees) for pair in shapes.made("five turns", str(number), rng)]
    dense: Any = load_causal_lm(options.model, dtype="float32", device=options.device)
    read: Any = load_causal_lm(options.model, dtype="float32", device=options.device)
    attention.prepare(read)
    forest = plant(pairs)
    alone = [plant([type(pair)(side, side)]) for pair in pairs for side in (pair.chosen, pair.rejected)]
    parameters = sum(weight.numel() for weight in dense.parameters())
    apart = float(np.abs(sums(read, forest) - sums(dense, forest)).max())
    ways = [
        (f"forest, {read.config._attn_implementation}", read, [forest]),
        ("forest, dense mask", dense, [forest]),
        ("each side alone", dense, alone),
    ]
    for name, model, forests in ways:
        if options.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        took = seconds(partial(learn, model, forests), options.device, options.rounds)
        row = {
            "way": name,
            "tokens": sum(map(len, forests)),
            "seconds": round(took, 3),
            "logical_tokens_a_second": round(forest.logical_tokens / took),
            "peak_mb": torch.cuda.max_memory_allocated() >> 20 if options.device == "cuda" else None,
            "mfu": round(6 * parameters * sum(map(len, forests)) / took / options.peak / 1e12, 3)
            if options.peak
            else None,
        }
        print(json.dumps(row) if options.json else "  ".join(f"{value!s:>24}" for value in row.values()), flush=True)
    if apart > TOLERANCE:
        raise SystemExit(f"The two ways of reading differ by {apart:.3f} nats a token: more than bfloat16 explains.")


if __name__ == "__main__":
    main()
