"""BM25: which of a few hundred thousand texts a query is about (Robertson and Zaragoza 2009, equation 3.15).

The variant of Lucene, whose weights are never negative, with its constants. Written out, for it is shorter than the glue to a
library, and answers must not change with somebody's release.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

_K1, _B = 1.2, 0.75
_WORD = re.compile(r"\w+")


class Index:
    """Texts by number, in the order given."""

    def __init__(self, texts: Iterable[str]):
        self._lengths: list[int] = []
        self._postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, text in enumerate(texts):
            found = words(text)
            self._lengths.append(len(found))
            for word, count in Counter(found).items():
                self._postings[word].append((number, count))
        self._mean_length = sum(self._lengths) / max(1, len(self._lengths))

    def best(self, query: str, most: int) -> list[int]:
        """Return the numbers of the texts that fit best, best first, ties by number; none that shares no word."""
        scores: defaultdict[int, float] = defaultdict(float)
        for word in dict.fromkeys(words(query)):
            postings = self._postings.get(word, ())
            rarity = math.log(1 + (len(self._lengths) - len(postings) + 0.5) / (len(postings) + 0.5))
            for number, count in postings:
                length = self._lengths[number] / self._mean_length
                scores[number] += rarity * count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * length))
        return heapq.nsmallest(most, scores, key=lambda number: (-scores[number], number))


def words(text: str) -> list[str]:
    """Return the words of a text, lower-case, in order."""
    return _WORD.findall(text.casefold())
