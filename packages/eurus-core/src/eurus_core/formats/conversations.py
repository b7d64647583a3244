"""Rows to imitate as TRL reads them: ``messages``, or a ``prompt`` and its ``completion``, as text or as messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from eurus_core.files.rows import Row
from eurus_core.formats.messages import chat, messages
from eurus_core.parts.contracts import Format, RowKeys
from eurus_core.records import FragmentTurn, Message, TreeFragment, Verdict

NEEDED_LABELS = 'Labelled rows hold "prompt", "completion" and "label", which is true or false.'
NEEDED = 'Rows to imitate hold "messages", or "prompt" and "completion": text, or lists of messages.'
GOOD, BAD = Verdict("correct", rule="published"), Verdict("incorrect", rule="published")


class Conversations(Format):
    """Every assistant message counts as a correct action after what was said before it."""

    keys: ClassVar = (frozenset({"messages"}), frozenset({"prompt", "completion"}))
    row_keys: ClassVar = (
        RowKeys(
            {"messages": "the conversation: a list of messages with role and content"},
            example={"messages": [{"role": "user", "content": "Is 7 odd?"}, {"role": "assistant", "content": "Yes."}]},
        ),
        RowKeys(
            {
                "prompt": "text, or a list of messages that ends on the user's",
                "completion": "the reply: text or messages",
            },
            example={"prompt": "Is 7 odd?", "completion": "Yes."},
        ),
    )

    def fragments(self, row: Row, source: str) -> Iterator[TreeFragment]:
        if "completion" in row.data:
            said = (*_side(row, "prompt", "user"), *(last := _side(row, "completion", "assistant")))
            first = len(said) - len(last)
        else:
            said, first = messages(row, "messages"), 0
        yield from imitated(row, said, source, first)


class LabelledRows(Format):
    """TRL's unpaired preferences: a completion is a correct action where its ``label`` is true, an incorrect one where it is false.

    Completions of one prompt that differ in their labels are pairs; every objective but ``sft``, KTO too, learns from pairs alone.
    """

    keys: ClassVar = (frozenset({"prompt", "completion", "label"}),)
    row_keys: ClassVar = (
        RowKeys(
            {
                "prompt": "text, or a list of messages that ends on the user's",
                "completion": "one reply: text or a message",
                "label": "true or false",
            },
            example={"prompt": "Is 7 odd?", "completion": "No.", "label": False},
        ),
    )

    def fragments(self, row: Row, source: str) -> Iterator[TreeFragment]:
        label = row.data.get("label")
        if not isinstance(label, bool):
            raise row.error(f'"label" is {label!r:.60}', NEEDED_LABELS)
        said = (*_side(row, "prompt", "user"), *(reply := _side(row, "completion", "assistant")))
        if [message.role for message in reply] != ["assistant"] or not reply[0].content.strip():
            raise row.error('"completion" is not one reply with text', NEEDED_LABELS)
        problem, history = chat(row, said[:-1], source)
        yield TreeFragment(problem, history, (FragmentTurn(reply[0].content, GOOD if label else BAD),))


def imitated(row: Row, said: Sequence[Message], source: str, first: int = 0) -> Iterator[TreeFragment]:
    """Yield a correct action for each assistant message from index ``first`` on; InputError where there is none."""
    found = False
    for at in range(first, len(said)):
        if said[at].role != "assistant":
            continue
        if not said[at].content.strip():
            raise row.error(f"message {at + 1} is an empty reply", "Needed is text: leave the row out.")
        found = True
        problem, history = chat(row, said[:at], source)
        yield TreeFragment(problem, history, (FragmentTurn(said[at].content, GOOD),))
    if not found:
        raise row.error("no message from the assistant", NEEDED)


def _side(row: Row, key: str, role: str) -> tuple[Message, ...]:
    if isinstance(row.data.get(key), str):
        return (Message("user" if role == "user" else "assistant", row.text(key, NEEDED)),)
    return messages(row, key)
