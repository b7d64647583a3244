"""The ``transformers`` backend: a causal language model in this process, one awaitable a request, batching inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import Field

from eurus_core.models import Precision, fast_device, load_causal_lm, load_tokenizer, model_name
from eurus_core.parts.choice import Model
from eurus_core.parts.contracts import Backend
from eurus_serve.backends.transformers.batching import BatchingActor
from eurus_serve.backends.transformers.cores import compute_threads
from eurus_serve.backends.transformers.decoding import Decoder


class TransformersBackend(Backend):
    """Generates with transformers, on the GPU if there is one.

    ``batch_size`` replies are written at once; others wait and join as these finish. ``precision`` "auto" is bfloat16 where
    the processor has it, else float32. ``threads`` (CPU) are the free physical cores unless given. A prompt longer than
    ``max_prompt_tokens`` (by default what the model's context leaves beside the reply) is a ModelError of that request alone.
    """

    model: Model
    """A folder, a hub id or a built-in model; in a recipe also the stage that makes it."""
    batch_size: int = Field(64, ge=1)
    """How many replies are written at once; other requests wait."""
    precision: Precision = "auto"
    """auto: bfloat16 where the processor has it, else float32."""
    device: str = "auto"
    """auto: the GPU if there is one; else a name of torch's, such as cpu or cuda:1."""
    threads: int | None = Field(None, ge=1)
    """CPU threads; by default the free physical cores."""
    max_prompt_tokens: int | None = Field(None, ge=1)
    """Longer prompts are refused; by default those that leave no room for the reply in the model's context."""

    @property
    def actor(self) -> str:
        return model_name(self.model)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[BatchingActor]:
        decoder = await asyncio.to_thread(self._load)
        actor = BatchingActor(
            decoder,
            name=self.actor,
            threads=self.threads or compute_threads(),
            max_prompt_tokens=self.max_prompt_tokens,
        )
        try:
            yield actor
        finally:
            await actor.close()

    def _load(self) -> Decoder:
        device = fast_device() if self.device == "auto" else self.device
        model = load_causal_lm(self.model, dtype=self.precision, device=device)
        return Decoder(model, load_tokenizer(self.model), self.batch_size)
