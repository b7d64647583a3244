"""A reply's text in pieces, each handed out once it cannot change any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_HALF = "\ufffd"
"""What half a character decodes to."""


class Pieces:
    """Turns a growing row of tokens into pieces of text.

    Only the newest tokens are decoded, each a few times at most, so that a long reply costs no more a token than a short one. Text
    that may be the beginning of a stop string is held back until it is known to be none.
    """

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str]):
        self._decode, self._stop = decode, stop
        self._window = self._read = (
            0  # tokens before the window are no longer decoded; those before the read mark are handed out
        )
        self._held = ""
        self.sent = ""

    def take(self, tokens: list[int]) -> str:
        """Return the text that the new tokens make certain; "" where they make none."""
        before = self._decode(tokens[self._window : self._read])
        now = self._decode(tokens[self._window :])
        if len(now) > len(before) and not now.endswith(_HALF):
            self._held += now[len(before) :]
            self._window, self._read = self._read, len(tokens)
        certain = len(self._held) - self._doubtful()
        piece, self._held = self._held[:certain], self._held[certain:]
        self.sent += piece
        return piece

    def _doubtful(self) -> int:
        """Return how many of the held characters may belong to a stop string."""
        longest = max(map(len, self._stop), default=0)
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(string.startswith(self._held[-length:]) for string in self._stop):
                return length
        return 0
