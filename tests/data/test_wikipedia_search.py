"""``wikipedia_search``: ranking, corpora, a live wiki (of this test's own), and a growth's interpreter that may call it."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from eurus_core.errors import InputError
from eurus_data.functions.bm25 import Index
from eurus_data.functions.wikipedia import NOTHING, WikipediaSearch
from eurus_sandbox.tool import PythonTool

PAGES = [
    ("Otter", "Otters are carnivorous mammals. The diet of otters is fish."),
    ("Fish", "Fish are aquatic animals."),
    ("Ottawa", "Ottawa is the capital of Canada."),
]
REAL = Path(os.environ.get("EURUS_REALDATA", Path(__file__).parents[3] / "shared" / "data")) / "hotpotqa"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n".join(json.dumps({"title": title, "text": text}) for title, text in PAGES))
    return path


def asked(part: WikipediaSearch, *queries: str) -> list[str]:
    async def main() -> list[str]:
        async with part.open() as search:
            return [await search(query) for query in queries]

    return asyncio.run(main())


def test_a_rare_word_weighs_more_than_a_common_one_and_a_short_text_more_than_a_long_one() -> None:
    index = Index(["the otter", "the fish", "the the fish and the sea of the north"])
    assert index.best("the otter", 1) == [0]
    assert index.best("fish", 3) == [1, 2]
    assert index.best("whale", 3) == []


def test_the_score_is_that_of_the_formula() -> None:
    # two texts of one word each: mean length 1; n = 1 of N = 2: ln(1 + 1.5 / 1.5) = ln 2; tf part: 1 * 2.2 / (1 + 1.2) = 1
    index = Index(["otter", "fish"])
    assert index.best("otter fish", 2) == [0, 1]  # equal scores, ln 2 each: by number


def test_pages_of_a_corpus_are_told_as_the_released_environment_tells_them(corpus: Path) -> None:
    (answer,) = asked(WikipediaSearch(corpus=corpus, results=2), "What do otters eat? Fish?")
    assert answer == (
        "Page: Otter\nSummary: Otters are carnivorous mammals. The diet of otters is fish.\n\n"
        "Page: Fish\nSummary: Fish are aquatic animals."
    )
    assert asked(WikipediaSearch(corpus=corpus), "zebra") == [NOTHING]


@pytest.mark.parametrize(
    "context",
    [
        {"title": ["Otter", "Fish"], "sentences": [["Otters ", "eat."], ["Swim."]]},
        [["Otter", ["Otters ", "eat."]], ["Fish", ["Swim."]]],
    ],
)
def test_both_published_forms_of_hotpotqa_are_corpora(tmp_path: Path, context: object) -> None:
    path = tmp_path / "hotpot.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"question": "?", "context": context}).encode()))
    assert asked(WikipediaSearch(corpus=path, results=1), "otters") == ["Page: Otter\nSummary: Otters eat."]


@pytest.mark.parametrize("row", [{"title": "x"}, {"context": {"title": ["x"], "sentences": []}}, {"context": 3}])
def test_a_row_that_is_no_page_is_named(tmp_path: Path, row: dict[str, Any]) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(InputError, match=r"bad\.jsonl, line 1"):
        asked(WikipediaSearch(corpus=path), "x")


class Wiki(BaseHTTPRequestHandler):
    """A MediaWiki that knows two pages, and fails when it is asked for trouble."""

    requests: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.requests.append({**query, "agent": self.headers["User-Agent"]})
        pages = [
            {"index": 2, "title": "Fish", "extract": "Fish swim.\n"},
            {"index": 1, "title": "Otter", "extract": "Otters eat."},
        ]
        body = {"query": {"pages": pages}} if query["gsrsearch"] == "otters" else {"batchcomplete": True}
        self.send_response(503 if query["gsrsearch"] == "trouble" else 200)
        self.end_headers()
        self.wfile.write(b"<html>" if query["gsrsearch"] == "nonsense" else json.dumps(body).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def wiki() -> Iterator[str]:
    Wiki.requests.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Wiki) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/w/api.php"
        server.shutdown()


def test_the_live_wiki_is_asked_for_the_first_paragraphs_and_answers_best_first(wiki: str) -> None:
    part = WikipediaSearch(url=wiki, user_agent="a test", results=2)
    assert asked(part, "otters", "unicorns") == [
        "Page: Otter\nSummary: Otters eat.\n\nPage: Fish\nSummary: Fish swim.",
        NOTHING,
    ]
    assert Wiki.requests[0]["agent"] == "a test"
    assert (
        Wiki.requests[0].items() >= {"generator": "search", "gsrlimit": "2", "exintro": "1", "format": "json"}.items()
    )


@pytest.mark.parametrize("query", ["trouble", "nonsense"])
def test_a_wiki_that_fails_is_a_connection_error(wiki: str, query: str) -> None:
    with pytest.raises(ConnectionError, match="gave no answer"):
        asked(WikipediaSearch(url=wiki), query)


def test_what_the_live_wiki_answered_is_remembered_in_a_file(wiki: str, tmp_path: Path) -> None:
    part = WikipediaSearch(url=wiki, answers=str(tmp_path / "answers.sqlite"))
    assert asked(part, "otters") == asked(part, "otters")
    assert len(Wiki.requests) == 1


def tool(corpus: Path) -> PythonTool:
    search = {"name": "wikipedia_search", "corpus": str(corpus), "results": 1}
    return PythonTool.model_validate({"preload": (), "memory_mb": 128, "tools": [search]})


def observed(part: PythonTool, *, functions: tuple[str, ...], cell: str) -> str:
    async def main() -> str:
        async with part.open() as workbench:
            session = await workbench.session(functions)
            try:
                return (await session.run(cell)).text
            finally:
                await session.close()

    return asyncio.run(main())


def test_code_calls_the_search_where_its_problem_names_it(corpus: Path) -> None:
    cell = "wikipedia_search('capital of Canada')"
    assert observed(tool(corpus), functions=("python", "wikipedia_search"), cell=cell) == (
        "Out: 'Page: Ottawa\\nSummary: Ottawa is the capital of Canada.'"
    )
    assert "NameError" in observed(tool(corpus), functions=("python",), cell=cell)
    assert "ValueError" in observed(tool(corpus), functions=("wikipedia_search",), cell="wikipedia_search(3)")


def test_a_history_that_runs_again_in_another_session_asks_nothing_again(wiki: str) -> None:
    part = PythonTool.model_validate(
        {"preload": (), "memory_mb": 128, "tools": [{"name": "wikipedia_search", "url": wiki}]}
    )

    async def main() -> list[str]:
        seen = []
        async with part.open() as workbench:
            for _ in range(2):
                session = await workbench.session(["wikipedia_search"])
                seen.append((await session.run("wikipedia_search('otters')[:11]")).text)
                await session.close()
        return seen

    assert asyncio.run(main()) == ["Out: 'Page: Otter'"] * 2
    assert len(Wiki.requests) == 1


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.exists(), reason="no real data here")
def test_a_question_of_hotpotqa_finds_its_supporting_pages() -> None:
    path = REAL / "distractor_sample100_with_paragraphs.jsonl.gz"
    with gzip.open(path, "rt") as file:
        questions = [json.loads(line) for line in file]

    async def main() -> int:
        async with WikipediaSearch(corpus=path, results=10, answer_chars=100_000).open() as search:
            return sum([await found(search, question) for question in questions])

    async def found(search: Callable[..., Any], question: dict[str, Any]) -> bool:
        answer = await search(question["question"])
        return any(f"Page: {title}\n" in answer for title in question["supporting_facts"]["title"])

    assert asyncio.run(main()) >= 90  # of 100 questions, among 994 paragraphs
