"""Pairs in the shapes that preference learning meets, in tokens: trees of five turns, stars of four responses, single pairs.

From MINT's trajectories where the public data is (``$EURUS_REALDATA``, else ``../shared/data``), else random tokens. A tree's spine
is a trajectory that failed five times; beside each of its actions stands another model's of that turn. A star is the first action
of four models, each compared with each; a single pair, of two models. Which side is called chosen is arbitrary: these are test
problems, good for timing alone.
"""

from __future__ import annotations

import functools
import gzip
import itertools
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eurus_core.models import load_tokenizer
from eurus_core.records import Message
from eurus_train.data.chat import Chat
from eurus_train.forest.layout import Branch, Pair
from eurus_train.forest.trie import Ids, Trie

SHAPES = ("five turns", "star of four", "single turn")
TURNS = 5
LIMIT = 1000
"""Unique tokens of a tree are fewer unless more are asked for, and so are the tokens of a branch: TRL's max_length of 1,024 cuts
nothing."""
_REAL = Path(__file__).parents[2] / "shared" / "data"
_FILE = "mint/trajectories_k5_nofeedback_6models.jsonl.gz"


@functools.cache
def trees(shape: str, count: int, model: str, limit: int = LIMIT) -> tuple[list[list[Pair]], str]:
    """Return the pairs of ``count`` trees of fewer than ``limit`` unique tokens, and in words where they come from."""
    file = Path(os.environ.get("EURUS_REALDATA", _REAL)) / _FILE
    if file.is_file():
        found = itertools.islice(_mint(shape, file, Chat(load_tokenizer(model)), limit), count)
        return list(found), "MINT trajectories"
    rng = np.random.default_rng(0)
    return [made(shape, f"{number}", rng, limit / LIMIT) for number in range(count)], "random tokens"


def unique_tokens(pairs: list[Pair]) -> int:
    """Return the tokens of the pairs' branches with every shared prefix counted once."""
    trie = Trie()
    for side in sides(pairs):
        trie.insert(np.concatenate([side.history, side.action]))
    return trie.size


def logical_tokens(pairs: list[Pair]) -> int:
    """Return the tokens of both sides of every pair in full."""
    return sum(map(len, sides(pairs)))


def sides(pairs: list[Pair]) -> list[Branch]:
    return [side for pair in pairs for side in (pair.chosen, pair.rejected)]


def _mint(shape: str, file: Path, chat: Chat, limit: int) -> Iterator[list[Pair]]:
    """Yield the trees of fewer than ``limit`` unique tokens, problems in the file's order."""
    problems: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            problems[row["dataset"], row["task_id"]].append(row)
    for (dataset, task), rows in problems.items():
        texts = [[_said(turn["content"]) for turn in row["turns"]] for row in rows]
        name, instruction = f"{dataset} {task}", rows[0]["instruction"]
        if max(len(text) for words in texts for text in words[:1]) > 3 * limit:
            continue  # long in characters is long in tokens: spare the tokenizer
        opening = chat.opening([Message("user", instruction)])
        if shape == "five turns":
            pairs = _caterpillar(name, opening, texts, chat, limit)
        else:
            width = 4 if shape == "star of four" else 2
            firsts = list(dict.fromkeys(words[0] for words in texts))[:width]
            pairs = _star(name, opening, [chat.action(text) for text in firsts]) if len(firsts) == width else []
        if pairs and unique_tokens(pairs) < limit:
            yield pairs


def _caterpillar(name: str, opening: Ids, texts: list[list[str]], chat: Chat, limit: int) -> list[Pair]:
    """Return a pair a turn along the shortest trajectory of five actions; [] where no problem has one and a companion."""
    whole = sorted((words for words in texts if len(words) >= 2 * TURNS - 1), key=lambda words: sum(map(len, words)))
    if not whole or sum(map(len, whole[0])) > 3 * limit:
        return []
    spine, others = whole[0], [words for words in texts if words is not whole[0]]
    pairs, history = [], opening
    for turn in range(TURNS):
        mine = spine[2 * turn]
        said = [words[2 * turn] for words in others if len(words) > 2 * turn and words[2 * turn] != mine]
        if not said:
            return []
        action = chat.action(mine)
        pairs.append(_pair(name, history, chat.action(min(said, key=len)), action, turn + 1))
        if turn + 1 < TURNS:
            history = np.concatenate([history, action, chat.feedback(spine[2 * turn + 1])])
    return pairs


def _star(name: str, opening: Ids, actions: list[Ids]) -> list[Pair]:
    branches = [Branch(opening, action, name, f"{number}", 1, "mint") for number, action in enumerate(actions)]
    return [Pair(*both) for both in itertools.combinations(branches, 2)]


def _pair(name: str, history: Ids, chosen: Ids, rejected: Ids, turn: int) -> Pair:
    good, bad = (
        Branch(history, action, name, f"{turn} {n}", turn, "mint") for n, action in enumerate((chosen, rejected))
    )
    return Pair(good, bad)


def _said(content: str) -> str:
    return content.removeprefix("Assistant:\n").removeprefix("Observation:\n").strip()


def made(shape: str, name: str, rng: np.random.Generator, scale: float = 1.0) -> list[Pair]:
    """Return random tokens: prompts of 100 to 180, actions of 45 to 80 (150 in stars), feedback of 15 to 40, times ``scale``."""

    def words(low: int, high: int) -> Ids:
        return rng.integers(0, 256, int(rng.integers(low, high) * scale))  # the least of vocabularies has 256 tokens

    opening = words(100, 180)
    if shape != "five turns":
        return _star(name, opening, [words(45, 150) for _ in range(4 if shape == "star of four" else 2)])
    pairs, history = [], opening
    for turn in range(TURNS):
        pairs.append(_pair(name, history, words(45, 80), words(45, 80), turn + 1))
        history = np.concatenate([history, pairs[-1].rejected.action, words(15, 40)])
    return pairs
