"""A conversation in tokens, cut into the pieces that a tree shares: prompt, action, feedback.

The pieces follow the model's own chat template. They are cut where generation starts and stops: a history ends with the
generation prompt, an action with the token that ends the turn; what the template writes after that token opens the next feedback.
Each piece is tokenised once, as it reads in its place, so that no token merges across the boundary between history and action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jinja2
import numpy as np

from eurus_core.errors import InputError, ModelError
from eurus_core.records import Message
from eurus_train.forest.trie import Ids

_ASK, _REPLY = "Which one?", "That one."


class Chat:
    """Pieces of conversations in one tokenizer's words.

    ModelError where the tokenizer has no chat template, or one whose earlier turns change when later ones follow: its
    trajectories share no prefixes; and for a token beyond the ``vocabulary`` of the model that is to read it. InputError for a
    conversation that the template refuses.
    """

    def __init__(self, tokenizer: Any, vocabulary: int | None = None):
        self.tokenizer, self._vocabulary = tokenizer, vocabulary
        self.tokens = 0
        """Tokens of all pieces so far."""
        name = getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__
        if not tokenizer.chat_template:
            raise ModelError(
                f"{name} has no chat template, so that no conversation can be put in its words. "
                "Use the chat variant of the model, or set tokenizer.chat_template and save the tokenizer."
            )
        ask, reply = Message("user", _ASK), Message("assistant", _REPLY)
        prompt, once = self._render([ask], True), self._render([ask, reply])
        twice = self._render([ask, reply, ask], True)
        if not (once.startswith(prompt) and twice.startswith(once)):
            raise ModelError(
                f"The chat template of {name} rewrites earlier turns when later ones follow. Use another template."
            )
        self._prompt, self._once = prompt, once
        self._turn_end, self._turn_rest = _cut_turn_end(once.rpartition(_REPLY)[2], tokenizer, name)
        self._contexts = {text: self._tokens(text) for text in (self._prompt, self._turn_end)}

    def prompt(self, messages: Sequence[Message]) -> Ids:
        """Return a history that ends on a user turn, up to where the model starts to write."""
        if not messages or messages[-1].role != "user":
            raise ValueError("a history ends on a user turn")
        first = next((i for i, message in enumerate(messages) if message.role == "assistant"), len(messages))
        pieces = [self.opening(messages[:first])]
        rest = messages[first:]
        for reply, answer in zip(rest[::2], rest[1::2], strict=True):
            if (reply.role, answer.role) != ("assistant", "user"):
                raise ValueError("after the opening, assistant and user turns alternate")
            pieces += [self.action(reply.content), self.feedback(answer.content)]
        return np.concatenate(pieces)

    def opening(self, messages: Sequence[Message]) -> Ids:
        """Return the turns before the first action, generation prompt included."""
        return self._counted(self._tokens(self._render(messages, True)))

    def action(self, text: str) -> Ids:
        """Return an action's tokens, ending with the token that ends the turn."""
        whole = self._render([Message("user", _ASK), Message("assistant", text)])
        return self._counted(self._after(self._prompt, whole[len(self._prompt) :].removesuffix(self._turn_rest)))

    def feedback(self, text: str) -> Ids:
        """Return a user turn between two actions, generation prompt included."""
        whole = self._render([Message("user", _ASK), Message("assistant", _REPLY), Message("user", text)], True)
        return self._counted(self._after(self._turn_end, self._turn_rest + whole[len(self._once) :]))

    def _after(self, context: str, text: str) -> Ids:
        """Tokenise ``text`` as it reads after ``context``; on its own where the two would merge."""
        before, both = self._contexts[context], self._tokens(context + text)
        if len(before) <= len(both) and np.array_equal(both[: len(before)], before):
            return both[len(before) :]
        return self._tokens(text)

    def _counted(self, piece: Ids) -> Ids:
        self.tokens += len(piece)
        return piece

    def _tokens(self, text: str) -> Ids:
        # the template writes the BOS itself; the tokenizer must not add another
        ids = np.array(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int64)
        if self._vocabulary is not None and (largest := ids.max(initial=0)) >= self._vocabulary:
            raise ModelError(
                f"The tokenizer {self.tokenizer.name_or_path} has a token {largest}, the model embeddings for {self._vocabulary:,} "
                "tokens only: they do not belong together."
            )
        return ids

    def _render(self, messages: Sequence[Message], generation_prompt: bool = False) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generation_prompt)
        except jinja2.TemplateError as error:
            said = ", ".join(message.role for message in messages)
            found = f"the model's chat template refuses a conversation of {said}: {error}"
            raise InputError(found, needed="Leave out what it cannot say, or give another by chat_template.") from None
        return str(text)


def _cut_turn_end(tail: str, tokenizer: Any, name: str) -> tuple[str, str]:
    """Split what a template writes after an action behind the first special token, at which generation stops."""
    found = [
        (tail.index(token), -len(token), token) for token in tokenizer.all_special_tokens if token and token in tail
    ]
    if not found:
        raise ModelError(
            f"The chat template of {name} ends no action with a special token: a model could not learn to stop."
        )
    at, _, token = min(found)
    return tail[: at + len(token)], tail[at + len(token) :]
