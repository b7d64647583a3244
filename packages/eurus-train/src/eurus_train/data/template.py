"""A model's chat template, cut into the pieces that a tree shares: opening, action, feedback.

They are cut where generation starts and stops: a history ends with the generation prompt, an action with the token that ends the
turn; what the template writes after that token opens the next feedback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from eurus_core.errors import InputError, ModelError
from eurus_core.records import Message

_ASK, _REPLY = Message("user", "Which one?"), Message("assistant", "That one.")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a conversation, and the text right before it that its tokens may depend on."""

    text: str
    after: str = ""


class Template:
    """The pieces of conversations as text.

    ModelError where the tokenizer has no chat template, or one whose earlier turns change when later ones follow: its
    trajectories share no prefixes. InputError for a conversation that the template refuses.
    """

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer
        name = getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__
        if not tokenizer.chat_template:
            raise ModelError(
                f"{name} has no chat template, so that no conversation can be put in its words. "
                "Use the chat variant of the model, or set tokenizer.chat_template and save the tokenizer."
            )
        prompt, once = self._render(_ASK, generate=True), self._render(_ASK, _REPLY)
        twice = self._render(_ASK, _REPLY, _ASK, generate=True)
        if not (once.startswith(prompt) and twice.startswith(once)):
            raise ModelError(
                f"The chat template of {name} rewrites earlier turns when later ones follow. Use another template."
            )
        self._prompt, self._once = prompt, once
        self._turn_end, self._turn_rest = _cut_turn_end(once.rpartition(_REPLY.content)[2], tokenizer, name)
        special = max((prompt.rfind(token) for token in tokenizer.all_special_tokens if token), default=-1)
        self._asked = prompt[max(special, 0) :]  # no token reaches across a special one

    def opening(self, messages: Sequence[Message]) -> Piece:
        """Return the turns before the first action, generation prompt included."""
        return Piece(self._render(*messages, generate=True))

    def action(self, text: str) -> Piece:
        """Return an action, ending with the token that ends the turn."""
        whole = self._render(_ASK, Message("assistant", text))
        return Piece(whole[len(self._prompt) :].removesuffix(self._turn_rest), self._asked)

    def feedback(self, text: str) -> Piece:
        """Return a user turn between two actions, generation prompt included."""
        whole = self._render(_ASK, _REPLY, Message("user", text), generate=True)
        return Piece(self._turn_rest + whole[len(self._once) :], self._turn_end)

    def _render(self, *messages: Message, generate: bool = False) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generate)
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
