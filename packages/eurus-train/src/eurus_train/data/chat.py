"""A conversation in tokens, piece by piece, as the model's own chat template writes it.

Each piece is tokenised once, as it reads in its place, so that no token merges across the boundary between history and action.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from eurus_core.errors import ModelError
from eurus_core.records import Message
from eurus_train.data.template import Piece, Template
from eurus_train.forest.trie import Ids


class Chat:
    """Pieces of conversations in one tokenizer's words.

    ModelError for a template that cannot be cut (:class:`eurus_train.data.template.Template`), and for a token beyond the
    ``vocabulary`` of the model that is to read it. InputError for a conversation that the template refuses.
    """

    def __init__(self, tokenizer: Any, vocabulary: int | None = None):
        self.tokenizer, self._vocabulary = tokenizer, vocabulary
        self.template = Template(tokenizer)
        self._before: dict[str, Ids] = {}

    def prompt(self, messages: Sequence[Message]) -> Ids:
        """Return a history that ends on a user turn, up to where the model starts to write."""
        if not messages or messages[-1].role != "user":
            raise ValueError("a history ends on a user turn")
        first = next((i for i, message in enumerate(messages) if message.role == "assistant"), len(messages))
        pieces = [self.template.opening(messages[:first])]
        rest = messages[first:]
        for reply, answer in zip(rest[::2], rest[1::2], strict=True):
            if (reply.role, answer.role) != ("assistant", "user"):
                raise ValueError("after the opening, assistant and user turns alternate")
            pieces += [self.template.action(reply.content), self.template.feedback(answer.content)]
        tokens = self.tokens(pieces)
        return np.concatenate([tokens[piece] for piece in pieces])

    def opening(self, messages: Sequence[Message]) -> Ids:
        """Return the turns before the first action, generation prompt included."""
        return self._alone(self.template.opening(messages))

    def action(self, text: str) -> Ids:
        """Return an action's tokens, ending with the token that ends the turn."""
        return self._alone(self.template.action(text))

    def feedback(self, text: str) -> Ids:
        """Return a user turn between two actions, generation prompt included."""
        return self._alone(self.template.feedback(text))

    def tokens(self, pieces: Iterable[Piece]) -> dict[Piece, Ids]:
        """Return each piece's tokens as it reads in its place; on its own where it would merge with what stands before.

        All are tokenised in one call, equal ones once, so that a tokenizer with threads has work for them.
        """
        each = list(dict.fromkeys(pieces))
        found = dict(zip(each, self._encode([piece.after + piece.text for piece in each]), strict=True))
        merged = []
        for piece, ids in found.items():
            before = self._context(piece.after)
            if np.array_equal(ids[: len(before)], before):
                found[piece] = ids[len(before) :]
            else:
                merged.append(piece)
        found.update(zip(merged, self._encode([piece.text for piece in merged]), strict=True))
        return found

    def _alone(self, piece: Piece) -> Ids:
        return self.tokens([piece])[piece]

    def _context(self, text: str) -> Ids:
        if text not in self._before:
            (self._before[text],) = self._encode([text])
        return self._before[text]

    def _encode(self, texts: list[str]) -> list[Ids]:
        if not texts:
            return []
        # the template writes the BOS itself; the tokenizer must not add another
        encoded = self.tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        found = [np.array(ids, dtype=np.int64) for ids in encoded["input_ids"]]
        largest = max(int(ids.max(initial=0)) for ids in found)
        if self._vocabulary is not None and largest >= self._vocabulary:
            raise ModelError(
                f"The tokenizer {self.tokenizer.name_or_path} has a token {largest}, the model embeddings for {self._vocabulary:,} "
                "tokens only: they do not belong together."
            )
        return found
