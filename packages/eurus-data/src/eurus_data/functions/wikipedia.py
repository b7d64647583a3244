"""``wikipedia_search``: the function of the paper's HotpotQA and StrategyQA trajectories, on a corpus or on Wikipedia itself."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from eurus_core.episode.journal import Journal, Record
from eurus_core.episode.resume import key
from eurus_core.files.rows import Row, rows, stop
from eurus_core.parts.contracts import Function
from eurus_data.functions.bm25 import Index

NOTHING = "No good Wikipedia Search Result was found"
"""What MINT's environment says, whose trajectories our sources hold."""

_NEEDED = 'Rows of a corpus are {"title": ..., "text": ...}, or HotpotQA\'s: {"context": {"title": [...], "sentences": [[...], ...]}}'
_MOST_BYTES = 4 << 20


class Page(NamedTuple):
    """A page, or the paragraph that a corpus has of it."""

    title: str
    text: str

    def __str__(self) -> str:
        return f"Page: {self.title}\nSummary: {self.text}"


class WikipediaSearch(Function):
    """Searches Wikipedia, or a corpus of paragraphs in its place."""

    corpus: Path | None = None
    """A file of rows {"title", "text"}, or of HotpotQA's rows; without it the live Wikipedia is asked."""
    results: int = Field(3, ge=1, le=20)
    """The most pages in an answer."""
    answer_chars: int = Field(4000, ge=100)
    """The most characters in an answer."""
    url: str = Field("https://en.wikipedia.org/w/api.php", pattern="^https?://")
    """The address of a MediaWiki, used if there is no corpus."""
    user_agent: str = "eurus-data (a research tool; its user gives no address)"
    """Wikimedia asks every program to say who runs it: put your address here."""
    timeout_seconds: float = Field(10.0, gt=0)
    """How long one answer may take."""
    answers: str = ""
    """A file (SQLite) that keeps the answers of the live Wikipedia, so that another run sees the same pages."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Callable[..., Any]]:
        search = _Live(self) if self.corpus is None else _Corpus(self.corpus)
        kept = Journal(Path(self.answers)) if self.answers and self.corpus is None else None

        async def wikipedia_search(query: str) -> str:
            """Search Wikipedia; return the titles and first paragraphs of the pages that fit best."""
            if not isinstance(query, str) or not query.strip():
                raise ValueError("wikipedia_search() needs a text to search for")
            name = key("answer", self.url, self.results, self.answer_chars, query)
            known = kept.find(name) if kept else None
            if known is not None:
                return str(json.loads(known))
            found = "\n\n".join(map(str, await search.pages(query, self.results)))
            answer = found[: self.answer_chars] or NOTHING
            if kept:
                await kept.keep(Record(name, "answer", query, json.dumps(answer)))
            return answer

        with kept or contextlib.nullcontext():
            yield wikipedia_search


class _Corpus:
    def __init__(self, path: Path):
        unique = dict.fromkeys(page for row in rows(path, stop) for page in _pages(row))
        self._pages = list(unique)
        self._index = Index(f"{page.title}\n{page.title}\n{page.text}" for page in self._pages)  # titles count twice

    async def pages(self, query: str, most: int) -> list[Page]:
        return [self._pages[number] for number in self._index.best(query, most)]


class _Live:
    def __init__(self, settings: WikipediaSearch):
        self._settings = settings

    async def pages(self, query: str, most: int) -> list[Page]:
        """Return the pages, best first; ConnectionError where there is no answer."""
        return await asyncio.to_thread(self._fetch, query, most)

    def _fetch(self, query: str, most: int) -> list[Page]:
        settings = self._settings
        asked = {
            "action": "query",
            "generator": "search",
            "gsrsearch": query,
            "gsrlimit": most,
            "prop": "extracts",
            "exintro": 1,
            "explaintext": 1,
            "exlimit": most,
            "format": "json",
            "formatversion": 2,
        }
        request = urllib.request.Request(  # noqa: S310  (the setting is held to http and https)
            f"{settings.url}?{urllib.parse.urlencode(asked)}", headers={"User-Agent": settings.user_agent}
        )
        try:
            with urllib.request.urlopen(request, timeout=settings.timeout_seconds) as answer:  # noqa: S310
                found = json.loads(answer.read(_MOST_BYTES))
            pages = sorted(found.get("query", {}).get("pages", []), key=lambda page: page["index"])
            return [Page(str(page["title"]), str(page.get("extract", "")).strip()) for page in pages]
        except urllib.error.HTTPError as error:
            error.close()
            raise ConnectionError(f"{settings.url} gave no answer (status {error.code})") from None
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConnectionError(f"{settings.url} gave no answer ({type(error).__name__}: {error})") from error


def _pages(row: Row) -> Iterator[Page]:
    context = row.data.get("context")
    if context is None:
        yield Page(row.text("title", _NEEDED), row.text("text", _NEEDED))
        return
    try:  # published as two columns, and as pairs
        pairs = zip(context["title"], context["sentences"], strict=True) if isinstance(context, dict) else context
        for title, sentences in pairs:
            yield Page(str(title), "".join(map(str, sentences)).strip())
    except (KeyError, TypeError, ValueError):
        raise row.error('"context" is not HotpotQA\'s', _NEEDED) from None
