"""What an actor is asked, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from eurus_core.records.problem import Problem

Role = Literal["system", "user", "assistant"]
Schema = Literal["cot", "modular", "none"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn. Temperature 0 is greedy. ``max_tokens`` bounds the reply, not the prompt."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What an actor is asked. ``seed`` fixes the draw for one request, whatever batch it lands in.

    ``problem`` is there for actors that answer from ground truth (``assisted``) and for scripted ones; a model never sees it.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    problem: Problem | None = None
    schema: Schema = "none"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``logprob`` is the sum over the reply's tokens in nats, None where unknown."""

    text: str
    finish: Literal["stop", "length"] = "stop"
    prompt_tokens: int = 0
    tokens: int = 0
    logprob: float | None = None
    seconds: float = 0.0
    cost: float = 0.0  # US dollars
