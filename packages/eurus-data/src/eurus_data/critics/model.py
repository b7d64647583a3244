"""The model critic: a model behind any backend, shown the reference answer and asked to keep it to itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import Field

from eurus_core.parts.choice import Choice
from eurus_core.parts.contracts import Backend, Critic, OpenBackend, OpenCritic
from eurus_core.records import Action, Critique, Message, Observation, Problem, Request, Sampling, Verdict
from eurus_core.records.seeds import derive
from eurus_data.critics.leakage import leaks

ROLE = (
    "You are an expert who gives feedback on attempted solutions. You see a problem, an attempt that is wrong, what happened when it ran, "
    "and the reference answer, which the person you advise must not learn."
)
TASK = (
    "Find the first error of the attempt and say where it is and how to mend it, in at most three sentences, addressed to its author. Do not "
    "state the reference answer or any number that gives it away, and do not write the corrected solution."
)


class ModelCritic(Critic):
    """A model's critique (arXiv 2404.02078, section 2.1: a stronger model than the actor).

    A critique that gives the answer away is asked for again, ``retries`` times; one that still does is kept and marked ``leaks``.
    """

    backend: Annotated[Backend, Choice("backends")]
    """The backend that writes critiques."""
    max_tokens: int = Field(default=160, ge=1)
    """The most tokens in a critique."""
    temperature: float = Field(default=0.0, ge=0.0)
    """Sampling temperature; 0 is greedy. A critique that is asked for again is drawn at 0.7 or more."""
    retries: int = Field(default=1, ge=0)
    """How often a critique that gives the answer away is asked for again."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenCritic]:
        async with self.backend.open() as actor:
            yield _ModelReview(self, actor)


class _ModelReview:
    def __init__(self, settings: ModelCritic, actor: OpenBackend):
        self.settings, self.actor = settings, actor

    async def critique(
        self,
        problem: Problem,
        history: Sequence[Message],
        action: Action,
        observation: Observation | None,
        verdict: Verdict,
    ) -> Critique:
        messages = _messages(problem, history, action, observation)
        answer = problem.reference.answer
        seen = [problem.instruction, action.text, *(message.content for message in history)]
        if observation is not None:
            seen.append(observation.text)
        text, told = "", False
        for attempt in range(self.settings.retries + 1):
            # Greedy would say the same again: a repeated request is sampled.
            temperature = self.settings.temperature if attempt == 0 else max(self.settings.temperature, 0.7)
            reply = await self.actor.generate(
                Request(
                    messages=messages,
                    sampling=Sampling(temperature=temperature, max_tokens=self.settings.max_tokens),
                    seed=derive(0, "critique", problem.id, action.text, attempt),
                    problem=problem,
                )
            )
            text = reply.text.strip()
            told = answer is not None and leaks(text, answer, seen)
            if not told:
                break
        return Critique(text, critic=self.settings.backend.actor, leaks=told)


def _messages(
    problem: Problem, history: Sequence[Message], action: Action, observation: Observation | None
) -> tuple[Message, ...]:
    """Return the request: everything in one user turn, so that no chat template is asked to take the critic for the actor."""
    parts = [ROLE, "# Problem and earlier turns"]
    if history:
        parts += [f"[{message.role}]\n{message.content}" for message in history]
    else:
        parts.append(problem.instruction)
    parts += ["# Attempt", action.text]
    if observation is not None:
        parts += ["# What happened when it ran", observation.text]
    if problem.reference.answer is not None:
        parts += ["# Reference answer (secret)", problem.reference.answer]
    return (Message("user", "\n\n".join([*parts, "# Your task", TASK])),)
