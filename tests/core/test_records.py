"""Records survive JSON; wrong JSON says what is wrong; tree sets appear whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.errors import InputError
from eurus_core.records import (
    Action,
    Critique,
    Node,
    Observation,
    PreferenceTree,
    Problem,
    Reference,
    Sampling,
    Verdict,
    tree_set,
)
from eurus_core.records.codec import from_json, to_json
from eurus_core.records.tree_set import TreeSet, write_trees

PROBLEM = Problem(
    "p", "Math_PoT", "toy", "What is 1 + 1?", Reference("2", "Add.", ("1 + 1",)), ("python",), {"level": "1"}
)

texts = st.text(st.characters(), max_size=20)  # lone surrogates included: models write them
actions = st.builds(
    Action,
    texts,
    texts,
    st.lists(texts, max_size=2).map(tuple),
    st.none() | texts,
    sampling=st.none() | st.builds(Sampling, st.floats(0, 2), stop=st.lists(texts, max_size=2).map(tuple)),
    tokens=st.integers(0, 9999),
    logprob=st.none() | st.floats(-500, 0),
    assisted=st.booleans(),
)
nodes = st.builds(
    Node,
    st.just("0"),
    st.none(),
    st.just(1),
    actions,
    st.builds(Verdict, st.sampled_from(["correct", "incorrect", "unparsed"]), texts),
    st.none() | st.builds(Observation, texts),
    st.none() | st.builds(Critique, texts, leaks=st.booleans()),
)
trees = st.builds(PreferenceTree, st.just(PROBLEM), st.lists(nodes, max_size=1).map(tuple))


@given(trees)
def test_a_tree_survives_json(tree):
    assert from_json(PreferenceTree, json.loads(json.dumps(to_json(tree)))) == tree


def test_defaults_are_left_out():
    assert to_json(Verdict("correct")) == {"outcome": "correct"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "Problem is list '\\[\\]'; needed is dict"),
        ({"id": "a"}, "Problem needs 'dataset', which is missing"),
        ({"idd": "a"}, "Problem has no field 'idd' \\(did you mean 'id'\\?\\)"),
        ({"id": 3, "task": "Logic", "dataset": "x", "instruction": "y"}, "Problem.id is int '3'; needed is str"),
        (
            {"id": "3", "task": "logic", "dataset": "x", "instruction": "y"},
            "Problem.task is 'logic'; allowed are 'Coding'",
        ),
        (
            {"id": "3", "task": "Logic", "dataset": "x", "instruction": "y", "reference": {"solutions": ["a", 1]}},
            r"Problem.reference.solutions\[1\] is int '1'; needed is str",
        ),
    ],
)
def test_wrong_json_says_where_and_what(data, says):
    with pytest.raises(InputError, match=f"rows.jsonl, line 3: {says}"):
        from_json(Problem, data, where="rows.jsonl, line 3")


def test_a_truth_value_is_not_a_number():
    with pytest.raises(InputError, match="needed is int"):
        from_json(
            Node, {"id": "0", "parent": None, "turn": True, "action": {"text": ""}, "verdict": {"outcome": "correct"}}
        )


def node(node_id: str, outcome: str = "incorrect", text: str = "", **more) -> Node:
    parent, _, _ = node_id.rpartition(".")
    return Node(node_id, parent or None, node_id.count(".") + 1, Action(text or node_id, **more), Verdict(outcome))


TREE = PreferenceTree(PROBLEM, (node("0", "correct"), node("1"), node("1.0", "correct"), node("1.1")))


def test_a_tree_set_holds_its_trees_in_order_with_counts(tmp_path):
    written = write_trees(tmp_path / "trees", [TREE, PreferenceTree(PROBLEM)], {"seed": 1})
    read = TreeSet.open(tmp_path / "trees")
    assert list(read) == [TREE, PreferenceTree(PROBLEM)]
    assert len(read) == 2
    assert read.manifest == written.manifest
    assert {key: read.manifest[key] for key in ("nodes", "correct", "pairs")} == {"nodes": 4, "correct": 2, "pairs": 2}
    assert read.manifest["provenance"] == {"seed": 1}


def test_the_same_trees_make_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_trees(tmp_path / name, [TREE])
    files = [sorted(f.name for f in (tmp_path / name).iterdir()) for name in ("a", "b")]
    assert files[0] == files[1]
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files[0])


def test_a_tree_set_that_fails_half_way_leaves_the_old_one(tmp_path):
    write_trees(tmp_path / "trees", [TREE])

    def failing():
        yield TREE
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_trees(tmp_path / "trees", failing())
    assert list(TreeSet.open(tmp_path / "trees")) == [TREE]
    assert [p.name for p in tmp_path.iterdir()] == ["trees"]


def test_trees_go_to_shards_as_they_come(tmp_path, monkeypatch):
    monkeypatch.setattr(tree_set, "SHARD_TREES", 2)
    trees = [replace(TREE, problem=replace(PROBLEM, id=f"p{n}")) for n in range(5)]
    begun = []

    def coming():
        for tree in trees:
            begun.append(len(list((tmp_path / ".trees.partial").glob("*.jsonl"))))
            yield tree

    written = write_trees(tmp_path / "trees", coming())
    assert begun == [0, 1, 1, 2, 2]  # the first tree of a shard begins its file, nothing waits for the shard to be full
    assert [shard["trees"] for shard in written.manifest["shards"]] == [2, 2, 1]
    assert list(TreeSet.open(tmp_path / "trees")) == trees


def test_an_empty_tree_set_is_one(tmp_path):
    write_trees(tmp_path / "trees", [])
    assert list(TreeSet.open(tmp_path / "trees")) == []


def test_a_damaged_tree_set_names_file_and_line(tmp_path):
    write_trees(tmp_path / "trees", [TREE, TREE])
    shard = tmp_path / "trees/trees-00000.jsonl"
    good = shard.read_bytes()
    shard.write_bytes(good[:-20])
    with pytest.raises(InputError, match=r"trees-00000.jsonl, line 2: not JSON"):
        list(TreeSet.open(tmp_path / "trees"))
    shard.write_bytes(good.replace(b"What", b"Whot"))
    with pytest.raises(InputError, match="does not match the manifest's hash"):
        list(TreeSet.open(tmp_path / "trees"))
    shard.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        list(TreeSet.open(tmp_path / "trees"))


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (None, "no tree set here"),
        ("{", "not the manifest"),
        ('{"schema_version": 9}', "schema version 9"),
        ("[]", "not the"),
    ],
)
def test_what_is_no_tree_set_says_so(tmp_path, manifest, says):
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match=says):
        TreeSet.open(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"shards": None},
        {"shards": 3},
        {"shards": ["trees-00000.jsonl"]},
        {"shards": [{"file": "trees-00000.jsonl"}]},
        {"shards": [{"file": 3, "sha256": ""}]},
        {"shards": [{"file": "../elsewhere.jsonl", "sha256": ""}]},
        {"trees": "many"},
    ],
)
def test_a_manifest_of_the_wrong_shape_is_refused(tmp_path, damage):
    manifest = dict(write_trees(tmp_path / "trees", [TREE]).manifest) | damage
    (tmp_path / "trees/manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="not the manifest of a tree set"):
        TreeSet.open(tmp_path / "trees")


def test_a_manifest_nested_too_deeply_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="not the manifest"):
        TreeSet.open(tmp_path)


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ((node("0"), node("7.0")), "node '7.0' has the parent '7', which does not stand before it"),
        ((node("0.0"), node("0")), "node '0.0' has the parent '0', which does not stand before it"),
        ((node("0"), node("0")), "two nodes '0'"),
    ],
)
def test_a_tree_that_is_none_names_file_line_and_node(tmp_path, nodes, says):
    write_trees(tmp_path / "trees", [TREE, PreferenceTree(PROBLEM, nodes)])
    with pytest.raises(InputError, match=f"trees-00000.jsonl, line 2: {says}"):
        list(TreeSet.open(tmp_path / "trees"))
