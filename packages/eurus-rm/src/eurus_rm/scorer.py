"""Scoring responses with a reward model: what one prompt's responses share is computed once."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Sequence

import torch
from pydantic import Field

from eurus_core.errors import InputError, ModelError
from eurus_core.models import Dtype, Precision, dtype_of, fast_device, load_tokenizer
from eurus_core.parts import choice
from eurus_core.parts.contracts import Scorer
from eurus_core.records import Message
from eurus_rm.model import RewardModel, forest_rewards, load_reward_model
from eurus_train.data.chat import Chat
from eurus_train.forest import attention
from eurus_train.forest.layout import Branch, plant
from eurus_train.forest.steps import pack
from eurus_train.forest.trie import Ids


class RewardScorer(Scorer):
    """Scores responses with a reward model, by the text form in which it was trained.

    A conversation is put into the words of the chat template that was saved with the model; the reward is read at the token
    that ends the response's turn.
    """

    model: choice.RewardModel
    """A folder or a hub id; in a recipe also the stage that makes it."""
    forest_tokens: int = Field(default=1024, ge=1)
    """The most unique tokens in one forward pass; a longer conversation goes alone."""
    precision: Precision = "float32"
    """Precision of the body; the head is always float32. In bfloat16 rewards change by about 1 % with the other rows of the batch."""

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[RewardScores]:
        yield await asyncio.to_thread(self.load)

    def load(self) -> RewardScores:
        """Return the reward model, ready to score; for code without an event loop."""
        device = fast_device()
        model = load_reward_model(self.model).to(device).eval()
        attention.prepare(model.classifier)
        chat = Chat(load_tokenizer(self.model))
        return RewardScores(model, chat, forest_tokens=self.forest_tokens, precision=dtype_of(self.precision, device))


class RewardScores:
    """An opened reward model."""

    def __init__(
        self,
        model: RewardModel,
        chat: Chat,
        *,
        forest_tokens: int = 1024,
        precision: Dtype = "float32",
    ):
        self.model, self.chat = model, chat
        self.forest_tokens, self.precision = forest_tokens, precision
        self._threads, self._busy = torch.get_num_threads(), asyncio.Lock()

    async def score(self, prompt: Sequence[Message], responses: Sequence[str]) -> list[float]:
        """Return one reward a response; ``prompt`` ends on the user's turn. The event loop goes on meanwhile."""
        async with self._busy:
            return (await asyncio.to_thread(self._alone, prompt, responses))[0]

    def _alone(self, prompt: Sequence[Message], responses: Sequence[str]) -> list[list[float]]:
        torch.set_num_threads(self._threads)  # a thread has a number of its own
        return self.score_many([(prompt, responses)])

    def score_many(self, rows: Sequence[tuple[Sequence[Message], Sequence[str]]]) -> list[list[float]]:
        """Return the rewards of each row's responses.

        Equal beginnings are computed once, also across rows. Equal responses to a prompt get the very same
        reward, so that ranking sees a tie where there is one.
        """
        read = [self.read(prompt, responses) for prompt, responses in rows]
        return [
            [rewards[response] for response in responses]
            for (_, responses), rewards in zip(rows, self.rewards(read), strict=True)
        ]

    def read(self, prompt: Sequence[Message], responses: Sequence[str]) -> dict[str, Branch]:
        """Return a row in tokens, each distinct response after its prompt; InputError where it is longer than the model reads."""
        history = self.chat.prompt(prompt)
        return {response: self._branch(history, response) for response in dict.fromkeys(responses)}

    def rewards(self, rows: Sequence[dict[str, Branch]]) -> list[dict[str, float]]:
        """Return the reward of each distinct response of rows in tokens."""
        found: dict[Branch, float] = {}
        for together in pack([list(row.values()) for row in rows if row], self.forest_tokens):
            found.update(zip(together, self._rewards(list(together)), strict=True))
        if not all(map(math.isfinite, found.values())):
            raise ModelError("The reward model gives rewards that are no numbers: its weights are damaged.")
        return [{response: found[branch] for response, branch in row.items()} for row in rows]

    def _branch(self, history: Ids, response: str) -> Branch:
        branch = Branch(history, self.chat.action(response))
        longest = self.model.config.get_text_config().max_position_embeddings
        if len(branch) > longest:
            raise InputError(
                f"a prompt with its response takes {len(branch)} tokens",
                needed=f"The reward model reads {longest}. Leave out old turns of the prompt.",
            )
        return branch

    @torch.inference_mode()
    def _rewards(self, branches: list[Branch]) -> list[float]:
        return forest_rewards(self.model, plant(branches), self.precision).tolist()
