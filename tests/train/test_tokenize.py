"""From trees to tokens on disk: what is read equals what is made in memory, memory stays flat, and a killed run goes on from it."""

import gc
import json
import shutil
import tracemalloc
from dataclasses import replace

import pytest

from eurus_core.errors import UserError
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.data import tokenize
from eurus_train.data.examples import preferences
from eurus_train.data.mismatches import with_mismatches
from eurus_train.data.tokenize import gather, open_examples
from eurus_train.data.tree_tokens import Reading
from eurus_train.distributed import ranks
from eurus_train.forest.layout import Pair
from eurus_train.kinds import Actions, Groups, Pairs
from eurus_train.learning.stage import Train


def told(examples):
    """Return all that examples say, as plain values."""

    def values(branch):
        tokens = branch.history.tolist(), branch.action.tolist()
        return (*tokens, branch.tree, branch.node, branch.turn, branch.source)

    def members(example):
        mismatch = getattr(example, "mismatch", None)
        return [values(branch) for branch in (*example.branches, *([mismatch] if mismatch else []))]

    return [[members(example) for example in tree] for tree in examples.trees]


@pytest.mark.parametrize("kind", [Actions(), Pairs(), Groups()], ids=lambda kind: kind.name)
def test_what_lies_on_disk_is_what_memory_would_hold(chat, make_tree, tmp_path, kind):
    trees = [make_tree(n) for n in (2, 20, 2000)]
    reading = Reading(max_length=150, per_tree=1)
    here = gather(kind.select, trees, chat, reading)
    there = gather(kind.select, iter(trees), chat, reading, tmp_path / "tokens")
    again = open_examples(tmp_path / "tokens", kind.example)
    assert told(here) == told(there) == told(again)
    assert len(here) == len(there) == len(again) == 3
    assert str(here.left_out) == str(there.left_out) == str(again.left_out) != ""
    assert here.counts.instructions == again.counts.instructions
    assert here.counts.sources == again.counts.sources
    assert here.counts.tokens == again.counts.tokens > 0
    assert again.counts.seconds == there.counts.seconds > 0


@pytest.mark.parametrize("characters", [1, 200, 500])
def test_trees_tokenised_together_or_one_by_one_are_the_same(chat, make_tree, monkeypatch, characters):
    trees = [make_tree(n) for n in range(2, 9)]
    together = gather(preferences, trees, chat, Reading())
    monkeypatch.setattr(tokenize, "CHARACTERS_AT_ONCE", characters)
    apart = gather(preferences, trees, chat, Reading())
    assert told(apart) == told(together)
    assert apart.counts.tokens == together.counts.tokens


def test_a_tree_that_no_tokenizer_reads_leaves_those_beside_it(chat, make_tree, make_node):
    broken = replace(make_tree(3), nodes=(*make_tree(3).nodes, make_node("2", "half \ud800")))
    trees = [make_tree(2), broken, make_tree(4)]
    found = gather(preferences, trees, chat, Reading(skip_bad=True))
    assert [pairs[0].chosen.tree for pairs in found.trees] == ["double-2", "double-4"]
    assert found.left_out["trees that cannot be used"] == 1


def test_mismatches_are_the_same_from_disk_and_from_memory(chat, make_tree, tmp_path):
    trees = [make_tree(n) for n in range(2, 12)]
    here = with_mismatches(gather(preferences, trees, chat, Reading()), max_length=200, seed=4)
    alone = gather(preferences, trees, chat, Reading(), tmp_path / "alone")
    there = with_mismatches(alone, tmp_path / "coupled", max_length=200, seed=4)
    assert told(here) == told(there) == told(open_examples(tmp_path / "coupled", Pair))
    assert all(pair.mismatch for tree in there.trees for pair in tree)


def test_trees_without_examples_make_an_empty_file(chat, tmp_path):
    gather(preferences, [], chat, Reading(), tmp_path / "tokens")
    found = open_examples(tmp_path / "tokens", Pair)
    assert (len(found), len(found.trees)) == (0, 0)
    with pytest.raises(UserError, match="no pair to learn from: no trees at all"):
        found.need("pair")


def test_memory_does_not_grow_with_the_trees(chat, make_tree, tmp_path):
    def most_held(count):
        gc.collect()
        tracemalloc.start()
        trees = (make_tree(n) for n in range(2, 2 + count))
        alone = gather(preferences, trees, chat, Reading(), tmp_path / f"alone-{count}")
        with_mismatches(alone, tmp_path / f"coupled-{count}", max_length=200, seed=0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most_held(10)  # caches fill
    few, many = most_held(150), most_held(450)  # each beyond two record batches: one written, one tokenised
    assert many - few < 300 * 250  # a tree's tokens alone take 2,500 bytes


class Killed(Exception):
    pass


@pytest.fixture
def trees(make_tree, tmp_path):
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 12)])
    return tmp_path / "trees"


def stage(trees, objective, **settings):
    values = {"model": "tiny", "learning_rate": 1e-3, "precision": "float32", "trees_per_step": 4, **settings}
    return Train.model_validate({"trees": str(trees), "objective": objective, **values})


@pytest.mark.parametrize("objective", ["sft", "kto"])
def test_a_resumed_run_reads_what_was_tokenised_before_the_kill(trees, tmp_path, objective):
    settings = stage(trees, objective, heldout=2)
    (tmp_path / "undisturbed").mkdir()
    settings.run(Context(tmp_path / "undisturbed"))

    def kill(event):
        if event["event"] == "metrics":
            raise Killed

    folder = tmp_path / "killed"
    folder.mkdir()
    with pytest.raises(Killed):
        settings.run(Context(folder, events=kill))
    assert {file.name for file in (folder / "tokens").iterdir()} == {"learnt.arrow", "heldout.arrow"}
    shutil.rmtree(trees)
    settings.model_copy(update={"heldout": 0}).run(Context(folder))
    one, other = (
        [
            {**json.loads(line), "seconds": 0, "tflops": 0}
            for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        ]
        for name in ("undisturbed", "killed")
    )
    assert one == other


def test_a_file_that_a_kill_cut_short_is_written_anew(trees, tmp_path):
    folder = tmp_path / "sft"
    (folder / "tokens").mkdir(parents=True)
    (folder / "tokens/learnt.arrow.partial").write_bytes(b"half")
    stage(trees, "sft", max_steps=1).run(Context(folder))
    assert (folder / "model").is_dir()


def test_tokenising_is_reported_apart_and_leaves_nothing(trees, tmp_path):
    events = []
    context = Context(tmp_path, name="kto", events=events.append)
    stage(trees, "kto", heldout=2).run(context)
    assert not (tmp_path / "tokens").exists()
    (said,) = (event for event in events if event["event"] == "tokenised")
    assert said["examples"] == [16, 4]
    figures = context.report.figures
    assert figures["tokenising seconds"] == pytest.approx(said["seconds"], abs=1e-3)
    assert figures["tokens tokenised a second"] == pytest.approx(said["tokens"] / figures["tokenising seconds"])


def test_what_one_does_for_all_fails_for_all_where_the_user_is_mistaken():
    done = []
    ranks.once(lambda: done.append(1))
    assert done == [1]

    def mistaken():
        raise UserError("no such tree")

    with pytest.raises(UserError, match="no such tree"):
        ranks.once(mistaken)
