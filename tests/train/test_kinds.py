"""What a kind sees of a forest: its examples' branches and tokens, in their order, whichever examples are taken."""

import numpy as np
import pytest
import torch

from eurus_train import Actions, Batch, Branch, Group, Groups, Pair, Pairs, plant


def ids(*tokens):
    return np.array(tokens, dtype=np.int64)


A, B, C = Branch(ids(1, 2), ids(3, 4)), Branch(ids(1, 2), ids(5)), Branch(ids(1, 2), ids(3, 6, 7))


def batch(*examples):
    """Return a batch in which the branches laid first, second, ... have the values 0, 10, ... and the tokens scored their ids."""
    forest = plant(examples)
    zeros = torch.zeros(len(forest.branches))
    return Batch(
        forest=forest,
        taken=np.arange(len(examples)),
        value=10.0 * torch.arange(len(forest.branches)),
        reference=zeros,
        scored=torch.from_numpy(forest.scored_token).float(),
        baseline=torch.zeros(()),
    )


def test_a_branch_of_two_pairs_is_laid_once_and_stands_in_both():
    found = batch(Pair(A, B), Pair(A, C))
    assert found.forest.branches == (A, B, C)
    assert found.places.tolist() == [0, 1, 0, 2]
    assert found.group.tolist() == [0, 0, 1, 1]
    assert found.lengths.tolist() == [2, 1, 3]


def test_taken_examples_keep_the_values_of_their_branches_and_the_order_they_are_asked_in():
    found = batch(Group((A, B), (2.0, 1.0)), Group((C,), (0.0,)), Group((B, C, A), (1.0, 2.0, 3.0))).take([2, 0])
    assert [group.scores for group in found.examples] == [(1.0, 2.0, 3.0), (2.0, 1.0)]
    assert found.value[found.places].tolist() == [10, 20, 0, 0, 10]
    assert found.group.tolist() == [0, 0, 0, 1, 1]
    assert found.take([1]).examples[0].scores == (2.0, 1.0)


def test_tokens_are_those_of_each_action_even_where_two_begin_alike():
    assert batch(A, B, C).tokens.tolist() == [3, 4, 5, 3, 6, 7]
    assert batch(A, B, C).take([2, 0]).tokens.tolist() == [3, 6, 7, 3, 4]


def test_a_pair_s_sides_are_given_as_chosen_and_rejected():
    (pairs,) = Pairs().given(batch(Pair(A, B), Pair(C, B)))
    assert pairs.chosen.tolist() == [0, 20]
    assert pairs.rejected.tolist() == [10, 10]
    assert pairs.chosen_tokens.tolist() == [2, 3]


@pytest.mark.parametrize("kind", [Actions(), Pairs(), Groups()], ids=lambda kind: kind.name)
def test_a_trial_holds_examples_of_the_kind_at_both_turns(kind):
    found = kind.trial()
    assert all(isinstance(example, kind.example) for example in found.examples)
    assert {branch.turn for example in found.examples for branch in example.branches} == {1, 2}
    assert torch.equal(found.value, kind.trial().value)
