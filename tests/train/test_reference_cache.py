"""The cache of reference log-probabilities: one entry a branch, shared by objectives and runs, safe from kills and neighbours."""

import json
import multiprocessing
import shutil

import numpy as np
import pytest

from eurus_core.models import fetch, load_causal_lm
from eurus_core.stages import Context
from eurus_core.treeset import write_trees
from eurus_train.forest.layout import Branch
from eurus_train.training.reference import ENTRY, References, reference_key
from eurus_train.training.stage import Train


def branch(*action):
    return Branch(np.array([3, 1]), np.array(action))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def learnt(llama, cache):
    references = References("llama", cache)
    references.learn(llama, [branch(4), branch(5, 6)], "float32")
    return references


def test_what_one_run_computes_the_next_one_knows(learnt, cache):
    again = References("llama", cache)
    assert branch(4) in again
    assert branch(5, 6) in again
    assert branch(5) not in again
    assert again[branch(5, 6)] == learnt[branch(5, 6)]


def test_a_cache_that_cannot_be_written_keeps_no_run_from_its_references(llama, tmp_path, caplog):
    (tmp_path / "taken").write_text("no folder")
    references = References("llama", tmp_path / "taken/cache")
    references.learn(llama, [branch(4)], "float32")
    references.learn(llama, [branch(5)], "float32")
    assert references[branch(4)] < 0
    assert references[branch(5)] < 0
    (said,) = [record.getMessage() for record in caplog.records]
    assert "are not kept for other runs" in said
    assert "Not a directory" in said


def test_known_branches_are_not_computed_again(learnt, cache):
    References("llama", cache).learn(None, [branch(4)], "float32")  # None is no model: it would fail
    assert learnt.file.stat().st_size == 2 * ENTRY.size


def test_another_model_has_entries_of_its_own(learnt, cache):
    assert branch(4) not in References("other", cache)


def test_the_same_weights_under_another_configuration_are_another_model(tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(fetch("tiny"), folder)
    assert reference_key(str(folder), "float32") == reference_key("tiny", "float32")
    assert reference_key(str(folder), "bfloat16") != reference_key("tiny", "float32")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.1}))
    assert reference_key(str(folder), "float32") != reference_key("tiny", "float32")


def test_the_history_ends_where_the_action_begins(learnt, cache):
    assert Branch(np.array([3]), np.array([1, 4])) not in learnt


def test_an_entry_cut_short_by_a_kill_is_dropped_and_written_over(learnt, cache, llama):
    with learnt.file.open("ab") as out:
        out.write(b"cut short")
    again = References("llama", cache)
    assert branch(4) in again
    assert branch(5, 6) in again
    again.learn(llama, [branch(7)], "float32")
    assert learnt.file.stat().st_size == 3 * ENTRY.size
    assert References("llama", cache)[branch(7)] == again[branch(7)]


def _add(folder, start):
    references = References("shared", folder)
    for number in range(start, start + 200):
        references._add({number.to_bytes(16, "big"): float(number)})


def test_processes_that_write_at_the_same_time_lose_nothing(cache):
    writers = [multiprocessing.get_context("fork").Process(target=_add, args=(cache, 200 * n)) for n in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = References("shared", cache)._known
    assert {int.from_bytes(key, "big"): value for key, value in found.items()} == {n: float(n) for n in range(400)}


@pytest.fixture
def train(tmp_path, make_tree, monkeypatch, _own_cache):
    """Return what runs the stage with a cache of the test's own and gives back its metrics."""
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 8)])
    cache = tmp_path / "user"
    cache.mkdir()
    (cache / "models").symlink_to(_own_cache / "models")
    monkeypatch.setenv("EURUS_CACHE", str(cache))

    def run(objective, **settings):
        values = {"model": "tiny", "learning_rate": 1e-3, "precision": "float32", "max_steps": 2, **settings}
        stage = Train.model_validate({"trees": str(tmp_path / "trees"), "objective": objective, **values})
        folder = tmp_path / f"{objective}-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        stage.run(Context(folder, name="train", seed=5))
        return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]

    def entries():
        files = list((cache / "references").glob("*.logprobs"))
        return {file.name: file.stat().st_size // ENTRY.size for file in files}

    run.entries = entries
    return run


def test_dpo_and_nca_find_each_other_s_references_and_kto_adds_its_mismatches(train):
    train("dpo")
    assert list(train.entries().values()) == [24]  # 6 trees of 2 pairs of 2 sides
    train("nca")
    assert list(train.entries().values()) == [24]
    train("kto")
    assert list(train.entries().values()) == [36]


def test_a_second_model_may_be_the_reference(train, tmp_path):
    other = load_causal_lm("tiny", dtype="float32")
    other.lm_head.weight.data *= 2
    other.save_pretrained(tmp_path / "other")
    own, against = train("dpo"), train("dpo", reference=str(tmp_path / "other"))
    assert own[0]["loss"] == pytest.approx(0.693147, abs=1e-5)
    assert abs(against[0]["loss"] - 0.693147) > 1e-3
    assert len(train.entries()) == 2
