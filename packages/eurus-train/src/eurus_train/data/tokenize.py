"""Examples of many trees, gathered in one pass: in memory, or in a file that is mapped, so that memory holds a few trees at a time."""

from __future__ import annotations

import hashlib
import json
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic

from eurus_core.errors import InputError
from eurus_core.parts.contracts import refuse
from eurus_core.records import PreferenceTree
from eurus_core.records.prompts import opening
from eurus_train.data.chat import Chat
from eurus_train.data.examples import Selection
from eurus_train.data.seen import Seen
from eurus_train.data.tree_tokens import LeftOut, Reading, TreeTokens, name
from eurus_train.forest.layout import E
from eurus_train.forest.token_file import TREES_AT_ONCE, TokenFile, write_tokens

Read = Callable[[PreferenceTree, Reading, LeftOut], Selection[E]]
"""What finds something to learn in a tree, such as :func:`eurus_train.data.examples.preferences`."""

CHARACTERS_AT_ONCE = 1 << 18
"""Of trees that are tokenised together: enough for many threads. A tokenizer holds two hundred times as many bytes meanwhile; they
are at most the trees of a record batch, too, which are held in any case."""


@dataclass(slots=True)
class SourceCount:
    """Where examples come from: how many trees, and the first one's id."""

    trees: int
    first: str


@dataclass(slots=True)
class Counts:
    """What is known of examples without reading them: a few numbers, and one a tree."""

    examples: int = 0
    sources: dict[str, SourceCount] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=LeftOut)
    instructions: array[int] = field(default_factory=lambda: array("Q"))
    """A digest of each tree's first messages: two problems may share an instruction."""
    tokens: int = 0
    """What the tokenizer made of the trees; a history that several actions share counts once."""
    seconds: float = 0.0
    """Of reading trees, tokenising, and writing."""

    def add(self, tree: PreferenceTree, source: str, examples: int) -> None:
        self.examples += examples
        self.sources.setdefault(source, SourceCount(0, tree.problem.id)).trees += 1
        words = "\n".join(message.content for message in opening(tree.problem))
        self.instructions.append(int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest(), "big"))

    def to_json(self) -> str:
        counts = {name: getattr(self, name) for name in ("examples", "tokens", "seconds")}
        sources = {name: asdict(source) for name, source in self.sources.items()}
        left_out = {"counts": dict(self.left_out), "first": self.left_out.first}
        return json.dumps({**counts, "sources": sources, "left_out": left_out, "instructions": list(self.instructions)})

    @classmethod
    def from_json(cls, text: str) -> Counts:
        found: dict[str, Any] = json.loads(text)
        left_out = LeftOut()
        left_out.update(found["left_out"]["counts"])
        left_out.first.update(found["left_out"]["first"])
        sources = {name: SourceCount(**source) for name, source in found["sources"].items()}
        instructions = array("Q", found["instructions"])
        return cls(found["examples"], sources, left_out, instructions, found["tokens"], found["seconds"])


@dataclass(frozen=True, slots=True)
class Examples(Generic[E]):
    """Examples by tree, so that a tree's examples stay together, what was cut or left out and why, and what was seen of the trees."""

    trees: Sequence[list[E]]
    counts: Counts
    seen: Seen = field(default_factory=Seen)

    def __len__(self) -> int:
        return self.counts.examples

    @property
    def left_out(self) -> LeftOut:
        return self.counts.left_out

    def need(self, what: str) -> None:
        """Raise InputError where there are none."""
        if not len(self):
            left_out = f" ({self.left_out})" if self.left_out else ""
            raise InputError(
                f"no {what} to learn from: {self.seen}{left_out}", needed=self.seen.advice(self.left_out.keys())
            )


def gather(
    read: Read[E],
    trees: Iterable[PreferenceTree],
    chat: Chat,
    reading: Reading,
    file: Path | None = None,
    left_out: LeftOut | None = None,
) -> Examples[E]:
    """Return what ``read`` finds in trees, in their order. With a file they go there as they come, whole or not at all.

    ``left_out`` is gone on with: what the trees were read from may have left something out before.
    """
    counts = Counts() if left_out is None else Counts(left_out=left_out)
    seen = Seen()
    found = _found(read, _seen(trees, seen), chat, reading, counts)
    if file is None:
        return Examples(list(found), counts, seen)
    return Examples(write_tokens(file, found, about=counts.to_json), counts, seen)


def open_examples(file: Path, example: type[E]) -> Examples[E]:
    """Return what was gathered into a file: examples of this class."""
    trees = TokenFile(file, example)
    return Examples(trees, Counts.from_json(trees.about))


def _seen(trees: Iterable[PreferenceTree], seen: Seen) -> Iterator[PreferenceTree]:
    for tree in trees:
        seen.add(tree)
        yield tree


def _found(
    read: Read[E], trees: Iterable[PreferenceTree], chat: Chat, reading: Reading, counts: Counts
) -> Iterator[list[E]]:
    began = time.perf_counter()
    for together in _in_batches(_selected(read, trees, chat, reading, counts.left_out)):
        ids = chat.tokens(piece for one in together for piece in one.tokens.pieces)
        for one in together:
            counts.tokens += one.tokens.take(ids)
            if found := one.examples(one.tokens):
                counts.add(one.tree, found[0].source, len(found))
                yield found
            else:
                counts.left_out.add("trees with nothing to learn from", name(one.tree))
    counts.seconds = time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class _Selected(Generic[E]):
    tree: PreferenceTree
    tokens: TreeTokens
    examples: Callable[[TreeTokens], list[E]]


def _selected(
    read: Read[E], trees: Iterable[PreferenceTree], chat: Chat, reading: Reading, left_out: LeftOut
) -> Iterator[_Selected[E]]:
    """Yield trees with what is to be tokenised of them, bad ones refused or left out."""
    for tree in trees:
        try:
            selection = read(tree, reading, left_out)
            tokens = TreeTokens(tree, selection.nodes, chat.template, reading)
        except InputError as error:
            if not reading.skip_bad:
                refuse(error)
            left_out.bad("trees", error)
        else:
            yield _Selected(tree, tokens, selection.examples)


def _in_batches(each: Iterable[_Selected[E]]) -> Iterator[list[_Selected[E]]]:
    together: list[_Selected[E]] = []
    characters = 0
    for one in each:
        size = sum(len(piece.text) for piece in one.tokens.pieces)
        if together and (characters + size > CHARACTERS_AT_ONCE or len(together) == TREES_AT_ONCE):
            yield together
            together, characters = [], 0
        together.append(one)
        characters += size
    if together:
        yield together
