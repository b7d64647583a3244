"""Preference rows as TRL reads them: ``chosen`` and ``rejected`` after a ``prompt``, as text or as messages.

Without a prompt it is what both sides begin with. Plain text becomes one user turn and one reply: eurus-train puts both into the
model's own chat template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from eurus_core.files.rows import Row
from eurus_core.formats.messages import chat, messages, spoken
from eurus_core.parts.contracts import Format, RowKeys
from eurus_core.records import FragmentTurn, Message, TreeFragment, Verdict

NEEDED = 'Preference rows hold "chosen" and "rejected", and a "prompt" unless both begin with it: text, or lists of messages.'

_LIKE_PROMPTS = ("question", "instruction", "input", "query", "problem", "trajectory", "messages", "context")


class PreferenceRows(Format):
    """TRL's preference rows; ``conversations`` with messages in place of ``prompt`` are read, too.

    ``weight`` and ``score_chosen``, ``score_rejected`` may be there.
    """

    keys: ClassVar = (frozenset({"chosen", "rejected"}), frozenset({"prompt", "chosen", "rejected"}))
    row_keys: ClassVar = (
        RowKeys(
            {"chosen": "the better reply: text or messages", "rejected": "the worse one, in the same form"},
            {
                "prompt": "text or messages; needed unless both sides begin with it",
                "weight": "what the pair counts for: a number above 0, 1 unless given",
                "score_chosen": "a number",
                "score_rejected": "a number",
            },
            {"prompt": "Is 7 odd?", "chosen": "Yes.", "rejected": "No."},
        ),
    )

    def fragments(self, row: Row, source: str) -> Iterator[TreeFragment]:
        opening, chosen, rejected = conversation(row)
        refuse_equal(row, chosen, rejected)
        problem, history = chat(row, opening, source)
        sides = (
            FragmentTurn(chosen, Verdict("correct", rule="published", score=number(row, "score_chosen"))),
            FragmentTurn(rejected, Verdict("incorrect", rule="published", score=number(row, "score_rejected"))),
        )
        weight = number(row, "weight")
        if weight is not None and weight <= 0:
            raise row.error(
                f'"weight" is {weight:g}', "Needed is a number above 0; leave rows out that shall not count."
            )
        yield TreeFragment(problem, history, sides, ((0, 1, 1.0 if weight is None else weight),))


def conversation(row: Row) -> tuple[tuple[Message, ...], str, str]:
    """Return the messages before the replies, and the chosen and the rejected reply."""
    prompt = _prompt(row)
    chosen, rejected = _side(row, "chosen", prompt), _side(row, "rejected", prompt)
    if isinstance(chosen, str) and isinstance(rejected, str):
        if prompt is None:
            _refuse_another_prompt(row)
            shared = _shared_text(row, chosen, rejected)
            return (Message("user", shared),), chosen[len(shared) :].lstrip(), rejected[len(shared) :].lstrip()
        return prompt, chosen, rejected
    if isinstance(chosen, str) or isinstance(rejected, str):
        raise row.error("one of the two sides is text, the other messages", NEEDED)
    if len(chosen) > 1 or len(rejected) > 1:  # whole conversations, whether or not their prompt stands beside them, too
        if prompt is not None and chosen[0].role == "assistant":
            chosen, rejected = (*prompt, *chosen), (*prompt, *rejected)
        prompt, chosen, rejected = _shared_messages(row, chosen, rejected)
    if prompt is None:
        raise row.error('no "prompt", and the sides share none', NEEDED)
    for side in (chosen, rejected):
        if len(side) != 1 or side[0].role != "assistant":
            raise row.error(
                f"the sides part before their last message: one goes on with {', '.join(m.role for m in side) or 'nothing'}",
                "Needed is one assistant message on each side, after the same conversation.",
            )
    return prompt, chosen[0].content, rejected[0].content


def refuse_equal(row: Row, chosen: str, rejected: str) -> None:
    """Raise InputError where there is nothing to prefer, or nothing to say."""
    for name, side in (("chosen", chosen), ("rejected", rejected)):
        if not side.strip():
            raise row.error(f'"{name}" is an empty reply', "Needed is text.")
    if chosen == rejected:
        raise row.error("chosen and rejected are the same", "Nothing can be learnt from it.")


def number(row: Row, key: str) -> float | None:
    """Return a number, or None where the key is absent or null."""
    value = row.data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise row.error(f'"{key}" is {value!r:.60}', "Needed is a number.")
    if not abs(value) < float("inf"):
        raise row.error(f'"{key}" is {value}', "Needed is a finite number.")
    return float(value)


def _side(row: Row, key: str, prompt: Sequence[Message] | None) -> str | tuple[Message, ...]:
    if key not in row.data:
        raise row.error(f'no "{key}"', NEEDED)
    value = row.data[key]
    if isinstance(value, str):
        return value if prompt is not None else spoken(value) or value
    if isinstance(value, (list, dict)):
        return messages(row, key)
    raise row.error(f'"{key}" is neither text nor messages', NEEDED)


def _prompt(row: Row) -> tuple[Message, ...] | None:
    key = "conversations" if "conversations" in row.data and "prompt" not in row.data else "prompt"
    value = row.data.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        text = row.text(key, NEEDED)
        opening = spoken(text)
        if opening and opening[-1].role == "assistant" and not opening[-1].content.strip():
            opening = opening[:-1]  # "...\n\nAssistant:" only asks for the reply
        return opening or (Message("user", text),)
    if isinstance(value, (list, dict)):
        return messages(row, key)
    raise row.error(f'"{key}" is neither text nor messages', NEEDED)


def _shared_messages(
    row: Row, chosen: Sequence[Message], rejected: Sequence[Message]
) -> tuple[tuple[Message, ...], tuple[Message, ...], tuple[Message, ...]]:
    """Split two conversations where they part; equal ones before their last message."""
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
        shared += 1
    if not shared:
        raise row.error("the two sides share no prompt", NEEDED)
    return tuple(chosen[:shared]), tuple(chosen[shared:]), tuple(rejected[shared:])


def _refuse_another_prompt(row: Row) -> None:
    """Raise InputError where a column looks like the prompt: to take for one what two replies begin with would be wrong, and unseen."""
    for key in _LIKE_PROMPTS:
        if row.data.get(key):
            raise row.error(f'no "prompt", but a "{key}"', f"Rename it if that is the prompt. {NEEDED}")


def _shared_text(row: Row, chosen: str, rejected: str) -> str:
    """Return the prompt that both texts begin with, cut back to whole words, as TRL does."""
    both = zip(chosen, rejected, strict=False)
    shared = chosen[: next((at for at, (a, b) in enumerate(both) if a != b), min(len(chosen), len(rejected)))]
    cut = max(shared.rfind(" "), shared.rfind("\n"))
    if cut <= 0 or not shared[:cut].strip():
        raise row.error('no "prompt", and the sides share none', NEEDED)
    return shared[:cut]
