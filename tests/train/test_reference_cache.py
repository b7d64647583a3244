"""The cache of reference log-probabilities: one entry a forest, shared by objectives and runs, safe from kills and neighbours."""

import json
import multiprocessing
import shutil
from array import array

import numpy as np
import pytest
import torch

from eurus_core.models import fetch, load_causal_lm
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.forest.layout import Branch, plant
from eurus_train.learning.reference import References, reference_key
from eurus_train.learning.stage import Train
from eurus_train.learning.sums_file import HEAD, SumsFile


def forest(*actions):
    return plant([Branch(np.array([3, 1]), np.array(action)) for action in actions])


ONE, TWO = forest((4,)), forest((4,), (5, 6))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def learnt(llama, cache):
    references = References("llama", cache)
    references.learn(llama, TWO, "float32")
    return references


def knows(references, *asked):
    """Return which of some forests a table knows, once it has looked into its file."""
    unknown = references.unknown([asked], list)
    return [place not in unknown for place in ((0, number) for number in range(len(asked)))]


def file_of(cache):
    (file,) = cache.iterdir()
    return file


def entries(file):
    return len(SumsFile(file).read(Everything()))


class Everything(dict):
    def __contains__(self, digest):
        return True


def size(branches):
    return HEAD.size + 8 * branches


def test_what_one_run_computes_the_next_one_knows(learnt, cache):
    again = References("llama", cache)
    assert knows(again, TWO) == [True]
    assert again[TWO] == learnt[TWO]
    assert len(again[TWO]) == 2


def test_a_branch_has_a_value_in_each_forest_that_it_lies_in(learnt, cache, llama):
    again = References("llama", cache)
    assert knows(again, ONE, TWO, forest((5, 6), (4,))) == [False, True, False]
    again.learn(llama, ONE, "float32")
    assert again[ONE][0] == pytest.approx(again[TWO][0], abs=1e-5)


def test_a_forest_that_comes_again_is_asked_for_once(cache):
    assert References("llama", cache).unknown([[ONE, TWO], [TWO], [ONE]], list) == [(0, 0), (0, 1)]


def test_a_cache_that_cannot_be_written_keeps_no_run_from_its_references(llama, tmp_path, caplog):
    (tmp_path / "taken").write_text("no folder")
    references = References("llama", tmp_path / "taken/cache")
    references.learn(llama, ONE, "float32")
    references.learn(llama, TWO, "float32")
    assert references[ONE][0] < 0
    assert references[TWO][1] < 0
    (said,) = [record.getMessage() for record in caplog.records]
    assert "are not kept for other runs" in said
    assert "Not a directory" in said


def test_known_forests_are_not_computed_again(learnt, cache):
    again = References("llama", cache)
    assert knows(again, TWO) == [True]
    again.learn(None, TWO, "float32")  # None is no model: it would fail
    assert file_of(cache).stat().st_size == size(2)


def test_another_model_has_entries_of_its_own(learnt, cache):
    assert knows(References("other", cache), TWO) == [False]


def test_the_same_weights_under_another_configuration_are_another_model(tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(fetch("tiny"), folder)
    assert reference_key(str(folder), "float32") == reference_key("tiny", "float32")
    assert reference_key(str(folder), "bfloat16") != reference_key("tiny", "float32")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.1}))
    assert reference_key(str(folder), "float32") != reference_key("tiny", "float32")


def test_another_number_of_threads_adds_up_otherwise_and_has_entries_of_its_own():
    threads, keys = torch.get_num_threads(), set()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            keys.add(reference_key("tiny", "float32"))
    finally:
        torch.set_num_threads(threads)
    assert len(keys) == 2


def test_the_history_ends_where_the_action_begins(learnt, cache):
    other = plant([Branch(np.array([3]), np.array([1, 4])), Branch(np.array([3]), np.array([1, 5, 6]))])
    assert knows(References("llama", cache), other) == [False]


@pytest.mark.parametrize("cut", [b"cut", b"\0" * size(1), b"\xff" * size(1), "half"])
def test_an_entry_cut_short_by_a_kill_is_dropped_and_written_over(learnt, cache, llama, cut):
    file = file_of(cache)
    with file.open("ab") as out:
        out.write(file.read_bytes()[: size(2) - 1] if cut == "half" else cut)
    again = References("llama", cache)
    assert knows(again, TWO, ONE) == [True, False]
    again.learn(llama, ONE, "float32")
    assert file.stat().st_size == size(2) + size(1)
    after = References("llama", cache)
    assert knows(after, TWO, ONE) == [True, True]
    assert after[ONE] == again[ONE]


def test_a_writer_goes_on_where_its_file_was_taken_away(learnt, cache, llama):
    file_of(cache).unlink()
    learnt.learn(llama, ONE, "float32")
    assert knows(References("llama", cache), ONE, TWO) == [True, False]


def _add(path, start):
    file = SumsFile(path)
    for number in range(start, start + 200):
        file.add(number.to_bytes(16, "big"), array("d", [float(number)] * (number % 3)))


def test_processes_that_write_at_the_same_time_lose_nothing(tmp_path):
    path = tmp_path / "shared.sums"
    writers = [multiprocessing.get_context("fork").Process(target=_add, args=(path, 200 * n)) for n in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = SumsFile(path).read(Everything())
    assert {int.from_bytes(key, "big"): list(sums) for key, sums in found.items()} == {
        n: [float(n)] * (n % 3) for n in range(400)
    }


@pytest.fixture
def train(tmp_path, make_tree, monkeypatch, _own_cache):
    """Return what runs the stage with a cache of the test's own and gives back its metrics."""
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 8)])
    cache = tmp_path / "user"
    cache.mkdir()
    (cache / "models").symlink_to(_own_cache / "models")
    monkeypatch.setenv("EURUS_CACHE", str(cache))

    def run(objective, *, folder=None, **settings):
        values = {"model": "tiny", "learning_rate": 1e-3, "precision": "float32", "max_steps": 2, **settings}
        stage = Train.model_validate({"trees": str(tmp_path / "trees"), "objective": objective, **values})
        folder = tmp_path / (folder or f"{objective}-{len(list(tmp_path.iterdir()))}")
        folder.mkdir()
        stage.run(Context(folder, name="train", seed=5))
        return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]

    run.files = lambda: list((cache / "references").iterdir())
    return run


def test_dpo_and_nca_find_each_other_s_references_and_kto_adds_its_mismatches(train):
    settings = {"trees_per_step": 3, "epochs": 1, "max_steps": None}
    train("dpo", **settings)
    (file,) = train.files()
    assert entries(file) == 2  # a forest of three trees a step
    train("nca", **settings)
    assert entries(file) == 2
    train("kto", **settings)
    assert entries(file) == 4
    assert train.files() == [file]


def without_seconds(rows):
    return [{name: value for name, value in row.items() if name not in ("seconds", "tflops")} for row in rows]


@pytest.mark.parametrize("objective", ["nca", "kto"])
def test_the_result_does_not_depend_on_what_the_cache_holds(train, tmp_path, objective):
    """In bfloat16 a branch among others adds up otherwise; a forest of each tree's pairs alone fills the cache for the second run."""
    settings = {"precision": "bfloat16", "heldout": 2, "eval_steps": 1}
    empty = train(objective, folder="empty", **settings)
    (file,) = train.files()
    file.unlink()
    train(objective, folder="other", forest_tokens=1, **settings)
    filled = train(objective, folder="filled", **settings)
    found = train(objective, folder="found", **settings)
    assert without_seconds(empty) == without_seconds(filled) == without_seconds(found)
    weights = [(tmp_path / name / "model/model.safetensors").read_bytes() for name in ("empty", "filled", "found")]
    assert weights[0] == weights[1] == weights[2]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"objective": "kto"},
        {"model": "tiny-moe"},
        {"lora": {"rank": 4}},
        {"gradient_checkpointing": True},
        {"gradient_checkpointing": "products"},
    ],
    ids=str,
)
def test_every_log_ratio_is_exactly_zero_before_the_first_step(train, precision, settings):
    first, *_ = train(**{"objective": "dpo", "max_steps": 1, "precision": precision, **settings})
    assert (first["rewards_chosen"], first["rewards_rejected"], first["kl"]) == (0, 0, 0)
    assert first.get("z0", 0) == 0


def test_a_second_model_may_be_the_reference(train, tmp_path):
    other = load_causal_lm("tiny", dtype="float32")
    other.lm_head.weight.data *= 2
    other.save_pretrained(tmp_path / "other")
    own, against = train("dpo"), train("dpo", reference=str(tmp_path / "other"))
    assert own[0]["loss"] == pytest.approx(0.693147, abs=1e-5)
    assert abs(against[0]["loss"] - 0.693147) > 1e-3
    assert len(train.files()) == 2
