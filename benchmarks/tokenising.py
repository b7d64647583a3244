"""Trees in words to tokens on disk, eurus beside TRL 1.16's ``map``, on the same pairs and with the same tokenizer.

    python benchmarks/tokenising.py [--problems 60] [--processes 1 2] [--json]

Trees are MINT's trajectories where the public data is (``$EURUS_REALDATA``, else ``../shared/data``): beside each action of a model stands
another model's of that turn; else random words in trees of five turns. Eurus reads a tree set and writes its token file, TRL's
DPOTrainer prepares the same pairs from a data set on disk. Each side runs in a process of its own after a warm-up; seconds of CPU
are those of all its processes and threads, and the ratios are of them, since walls depend on what else a machine does. Memory
is what the process holds of its own at most; TRL's workers hold as much again, each.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from cpu_time import cpu_seconds
from memory import Peak

from eurus_core.formats import open_trees
from eurus_core.models import load_tokenizer
from eurus_core.records import Action, Node, Observation, PreferenceTree, Problem, Verdict
from eurus_core.records.pairs import history, pairs
from eurus_core.records.tree_set import TreeSet, write_trees
from eurus_train.data.chat import Chat
from eurus_train.data.examples import preferences
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading

TURNS, WORDS = 5, 40
"""Of a made tree, and of each of its actions."""
MOST = 1 << 16
"""Tokens of a branch: nothing is cut."""
WARM = 5
"""Trees that both sides prepare before anything is timed."""
_REAL = Path(__file__).parents[2] / "shared" / "data"
_FILE = "mint/trajectories_k5_nofeedback_6models.jsonl.gz"
_VOCABULARY = ("add", "two", "numbers", "that", "problem", "gives", "then", "subtract", "what", "was", "spent", "and")


def told(count: int) -> Iterator[PreferenceTree]:
    """Yield trees in words: at each turn a correct action and an incorrect one, after which the next turn comes."""
    rng = Random(0)

    def node(name: str, correct: bool) -> Node:
        text = " ".join(rng.choices(_VOCABULARY, k=WORDS))
        parent, verdict = name.rpartition(".")[0] or None, Verdict("correct" if correct else "incorrect")
        return Node(name, parent, name.count(".") + 1, Action(text), verdict, Observation(text[:40]))

    for number in range(count):
        nodes = [node("0." * turn + end, end == "1") for turn in range(TURNS) for end in "01"]
        yield PreferenceTree(Problem(f"p{number}", "Math_CoT", "made", f"What is {number}?"), tuple(nodes))


def problems(count: int, folder: Path) -> tuple[Iterator[PreferenceTree], str]:
    """Return trees and in words where they come from."""
    file = Path(os.environ.get("EURUS_REALDATA", _REAL)) / _FILE
    if not file.is_file():
        return told(count), "random words"
    rows = folder / "mint.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in _mint(file)), encoding="utf-8")
    return islice(iter(open_trees(rows)), count), "MINT trajectories"


def _mint(file: Path) -> Iterator[dict[str, Any]]:
    """Yield a row of UltraInteract's form for each turn of each trajectory that another model answered otherwise."""
    tasks: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            tasks[f"{row['dataset']} {row['task_id']}"].append(row)
    for task, rows in tasks.items():
        said = [[_words(turn["content"]) for turn in row["turns"]] for row in rows]
        for words in said:
            for turn in range(0, len(words), 2):
                others = [other[turn] for other in said if len(other) > turn and other[turn] not in ("", words[turn])]
                if not words[turn]:
                    break
                if others:
                    messages = [rows[0]["instruction"], *words[:turn]]
                    told = [{"from": ("user", "assistant")[i % 2], "value": text} for i, text in enumerate(messages)]
                    about = {"id": f"{task} {turn}", "parent_id": task, "task": "Math_PoT", "dataset": "mint"}
                    yield about | {"trajectory": told, "chosen": others[0], "rejected": words[turn]}


def _words(content: str) -> str:
    return content.removeprefix("Assistant:\n").removeprefix("Observation:\n").strip()


def rows(tree: PreferenceTree) -> Iterator[dict[str, Any]]:
    """Yield a tree's pairs as TRL reads them: messages before, and one on each side."""
    for pair in pairs(tree):
        chosen, rejected = tree.node(pair.chosen), tree.node(pair.rejected)
        before = [{"role": one.role, "content": one.content} for one in history(tree, chosen.parent)]
        sides = {name: node.action.text for name, node in (("chosen", chosen), ("rejected", rejected))}
        yield {
            "prompt": before,
            **{name: [{"role": "assistant", "content": text}] for name, text in sides.items()},
        }


def eurus(folder: Path, model: str) -> dict[str, Any]:
    """Tokenise a tree set; called in a process of its own."""
    trees, chat, reading = TreeSet.open(folder / "trees"), Chat(load_tokenizer(model)), Reading(MOST)
    gather(preferences, islice(trees, WARM), chat, reading, folder / "warm.arrow")
    with Peak() as peak:
        cpu, wall = cpu_seconds(), time.perf_counter()
        found = gather(preferences, trees, chat, reading, folder / "eurus.arrow")
        cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    logical = sum(len(branch) for tree in found.trees for pair in tree for branch in pair.branches)
    return {"pairs": len(found), "tokens": found.counts.tokens, "logical_tokens": logical} | _spent(cpu, wall, peak)


def trl(folder: Path, model: str, processes: int) -> dict[str, Any]:
    """Prepare the data set as TRL's DPOTrainer does; called in a process of its own."""
    import datasets
    from trl import DPOConfig, DPOTrainer

    datasets.disable_progress_bars()
    datasets.disable_caching()
    tokenizer, data = load_tokenizer(model), datasets.load_from_disk(str(folder / "rows"))
    trainer = object.__new__(DPOTrainer)  # its preparation alone: no model, no optimizer

    def prepare(data: Any, processes: int) -> Any:
        settings = DPOConfig(
            str(folder / "trl"), max_length=None, dataset_num_proc=processes if processes > 1 else None, use_cpu=True
        )
        return trainer._prepare_dataset(data, tokenizer, settings, "pairs")

    prepare(data.select(range(WARM)), 1)
    with Peak() as peak:
        cpu, wall = cpu_seconds(), time.perf_counter()
        found = prepare(data, processes)
        cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
    columns = found.select_columns(["prompt_ids", "chosen_ids", "rejected_ids"])
    logical = sum(2 * len(row["prompt_ids"]) + len(row["chosen_ids"]) + len(row["rejected_ids"]) for row in columns)
    return {"pairs": len(found), "logical_tokens": logical} | _spent(cpu, wall, peak)


def _spent(cpu: float, wall: float, peak: Peak) -> dict[str, Any]:
    return {"cpu_seconds": round(cpu, 2), "wall_seconds": round(wall, 2), "peak_mb": round(peak.mb)}


def compare(count: int, model: str, processes: list[int], folder: Path) -> dict[str, Any]:
    """Return what both sides take for the same trees, TRL with each number of processes."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    found, source = problems(count, folder)
    write_trees(folder / "trees", found)
    Dataset.from_list([row for tree in TreeSet.open(folder / "trees") for row in rows(tree)]).save_to_disk(
        str(folder / "rows")
    )

    def alone(side: Any, *arguments: Any) -> dict[str, Any]:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            result: dict[str, Any] = process.submit(side, folder, model, *arguments).result()
        return result

    ours = alone(eurus)
    theirs = [{"processes": each, **alone(trl, each)} for each in processes]
    best = {key: min(one[key] for one in theirs) for key in ("cpu_seconds", "wall_seconds")}
    return {
        "source": source,
        "eurus": ours | {"tokens_a_cpu_second": round(ours["tokens"] / ours["cpu_seconds"])},
        "trl": theirs,
        "cpu_ratio": round(best["cpu_seconds"] / ours["cpu_seconds"], 1),
        "wall_ratio": round(best["wall_seconds"] / ours["wall_seconds"], 1),
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield a comparison in words."""
    for name, value in found.items():
        for one in value if isinstance(value, list) else [value]:
            shown = ", ".join(f"{key} {figure}" for key, figure in one.items()) if isinstance(one, dict) else one
            yield f"tokenising, {name}: {shown}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--problems", type=int, default=60)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, os.cpu_count() or 1], help="of TRL's map")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = compare(options.problems, options.model, options.processes, Path(name))
    print(json.dumps(found) if options.json else "\n".join(lines(found)))


if __name__ == "__main__":
    main()
