"""Examples in an Arrow file: what was written is read back, forests are the same, and a plan holds no tokens."""

import numpy as np
import pytest

from eurus_train.forest import token_file
from eurus_train.forest.layout import Branch, Group, Pair, plant
from eurus_train.forest.steps import plan
from eurus_train.forest.token_file import TokenFile, write_tokens


def ids(*tokens):
    return np.array(tokens, dtype=np.int64)


def caterpillar(number, turns=2):
    history, pairs = ids(1, 2, number), []
    for turn in range(turns):
        sides = [
            Branch(history, ids(10 + turn, side, number), f"p{number}", f"{turn}.{side}", turn + 1, "mint", side == 0)
            for side in (0, 1)
        ]
        pairs.append(Pair(*sides, weight=0.5 + turn, mismatch=Branch(history, ids(7), f"p{number}", "other")))
        history = np.concatenate([history, sides[1].action])
    return pairs


def told(branch):
    return (
        branch.history.tolist(),
        branch.action.tolist(),
        branch.tree,
        branch.node,
        branch.turn,
        branch.source,
        branch.assisted,
    )


def test_pairs_are_read_back_with_weights_and_mismatches(tmp_path):
    (written,), (read,) = [caterpillar(3)], write_tokens(tmp_path / "tokens", [caterpillar(3)])
    for one, other in zip(written, read, strict=True):
        assert [told(b) for b in (one.chosen, one.rejected, one.mismatch)] == [
            told(b) for b in (other.chosen, other.rejected, other.mismatch)
        ]
        assert one.weight == other.weight
    assert read[0].chosen.action.dtype == np.int64


def test_a_branch_of_several_pairs_is_one_branch_when_read(tmp_path):
    a, b, c = (Branch(ids(1, 2), ids(n)) for n in (3, 4, 5))
    (read,) = write_tokens(tmp_path / "tokens", [[Pair(a, b), Pair(a, c)]])
    assert read[0].chosen is read[1].chosen
    assert len(plant(read).branches) == 3


def test_actions_and_groups_are_read_back_too(tmp_path):
    branches = [Branch(ids(1), ids(n)) for n in range(2, 5)]
    (read,) = write_tokens(tmp_path / "branches", [branches])
    assert [told(b) for b in read] == [told(b) for b in branches]
    ((group,),) = write_tokens(tmp_path / "groups", [[Group(tuple(branches), (1.0, 3.0, 2.0))]])
    assert group.scores == (1.0, 3.0, 2.0)
    assert [told(b) for b in group.branches] == [told(b) for b in branches]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_files_of_several_batches_are_indexed_through(tmp_path, monkeypatch, count):
    monkeypatch.setattr(token_file, "TREES_AT_ONCE", 3)
    read = write_tokens(tmp_path / "tokens", [caterpillar(n) for n in range(count)])
    assert len(read) == count
    assert [tree[0].chosen.tree for tree in read] == [f"p{n}" for n in range(count)]
    with pytest.raises(IndexError):
        read[count]


def test_plans_from_disk_and_from_memory_are_the_same_forests(tmp_path):
    trees = [caterpillar(n, turns=1 + n % 4) for n in range(9)]
    settings = {"trees_per_step": 4, "forest_tokens": 30, "epochs": 2, "seed": 5}
    here = plan(trees, **settings)
    there = plan(write_tokens(tmp_path / "tokens", trees), **settings)
    assert here.bins == there.bins
    for one, other in zip(map(list, here.flat()), map(list, there.flat()), strict=True):
        assert len(one) == len(other)
        if one:
            assert plant(one).tokens.tolist() == plant(other).tokens.tolist()


def test_a_bin_reads_its_examples_anew_and_each_tree_once(tmp_path):
    class Counting(TokenFile):
        reads = 0

        def __getitem__(self, index):
            Counting.reads += 1
            return super().__getitem__(index)

    write_tokens(tmp_path / "tokens", [caterpillar(n, turns=3) for n in range(2)])
    (only,) = plan(Counting(tmp_path / "tokens", Pair), trees_per_step=2, forest_tokens=1000).flat()
    Counting.reads = 0
    assert len(list(only)) == 6
    assert Counting.reads == 2


def test_a_file_cut_short_is_not_there(tmp_path):
    def broken():
        yield caterpillar(1)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_tokens(tmp_path / "tokens", broken())
    assert not (tmp_path / "tokens").exists()
