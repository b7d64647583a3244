"""A radix trie over token ids: each shared prefix is held once, whoever shares it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
"""Token ids or positions, one-dimensional."""


class TokenRun:
    """A stretch of tokens without a fork. ``start`` is its place in the layout, once there is one."""

    __slots__ = ("children", "parent", "start", "tokens")

    def __init__(self, tokens: Ids, parent: TokenRun | None):
        self.tokens, self.parent = tokens, parent
        self.children: list[TokenRun] = []
        self.start = 0


class Trie:
    """Sequences that share their prefixes; ``size`` counts the tokens held."""

    def __init__(self) -> None:
        self.root = TokenRun(np.empty(0, dtype=np.int64), None)
        self.size = 0

    def insert(self, tokens: Ids, after: TokenRun | None = None) -> TokenRun:
        """Add ``tokens`` after the end of ``after`` (None: the root) and return the run that they end.

        A run that was returned keeps its end for good: later splits leave it the lower part.
        """
        run = after or self.root
        while len(tokens):
            child = _child(run, tokens[0])
            if child is None:
                child = TokenRun(tokens, run)
                run.children.append(child)
                self.size += len(tokens)
                return child
            common = _common(child.tokens, tokens)
            run = child if common == len(child.tokens) else _split(child, common)
            tokens = tokens[common:]
        return run

    def overlap(self, other: Trie) -> int:
        """Return how many tokens the two tries both hold."""
        total = 0
        stack = [(self.root, 0, other.root, 0)]
        while stack:
            mine, i, theirs, j = stack.pop()
            common = _common(mine.tokens[i:], theirs.tokens[j:])
            total, i, j = total + common, i + common, j + common
            if i == len(mine.tokens) and j == len(theirs.tokens):
                twins = ((_child(mine, child.tokens[0]), child) for child in theirs.children)
                stack.extend((twin, 0, child, 0) for twin, child in twins if twin is not None)
            elif i == len(mine.tokens):
                if (twin := _child(mine, theirs.tokens[j])) is not None:
                    stack.append((twin, 0, theirs, j))
            elif j == len(theirs.tokens) and (twin := _child(theirs, mine.tokens[i])) is not None:
                stack.append((mine, i, twin, 0))
        return total

    def runs(self) -> Iterator[TokenRun]:
        """Yield the runs depth-first, parents before children, children in the order they came."""
        stack = list(reversed(self.root.children))
        while stack:
            run = stack.pop()
            yield run
            stack.extend(reversed(run.children))

    def layout(self) -> tuple[Ids, Ids, Ids]:
        """Lay the trie out depth-first as one sequence and return tokens, depths and exits, each (tokens,).

        A token's depth is its place on its own path. Its descendants are the positions from its own up to its exit.
        """
        runs = list(self.runs())
        tokens, depth, exits = (np.empty(self.size, dtype=np.int64) for _ in range(3))
        deepest: dict[TokenRun, int] = {self.root: 0}
        at = 0
        for run in runs:
            run.start, end = at, at + len(run.tokens)
            above = deepest[run.parent] if run.parent is not None else 0
            tokens[at:end] = run.tokens
            depth[at:end] = np.arange(above, above + len(run.tokens))
            deepest[run] = above + len(run.tokens)
            at = end
        size = {run: len(run.tokens) for run in runs}
        for run in reversed(runs):
            exits[run.start : run.start + len(run.tokens)] = run.start + size[run]
            if run.parent is not None and run.parent is not self.root:
                size[run.parent] += size[run]
        return tokens, depth, exits


def path(end: TokenRun, fork: TokenRun) -> Ids:
    """Return the positions from after ``fork`` to the end of ``end``, once the trie is laid out."""
    parts = []
    run: TokenRun | None = end
    while run is not None and run is not fork:
        parts.append(np.arange(run.start, run.start + len(run.tokens)))
        run = run.parent
    return np.concatenate(parts[::-1]) if parts else np.empty(0, dtype=np.int64)


def _child(run: TokenRun, token: np.int64) -> TokenRun | None:
    return next((child for child in run.children if child.tokens[0] == token), None)


def _common(a: Ids, b: Ids) -> int:
    """Return the length of the common prefix."""
    length = min(len(a), len(b))
    if not length:
        return 0
    differ = a[:length] != b[:length]
    first = int(differ.argmax())
    return first if differ[first] else length


def _split(run: TokenRun, at: int) -> TokenRun:
    """Cut a run in two and return the new upper part; ``run`` itself stays the lower one."""
    upper = TokenRun(run.tokens[:at], run.parent)
    if run.parent is not None:
        run.parent.children[run.parent.children.index(run)] = upper
    run.tokens, run.parent = run.tokens[at:], upper
    upper.children.append(run)
    return upper
