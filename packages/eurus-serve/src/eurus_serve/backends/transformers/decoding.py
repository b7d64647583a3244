"""Continuous batching: replies are written one token a step, start when there is room and leave when they are done.

Prompts that several drafts share are computed once, and so is the beginning that all prompts of an admission have in common
(the task prompt). Synchronous and without threads; :mod:`eurus_serve.backends.transformers.backend` gives it its thread and its queue.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache

from eurus_core.errors import ModelError
from eurus_core.records import Sampling
from eurus_serve.backends.transformers.kv_cache import KVCache, filled
from eurus_serve.backends.transformers.sampling import draw, uniforms

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PREFIX_WORTH = 16
"""Common tokens from which on a shared beginning is computed apart."""
PREFILL_TOKENS = 8192
"""Tokens, padding included, of one prefill at most; bounds its memory."""


@dataclass(eq=False)
class Draft:
    """A reply being written. ``finish`` is None until it is done; ``logprob`` covers every token in ``tokens``."""

    prompt: tuple[int, ...]
    sampling: Sampling
    seed: int = 0
    tokens: list[int] = field(default_factory=list)
    logprob: float = 0.0
    text: str = ""
    finish: Literal["stop", "length"] | None = None
    abandoned: bool = False
    uniforms: list[float] = field(default_factory=list, repr=False)


class Decoder:
    """Writes up to ``capacity`` replies at once with a causal language model.

    A reply ends at an end token (dropped), before the first stop string (the string and what follows are dropped) or at
    ``max_tokens``. Tokens and log-probability count what was generated, the end token or stop string included.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, capacity: int = 64):
        _refuse_other_than_attention(model)
        self.model, self.tokenizer, self.capacity = model, tokenizer, capacity
        self.drafts: list[Draft] = []
        self.computed_prompt_tokens = 0
        self._cache = KVCache(capacity, model.device)
        self._cache_argument = cache_argument(model)
        self._ends = _end_tokens(model, tokenizer)
        self._shares_prefix = getattr(model.config, "sliding_window", None) is None
        self._prefix: tuple[int, ...] = ()
        self._prefix_cache: DynamicCache | None = None

    @property
    def free(self) -> int:
        return self.capacity - len(self.drafts)

    @torch.inference_mode()
    def admit(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Compute the prompts of at most :attr:`free` drafts and their first tokens; return those that are done already."""
        if len(drafts) > self.free:
            raise ValueError(f"{len(drafts)} drafts for {self.free} free rows")
        by_prompt: dict[tuple[int, ...], list[Draft]] = {}
        for draft in drafts:
            draft.uniforms = uniforms(draft.seed, draft.sampling.max_tokens) if draft.sampling.temperature > 0 else []
            by_prompt.setdefault(draft.prompt, []).append(draft)
        done: list[Draft] = []
        for prompts in _chunks(sorted(by_prompt, key=len)):
            done += self._start(prompts, by_prompt)
        return done

    @torch.inference_mode()
    def step(self) -> list[Draft]:
        """Write one token of every reply; return the drafts that are done or abandoned, in no order."""
        self._leave()
        if not self.drafts:
            return []
        last = torch.tensor([[draft.tokens[-1]] for draft in self.drafts], device=self.model.device)
        positions = torch.tensor(self._cache.lengths, device=self.model.device)[:, None]
        logits = self._forward(last, self._cache.mask(), positions, self._cache.view)
        self._cache.advance()
        self._write(self.drafts, logits)
        done = [draft for draft in self.drafts if draft.finish]
        self._leave()
        return done

    def _leave(self) -> None:
        kept = [row for row, draft in enumerate(self.drafts) if not draft.finish and not draft.abandoned]
        if len(kept) < len(self.drafts):
            self.drafts = [self.drafts[row] for row in self._cache.keep(kept)]

    def _start(self, prompts: Sequence[tuple[int, ...]], by_prompt: dict[tuple[int, ...], list[Draft]]) -> list[Draft]:
        """Prefill distinct prompts, draw the first token of each of their drafts, and give rows to those that go on."""
        logits, cache, columns = self._prefill(prompts)
        drafts = [draft for prompt in prompts for draft in by_prompt[prompt]]
        source = [i for i, prompt in enumerate(prompts) for _ in by_prompt[prompt]]
        self._write(drafts, logits[torch.tensor(source, device=logits.device)])
        going = [i for i, draft in enumerate(drafts) if not draft.finish]
        if going:
            self._cache.add(cache, [source[i] for i in going], [columns[source[i]] for i in going])
            self.drafts += [drafts[i] for i in going]
        return [draft for draft in drafts if draft.finish]

    def _prefill(self, prompts: Sequence[tuple[int, ...]]) -> tuple[Tensor, DynamicCache, list[list[int]]]:
        """Return the logits after each prompt, (prompts, vocabulary), the cache, and each prompt's columns in it.

        Layout of a row: the common prefix, padding, the rest of the prompt.
        """
        device = self.model.device
        prefix, cache = self._common_prefix(prompts)
        rest = [prompt[prefix:] for prompt in prompts]
        longest = max(map(len, rest))
        pads = [longest - len(tokens) for tokens in rest]
        tokens = torch.tensor([[0] * pad + list(t) for pad, t in zip(pads, rest, strict=True)], device=device)
        pad = torch.tensor(pads, device=device)[:, None]
        column = torch.arange(longest, device=device)[None]
        mask = torch.cat([torch.ones(len(prompts), prefix, dtype=torch.bool, device=device), column >= pad], dim=1)
        logits = self._forward(tokens, mask, (prefix + column - pad).clamp(min=0), cache)
        self.computed_prompt_tokens += sum(map(len, rest))
        columns = [[*range(prefix), *range(prefix + pad, prefix + longest)] for pad in pads]
        return logits, cache, columns

    def _common_prefix(self, prompts: Sequence[tuple[int, ...]]) -> tuple[int, DynamicCache]:
        """Return how many tokens all prompts begin with and a cache that holds them, one row a prompt.

        The last prefix is remembered, so that the task prompt is computed once for many admissions.
        """
        if not self._shares_prefix:
            return 0, DynamicCache()
        most = min(map(len, prompts)) - 1  # a token of its own must be left to each, to predict from
        among = min(_common(prompts), most) if len(prompts) > 1 else 0
        known = min(_common([self._prefix, *prompts]), most)
        if among > known + PREFIX_WORTH:
            tokens = torch.tensor([prompts[0][:among]], device=self.model.device)
            self._prefix_cache = DynamicCache()
            self._forward(
                tokens, torch.ones_like(tokens), torch.arange(among, device=tokens.device)[None], self._prefix_cache
            )
            self._prefix, known = prompts[0][:among], among
            self.computed_prompt_tokens += among
        if self._prefix_cache is None or known < PREFIX_WORTH:
            return 0, DynamicCache()
        cache = DynamicCache()
        for index, states in enumerate(filled(self._prefix_cache)):
            keys, values = (state[:, :, :known].expand(len(prompts), -1, -1, -1) for state in states)
            cache.update(keys, values, index)
        return known, cache

    def _forward(self, tokens: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        """Return the logits at the last column, (rows, vocabulary)."""
        output = self.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **{self._cache_argument: cache},
        )
        return output.logits[:, -1]  # type: ignore[no-any-return]

    def _write(self, drafts: Sequence[Draft], logits: Tensor) -> None:
        """Draw the next token of each draft and finish those that it ends."""
        device = logits.device
        temperature = torch.tensor([draft.sampling.temperature for draft in drafts], device=device)
        top_p = torch.tensor([draft.sampling.top_p for draft in drafts], device=device)
        uniform = torch.tensor([d.uniforms[len(d.tokens)] if d.uniforms else 0.0 for d in drafts], device=device)
        tokens, logprobs = draw(logits, temperature, top_p, uniform)
        if not torch.isfinite(logprobs).all():
            raise ModelError(
                "The model predicts nothing finite: its weights hold NaN or infinity, or overflow in this precision. "
                'Check the run that made it, or set precision = "float32".'
            )
        for draft, token, logprob in zip(drafts, tokens.tolist(), logprobs.tolist(), strict=True):
            draft.tokens.append(token)
            draft.logprob += logprob
            self._finish(draft)

    def _finish(self, draft: Draft) -> None:
        """See whether the newest token ends the reply, and if so, fix its text."""
        ended = draft.tokens[-1] in self._ends
        full = len(draft.tokens) >= draft.sampling.max_tokens
        if not (ended or full or self._stop_in_tail(draft)):
            return
        text = self.decode(draft.tokens[:-1] if ended else draft.tokens)
        cut = min((at for at in map(text.find, draft.sampling.stop) if at >= 0), default=None)
        if ended or full or cut is not None:
            draft.text, draft.finish = text[:cut], "length" if full and not ended and cut is None else "stop"

    def _stop_in_tail(self, draft: Draft) -> bool:
        """Say whether a stop string may just have appeared; each token holds a byte at least, so few need a look."""
        stop = draft.sampling.stop
        if not stop:
            return False
        tail = self.decode(draft.tokens[-(max(len(string.encode()) for string in stop) + 8) :])
        return any(string in tail for string in stop)

    def decode(self, tokens: list[int]) -> str:
        """Return the text of a reply's tokens."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _chunks(prompts: Sequence[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
    """Split prompts, shortest first, into prefills of at most PREFILL_TOKENS (one prompt at least)."""
    chunks: list[list[tuple[int, ...]]] = [[]]
    for prompt in prompts:
        if chunks[-1] and len(prompt) * (len(chunks[-1]) + 1) > PREFILL_TOKENS:
            chunks.append([])
        chunks[-1].append(prompt)
    return [chunk for chunk in chunks if chunk]


def _common(sequences: Sequence[tuple[int, ...]]) -> int:
    """Return how many tokens all sequences begin with."""
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*sequences, strict=False)))


def cache_argument(model: PreTrainedModel) -> Literal["cache", "past_key_values"]:
    """Return what this model's ``forward`` calls its cache: "cache" since transformers 5.24, which warns of the older name.

    A model of custom code may keep the older name whatever the version, so the signature is asked.
    """
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    ends: set[int] = set()
    config = getattr(model, "generation_config", None)
    for token in (getattr(config, "eos_token_id", None), tokenizer.eos_token_id):
        if token is not None:
            ends |= {token} if isinstance(token, int) else set(token)
    return frozenset(ends)


def _refuse_other_than_attention(model: PreTrainedModel) -> None:
    kinds = set(getattr(model.config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
    if kinds or getattr(model, "_is_stateful", False):
        raise ModelError(
            f"{model.config.model_type} holds state beside keys and values ({', '.join(sorted(kinds)) or 'recurrent'}); "
            "the transformers backend writes with attention models only."
        )
