"""Conversations in rows: lists of messages in either spelling, and text with the speakers' names in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from eurus_core.files.rows import Row
from eurus_core.formats.fragments import answered, problem_id
from eurus_core.records import FragmentTurn, Message, Problem, Role

ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
}
NEEDED = 'A message holds "role" and "content", or "from" and "value".'

_SPEAKER = re.compile(r"(?:\A|\n\n)(Human|Assistant):[ ]?")


def messages(row: Row, key: str) -> tuple[Message, ...]:
    """Return the messages of a column that holds a list of them, or one."""
    value = row.data.get(key)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not value:
        raise row.error(f'"{key}" holds no messages', f"Needed is a list. {NEEDED}")
    return tuple(_message(row, f"{key}[{at}]", one) for at, one in enumerate(value))


def spoken(text: str) -> tuple[Message, ...]:
    """Return the messages of a text in which ``\\n\\nHuman:`` and ``\\n\\nAssistant:`` open the turns; none where it has no such.

    The form of the hh-rlhf data.
    """
    marks = list(_SPEAKER.finditer(text))
    if not marks or marks[0][1] != "Human" or text[: marks[0].start()].strip():
        return ()
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return tuple(
        Message("user" if mark[1] == "Human" else "assistant", text[mark.end() : end])
        for mark, end in zip(marks, ends, strict=True)
    )


def chat(row: Row, opening: Sequence[Message], source: str) -> tuple[Problem, tuple[FragmentTurn, ...]]:
    """Return the problem that a conversation opens with and the turns after it; it must end on a user turn."""
    system = opening[0].content if opening and opening[0].role == "system" else ""
    rest = opening[1:] if system or (opening and opening[0].role == "system") else opening
    roles = [message.role for message in rest]
    if roles != ["user", "assistant"] * (len(rest) // 2) + ["user"]:
        said = ", ".join(message.role for message in opening) or "nothing"
        raise row.error(
            f"the conversation before the reply goes: {said}",
            "Needed is an optional system message, then user and assistant in turn, the user last.",
        )
    if not rest[0].content.strip():
        raise row.error("the conversation opens with an empty message", "Needed is text in the user's first message.")
    problem = Problem(
        id=problem_id(source, *opening[: len(opening) - len(rest) + 1]),
        task="Chat",
        dataset=source,
        instruction=rest[0].content,
        prompted=True,
        system=system,
    )
    turns = tuple(answered(a.content, u.content) for a, u in zip(rest[1::2], rest[2::2], strict=True))
    return problem, turns


def _message(row: Row, where: str, value: Any) -> Message:
    if not isinstance(value, dict):
        raise row.error(f'"{where}" is no message', NEEDED)
    role, content = value.get("role", value.get("from")), value.get("content", value.get("value"))
    if not isinstance(role, str) or role not in ROLES:
        raise row.error(f'"{where}" is from {role!r}', f"Roles are {', '.join(ROLES)}.")
    if not isinstance(content, str):
        raise row.error(f'"{where}" has no text', NEEDED)
    return Message(ROLES[role], content)
