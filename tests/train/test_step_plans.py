"""Steps and bins: every example once an epoch, bins within their limit, a prefix shared by trees counted once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eurus_train.forest import steps
from eurus_train.forest.layout import Branch, Pair, plant
from eurus_train.forest.steps import pack, plan

pieces = st.lists(st.integers(0, 3), min_size=1, max_size=6).map(lambda tokens: np.array(tokens, dtype=np.int64))
branches = st.builds(Branch, history=pieces, action=pieces)
groups = st.lists(st.lists(branches, min_size=1, max_size=4), min_size=1, max_size=6)


def tree(prompt, *actions):
    return [Branch(np.array(prompt), np.array(action)) for action in actions]


@given(groups, st.integers(1, 40))
def test_bins_hold_every_example_once_and_stay_within_the_limit(trees, limit):
    bins = pack(trees, limit)
    assert sorted(id(b) for one in bins for b in one) == sorted(id(b) for group in trees for b in group)
    for one in bins:
        assert len(plant(one)) <= limit or len(one) == 1


@given(groups, st.integers(1, 5), st.integers(1, 3))
def test_every_epoch_sees_every_tree_once(trees, trees_per_step, epochs):
    found = plan(trees, trees_per_step=trees_per_step, forest_tokens=30, epochs=epochs)
    assert len(found.steps) == epochs * -(-len(trees) // trees_per_step)
    assert all(len(step) == found.bins for step in found.steps)
    seen = sorted(id(b) for one in found.flat() for b in one)
    assert seen == sorted(epochs * [id(b) for group in trees for b in group])


def test_trees_that_begin_alike_share_a_bin_that_they_would_not_fit_apart():
    one, two = tree([1, 2, 3, 4, 5], [6, 7]), tree([1, 2, 3, 4, 8], [6, 7])  # 7 tokens each, 10 together
    assert len(pack([one, two], 10)) == 1
    assert len(pack([one, two], 9)) == 2


def test_a_tree_above_the_limit_is_cut_between_examples():
    big = tree([1, 2], [3, 4], [5, 6], [7, 8])  # 8 tokens, the prompt again in each piece
    assert [len(plant(one)) for one in pack([big], 6)] == [6, 4]


def test_both_sides_of_a_pair_stay_together():
    chosen, rejected = tree([1, 2], [3, 4], [5, 6])
    (only,) = pack([[Pair(chosen, rejected)]], 1)
    assert len(plant(only)) == 6


def test_max_steps_overrides_epochs_and_goes_round():
    trees = [tree([1], [n]) for n in range(5)]
    found = plan(trees, trees_per_step=2, forest_tokens=100, max_steps=7)
    assert len(found.steps) == 7
    assert len(plan(trees, trees_per_step=2, forest_tokens=100, epochs=0.4).steps) == 1


def test_the_order_is_fixed_by_seed_and_new_each_epoch():
    trees = [tree([n], [n]) for n in range(20)]

    def order(seed):
        found = plan(trees, trees_per_step=1, forest_tokens=10, epochs=2, seed=seed)
        return [int(one[0].history[0]) for one in found.flat()]

    assert order(3) == order(3) != order(4)
    assert order(3)[:20] != order(3)[20:]


def test_first_fit_looks_at_the_last_bins_alone(monkeypatch):
    """Trees of 4, 8 and 2 tokens: the last one fits beside the first, which only the wider window still sees."""
    trees = [tree([1], [n] * (size - 1)) for n, size in ((2, 4), (3, 8), (4, 2))]
    assert [[len(b.action) for b in one] for one in pack(trees, 8)] == [[3, 1], [7]]
    monkeypatch.setattr(steps, "OPEN_BINS", 1)
    assert [[len(b.action) for b in one] for one in pack(trees, 8)] == [[3], [7], [1]]
