"""Tokens a second of the transformers backend beside transformers' own generate, in one run on the same prompts.

    python benchmarks/generation.py [--model smollm2] [--problems 16] [--samples 4] [--max-tokens 128] [--rounds 2] [--json]

Both sample at temperature 0.8 until the end of turn or ``--max-tokens``; only tokens up to the end of turn count. generate gets
all samples as one padded batch. The rounds alternate, since neighbours on the machine change speeds; the best of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from typing import Any

import torch

from eurus_core.models import load_causal_lm, load_tokenizer, prompt_ids
from eurus_core.records import Problem, Request, Sampling
from eurus_core.records.prompts import first_message
from eurus_serve.backends.transformers.backend import TransformersBackend
from eurus_serve.backends.transformers.cores import compute_threads

TEMPERATURE = 0.8


def problems(count: int) -> list[Problem]:
    draw = random.Random(0)
    text = "Ann has {} {} and buys {} more. She gives {} of them to Ben and shares the rest equally among {} friends. How many does each get?"
    things = ["apples", "marbles", "stickers", "coins"]
    return [
        Problem(
            id=str(i),
            task="Math_PoT",
            dataset="benchmark",
            instruction=text.format(
                draw.randint(5, 999), draw.choice(things), draw.randint(5, 99), draw.randint(2, 9), draw.randint(2, 9)
            ),
        )
        for i in range(count)
    ]


async def ours(backend: TransformersBackend, requests: list[Request]) -> tuple[int, float]:
    """Return tokens generated and seconds taken, loading apart."""
    async with backend.open() as actor:
        started = time.perf_counter()
        replies = await asyncio.gather(*map(actor.generate, requests))
        return sum(reply.tokens for reply in replies), time.perf_counter() - started


def generate(model_ref: str, requests: list[Request]) -> tuple[int, float]:
    """Return tokens up to the end of turn and seconds taken by transformers' generate."""
    model: Any = load_causal_lm(model_ref)  # its class is known at run time only
    tokenizer = load_tokenizer(model_ref)
    tokenizer.padding_side = "left"
    started = time.perf_counter()
    batch = tokenizer.pad(
        {"input_ids": [prompt_ids(tokenizer, request.messages) for request in requests]}, return_tensors="pt"
    )
    torch.manual_seed(0)
    with torch.inference_mode():
        output = model.generate(
            **batch,
            max_new_tokens=requests[0].sampling.max_tokens,
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=0,
            pad_token_id=tokenizer.pad_token_id,
        )
    seconds = time.perf_counter() - started
    tokens = 0
    for row in output[:, batch["input_ids"].shape[1] :].tolist():
        tokens += row.index(tokenizer.eos_token_id) + 1 if tokenizer.eos_token_id in row else len(row)
    return tokens, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--problems", type=int, default=16)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    sampling = Sampling(temperature=TEMPERATURE, max_tokens=options.max_tokens)
    requests = [
        Request((first_message(problem),), sampling, seed)
        for problem in problems(options.problems)
        for seed in range(options.samples)
    ]
    torch.set_num_threads(compute_threads())
    backend = TransformersBackend(model=options.model, batch_size=len(requests))
    speeds: dict[str, list[float]] = {"eurus transformers backend": [], "transformers generate": []}
    for _ in range(options.rounds):
        tokens, seconds = asyncio.run(ours(backend, requests))
        speeds["eurus transformers backend"].append(tokens / seconds)
        tokens, seconds = generate(options.model, requests)
        speeds["transformers generate"].append(tokens / seconds)
    best = {name: max(values) for name, values in speeds.items()}
    ratio = best["eurus transformers backend"] / best["transformers generate"]
    if options.json:
        print(
            json.dumps(
                {
                    "tokens_per_second": speeds,
                    "ratio": ratio,
                    "batch": len(requests),
                    "threads": torch.get_num_threads(),
                }
            )
        )
        return
    print(
        f"{options.model}, batch {len(requests)}, up to {options.max_tokens} tokens, {torch.get_num_threads()} threads"
    )
    for name, values in speeds.items():
        print(f"{name:28} {best[name]:7.0f} tokens/s   rounds: {', '.join(f'{value:.0f}' for value in values)}")
    print(f"ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
