"""The key-value cache of a changing batch: rows join and leave while the others go on.

Rows are aligned at their right end, so that one step appends one column to all of them. The columns in use are a window
``[start, end)`` of buffers with room to spare: appending writes in place (``torch.cat`` would copy the whole cache at every
step), and when the longest row leaves, the window shrinks from the left at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

ROOM = 256
"""Columns of room added when the buffers are full; each time costs a copy of the cache."""


@dataclass
class _Window:
    """The rows and columns in use, shared by all layers."""

    rows: int = 0
    start: int = 0
    end: int = 0


class _Layer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values of one layer, (rows, heads, columns, dim), of which the window is shown to attention."""

    def __init__(self, window: _Window, keys: Tensor, values: Tensor):
        super().__init__()  # type: ignore[no-untyped-call]
        self.window, self.room_for_keys, self.room_for_values = window, keys, values
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write one column at the window's end; the window itself moves on when every layer has written."""
        rows, start, end = self.window.rows, self.window.start, self.window.end
        self.room_for_keys[:rows, :, end : end + 1] = key_states
        self.room_for_values[:rows, :, end : end + 1] = value_states
        return self.room_for_keys[:rows, :, start : end + 1], self.room_for_values[:rows, :, start : end + 1]

    def get_seq_length(self) -> int:
        return self.window.end - self.window.start


class KVCache:
    """Keys and values of the replies being written, at most ``capacity`` of them.

    ``lengths`` holds the tokens cached of each row. Use: :meth:`add` rows from a prefill, run the model with :attr:`view`
    and :meth:`mask`, then :meth:`advance`; :meth:`keep` when rows have finished.
    """

    def __init__(self, capacity: int, device: torch.device):
        self.capacity, self.device = capacity, device
        self.lengths: list[int] = []
        self._window = _Window()
        self._layers: list[_Layer] = []

    @property
    def view(self) -> Cache:
        """The window, as transformers' models take a cache."""
        return Cache(layers=list(self._layers))

    def mask(self) -> Tensor:
        """Return which columns each row attends to at the next step, its new column included: (rows, columns + 1)."""
        width = self._window.end - self._window.start + 1
        lengths = torch.tensor(self.lengths, device=self.device)[:, None] + 1
        return torch.arange(width, device=self.device)[None] >= width - lengths

    def advance(self) -> None:
        """Count the column that the model has just written."""
        self._window.end += 1
        self.lengths = [length + 1 for length in self.lengths]
        self._make_room(before=0, after=1)

    def add(self, prefill: DynamicCache, sources: Sequence[int], columns: Sequence[Sequence[int]]) -> None:
        """Copy rows out of a prefill: row ``sources[i]`` of it, at ``columns[i]`` in order. A source may serve many rows."""
        longest = max(map(len, columns))
        if not self._layers:
            self._allocate(prefill, longest)
        window, first = self._window, len(self.lengths)
        if not self.lengths:
            window.start = window.end = min(longest, self._columns)
        self._make_room(before=max(0, longest - (window.end - window.start)), after=1)
        window.start = min(window.start, window.end - longest)
        source = torch.tensor(sources, device=self.device)[:, None]
        # What lies left of a shorter row is never attended to; its own first column fills the place.
        column = torch.tensor([[c[0]] * (longest - len(c)) + list(c) for c in columns], device=self.device)
        place = slice(first, first + len(columns))
        for layer, (keys, values) in zip(self._layers, filled(prefill), strict=True):
            for room, states in ((layer.room_for_keys, keys), (layer.room_for_values, values)):
                # (row, column, heads, dim): the two index tensors are apart, so their shape comes first
                room[place, :, window.end - longest : window.end] = states[source, :, column].transpose(1, 2)
        self.lengths += [len(c) for c in columns]
        window.rows = len(self.lengths)

    def keep(self, kept: Sequence[int]) -> list[int]:
        """Let go of all rows but ``kept``; return the old index of each new row. Rows from the end fill the gaps."""
        order = list(kept)
        stay = [row for row in order if row < len(order)]
        movers = [row for row in order if row >= len(order)]
        present = set(stay)
        gaps = [row for row in range(len(order)) if row not in present]
        for gap, row in zip(gaps, movers, strict=True):
            for layer in self._layers:
                layer.room_for_keys[gap] = layer.room_for_keys[row]
                layer.room_for_values[gap] = layer.room_for_values[row]
        moved = dict(zip(gaps, movers, strict=True))
        origin = [moved.get(row, row) for row in range(len(order))]
        self.lengths = [self.lengths[row] for row in origin]
        window = self._window
        window.rows = len(order)
        window.start = window.end - max(self.lengths, default=0)
        return origin

    @property
    def _columns(self) -> int:
        return self._layers[0].room_for_keys.shape[2]

    def _allocate(self, prefill: DynamicCache, longest: int) -> None:
        for pair in filled(prefill):
            keys, values = (
                states.new_zeros((self.capacity, states.shape[1], longest + ROOM, states.shape[3])) for states in pair
            )
            self._layers.append(_Layer(self._window, keys, values))
        self._window.start = self._window.end = longest

    def _make_room(self, before: int, after: int) -> None:
        """See that the window can grow by ``before`` columns to the left and ``after`` to the right."""
        window = self._window
        if window.start >= before and window.end + after <= self._columns:
            return
        width = window.end - window.start
        start = before
        columns = before + width + after + ROOM
        for layer in self._layers:
            for name in ("room_for_keys", "room_for_values"):
                old = getattr(layer, name)
                new = old.new_zeros((*old.shape[:2], columns, old.shape[3]))
                new[: window.rows, :, start : start + width] = old[: window.rows, :, window.start : window.end]
                setattr(layer, name, new)
        window.start, window.end = start, start + width


def filled(cache: DynamicCache) -> list[tuple[Tensor, Tensor]]:
    """Return keys and values of each layer of a cache that a forward has filled, (rows, heads, columns, dim)."""
    layers: list[Any] = cache.layers
    return [(layer.keys, layer.values) for layer in layers]
