"""Tokenised examples in an Arrow file, mapped into memory: what is read is what the kernel keeps at hand, however large the file.

A row is a tree. Histories and branches stand in it once each, and examples point at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, overload

import numpy as np
import pyarrow as pa

from eurus_core.files.atomic import whole
from eurus_train.forest.layout import Branch, E, Example
from eurus_train.forest.trie import Ids

TREES_AT_ONCE = 64
"""Trees of a record batch: what writing holds in memory."""

_ABOUT = "about"
_TOKENS = pa.list_(pa.int32())
_SCHEMA = pa.schema(
    {
        "tree": pa.string(),
        "histories": pa.list_(_TOKENS),
        "actions": pa.list_(_TOKENS),  # one a branch
        "history": pa.list_(pa.int32()),  # of each branch, index into histories
        "node": pa.list_(pa.string()),
        "turn": pa.list_(pa.int32()),
        "source": pa.list_(pa.string()),
        "assisted": pa.list_(pa.bool_()),
        "members": pa.list_(pa.list_(pa.int32())),  # branches of each example
        "mismatch": pa.list_(pa.int32()),  # of each example, index into branches; -1: none
        "numbers": pa.list_(pa.list_(pa.float64())),  # a pair's weight, a group's scores
    }
)


def write_tokens(file: Path, trees: Iterable[Sequence[E]], about: Callable[[], str] = str) -> TokenFile[E]:
    """Write trees as they come, whole or not at all, and return them as they lie on disk.

    ``about`` is asked after the last one and says what a reader shall find beside them.
    """
    example: type[Any] = Branch  # where there are no trees nothing is made of it
    with whole(file) as partial, pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as out:
        rows: list[dict[str, Any]] = []
        for tree in trees:
            example = type(tree[0])
            rows.append(_row(tree))
            if len(rows) == TREES_AT_ONCE:
                out.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))
                rows = []
        out.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA), custom_metadata={_ABOUT: about()})
    return TokenFile(file, example)


class TokenFile(Sequence[list[E]], Generic[E]):
    """The trees of a file that :func:`write_tokens` wrote, made anew at each reading; ``example`` is the class that was written."""

    def __init__(self, file: Path, example: type[E]):
        self._example = example
        self._reader = pa.ipc.open_file(pa.memory_map(str(file)))
        batches: int = self._reader.num_record_batches
        last, metadata = self._reader.get_batch_with_custom_metadata(batches - 1)  # the one that may be short
        self._length: int = (batches - 1) * TREES_AT_ONCE + last.num_rows
        self.about: str = metadata[_ABOUT].decode()
        self._open: tuple[int, _Batch] | None = None

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> list[E]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[E]]: ...
    def __getitem__(self, index: int | slice) -> list[E] | list[list[E]]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        number, row = divmod(index, TREES_AT_ONCE)
        if self._open is None or self._open[0] != number:
            self._open = number, _Batch(self._reader.get_batch(number))
        return self._open[1].tree(row, self._example)


class _Batch:
    """A record batch with its nested lists taken apart once."""

    def __init__(self, batch: Any):
        self._columns = {name: batch.column(name) for name in batch.schema.names}
        self._histories, self._actions = (_Nested(self._columns[name]) for name in ("histories", "actions"))

    def tree(self, row: int, example: type[E]) -> list[E]:
        histories, actions = self._histories.lists(row), self._actions.lists(row)
        name = self._columns["tree"][row].as_py()
        told = (self._columns[column][row].as_py() for column in ("history", "node", "turn", "source", "assisted"))
        branches = [
            Branch(histories[history], action, name, node, turn, source, assisted)
            for action, history, node, turn, source, assisted in zip(actions, *told, strict=True)
        ]
        each = (self._columns[column][row].as_py() for column in ("members", "numbers", "mismatch"))
        return [
            example.of([branches[m] for m in mine], numbers, None if mismatch < 0 else branches[mismatch])
            for mine, numbers, mismatch in zip(*each, strict=True)
        ]


class _Nested:
    """A column of lists of lists of tokens."""

    def __init__(self, column: Any):
        self._outer = column.offsets.to_numpy()
        self._inner = column.values.offsets.to_numpy()
        self._tokens = column.values.values.to_numpy()

    def lists(self, row: int) -> list[Ids]:
        bounds = self._inner[self._outer[row] : self._outer[row + 1] + 1]
        tokens = self._tokens[bounds[0] : bounds[-1]].astype(np.int64)
        return np.split(tokens, bounds[1:-1] - bounds[0])


def _row(tree: Sequence[Example]) -> dict[str, Any]:
    branches: dict[Branch, int] = {}
    histories: dict[int, int] = {}
    kept: list[Ids] = []
    for branch in (
        branch for example in tree for branch in (*example.branches, example.mismatch) if branch is not None
    ):
        branches.setdefault(branch, len(branches))
        if histories.setdefault(id(branch.history), len(kept)) == len(kept):
            kept.append(branch.history)
    return {
        "tree": next(iter(branches)).tree,
        "histories": kept,
        "actions": [branch.action for branch in branches],
        "history": [histories[id(branch.history)] for branch in branches],
        "node": [branch.node for branch in branches],
        "turn": [branch.turn for branch in branches],
        "source": [branch.source for branch in branches],
        "assisted": [branch.assisted for branch in branches],
        "members": [[branches[branch] for branch in example.branches] for example in tree],
        "mismatch": [-1 if example.mismatch is None else branches[example.mismatch] for example in tree],
        "numbers": [list(example.numbers) for example in tree],
    }
