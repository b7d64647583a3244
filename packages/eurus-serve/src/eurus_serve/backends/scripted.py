"""The ``scripted`` backend: replies written in the recipe, so that whole-system tests and dry runs need no model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import field_validator

from eurus_core.errors import ModelError
from eurus_core.parts.contracts import Backend, OpenBackend
from eurus_core.records import Reply, Request
from eurus_core.records.seeds import derive

Script = tuple[str, ...]


class ScriptedBackend(Backend):
    """Answers with one of ``replies``, the same to the same request always.

    A list is drawn from by the request's seed. A table is looked up by problem id, then by turn (``turn 1``, ``turn 2``,
    ...), then by ``default``; its values are texts or lists of texts. In a text, ``{answer}`` and ``{instruction}`` stand
    for the problem's own.
    """

    replies: Mapping[str, Script]
    """A list to draw from, or a table by problem id, turn ("turn 1") or "default"; {answer} and {instruction} are filled in."""
    label: str = "scripted"
    """The actor's name in trees and tables."""

    @field_validator("replies", mode="before")
    @classmethod
    def _as_table(cls, value: object) -> object:
        table = value if isinstance(value, Mapping) else {"default": value}
        table = {key: (texts,) if isinstance(texts, str) else texts for key, texts in table.items()}
        if not table or any(isinstance(texts, (list, tuple)) and not texts for texts in table.values()):
            raise ValueError("a script needs at least one reply")
        return table

    @property
    def actor(self) -> str:
        return self.label

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenBackend]:
        yield _Scripted(self.replies)


@dataclass(frozen=True, slots=True)
class _Scripted:
    replies: Mapping[str, Script]

    async def generate(self, request: Request) -> Reply:
        turn = f"turn {1 + sum(message.role == 'assistant' for message in request.messages)}"
        problem = request.problem
        for key in (problem.id if problem else "", turn, "default"):
            if key in self.replies:
                texts = self.replies[key]
                break
        else:
            raise ModelError(
                f"The script has no reply for problem {problem.id if problem else '?'} at {turn}. Add a 'default' to its replies."
            )
        text = texts[derive(request.seed, "script") % len(texts)]
        if problem:
            text = text.replace("{answer}", problem.reference.answer or "").replace(
                "{instruction}", problem.instruction
            )
        return cut(text, request)


def cut(text: str, request: Request) -> Reply:
    """Return a reply as a model's would be: cut before the first stop string and after ``max_tokens`` words."""
    found = [at for at in map(text.find, request.sampling.stop) if at >= 0]
    text = text[: min(found, default=len(text))]
    words = len(text.split())
    prompt = sum(len(message.content.split()) for message in request.messages)
    return Reply(text=text, prompt_tokens=prompt, tokens=words)
