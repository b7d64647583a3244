"""Operations that reading and learning forests takes, from a model's shape and what the forests hold.

Counted as 2 a weight and token forward, twice that backward (arXiv 2001.08361, section 2.1), attention by the pairs of tokens that
see each other, the head where something is scored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from eurus_core.models import load_config
from eurus_train.forest.layout import Forest


@dataclass(frozen=True, slots=True)
class Shape:
    """A model in numbers. ``active`` counts the weights of the body that one token meets, experts by their share."""

    parameters: int
    active: int
    layers: int
    hidden: int
    heads: int  # features of all query heads
    feed_forward: int  # features inside the feed-forward layer, of all experts that a token meets
    vocabulary: int


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens and pairs of tokens of some forests."""

    forests: int = 0
    unique: int = 0
    logical: int = 0
    seen: int = 0  # pairs of a token and one it sees
    scored_rows: int = 0
    largest: int = 0  # unique tokens of the largest forest
    most_rows: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.forests + other.forests,
            self.unique + other.unique,
            self.logical + other.logical,
            self.seen + other.seen,
            self.scored_rows + other.scored_rows,
            max(self.largest, other.largest),
            max(self.most_rows, other.most_rows),
        )

    def times(self, factor: float) -> Work:
        """Scale a sample to the whole; the largest forest stays what it is."""
        scaled = {
            key: round(getattr(self, key) * factor) for key in ("forests", "unique", "logical", "seen", "scored_rows")
        }
        return Work(**scaled, largest=self.largest, most_rows=self.most_rows)


def work(forests: Iterable[Forest]) -> Work:
    """Add up what forests hold. A token sees itself and its ancestors: its depth and one."""
    total = Work()
    for forest in forests:
        rows, unique = len(forest.rows), len(forest)
        seen = int((forest.depth + 1).sum())
        total += Work(1, unique, forest.logical_tokens, seen, rows, unique, rows)
    return total


def outline(ref: str) -> Any:
    """Return a language model without weights, from its configuration alone."""
    automatic: Any = transformers.AutoModelForCausalLM
    config = load_config(ref)
    with torch.device("meta"):
        return automatic.from_config(config)


def shape(model: Any) -> Shape:
    """Return the numbers of a model, which may be an outline."""
    text = model.config.get_text_config()
    experts = getattr(text, "num_local_experts", None) or getattr(text, "num_experts", None) or 1
    met = getattr(text, "num_experts_per_tok", None) or 1
    active = 0.0
    for name, weights in model.base_model.named_parameters():
        if weights.dim() < 2 or "embed" in name:
            continue
        active += weights.numel() * (met / experts if ".experts." in name else 1)
    features = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    inside = getattr(text, "moe_intermediate_size", None) or getattr(text, "intermediate_size", None)
    return Shape(
        parameters=sum(weights.numel() for weights in model.parameters()),
        active=round(active),
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        heads=features * text.num_attention_heads,
        feed_forward=(inside or 4 * text.hidden_size) * met,  # as GPT-2 has it, which does not say
        vocabulary=text.vocab_size,
    )


def forward_flops(model: Shape, work: Work, head: bool = True) -> float:
    """Return the operations of one forward pass: 2 a weight and token, 4 a feature for each pair of tokens that attend."""
    body = 2 * model.active * work.unique
    attention = 4 * model.layers * model.heads * work.seen
    logits = 2 * model.hidden * model.vocabulary * work.scored_rows if head else 0
    return float(body + attention + logits)


def passes(*, frozen: bool = False, checkpointing: bool = False) -> int:
    """Return how many forward passes' operations learning from a forest takes.

    One forward, one for the gradients of activations, one for those of the weights unless these are ``frozen`` under adapters,
    and one again where layers are computed twice.
    """
    return 3 - frozen + checkpointing
