"""The paper's augmentation: correct actions meet incorrect ones of other turns, after the bare instruction, within limits."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.models import load_tokenizer
from eurus_core.records import Action, Node, Outcome, PreferenceTree, Problem, Verdict
from eurus_core.records.prompts import opening
from eurus_rm.cross_turn import CrossTurn, couples, crossing_too
from eurus_train.data.chat import Chat
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading


def _node(name: str, outcome: Outcome, text: str = "", code: tuple[str, ...] = ()) -> Node:
    parent = name.rpartition(".")[0] or None
    return Node(name, parent, name.count(".") + 1, Action(text=text or f"action {name}", code=code), Verdict(outcome))


def _caterpillar(turns: int) -> PreferenceTree:
    """A correct and an incorrect action at each turn; the incorrect one goes on."""
    nodes, spine = [], ""
    for _ in range(turns):
        nodes += [_node(f"{spine}0", "correct"), _node(f"{spine}1", "incorrect")]
        spine += "1."
    return PreferenceTree(Problem("p", "Math_CoT", "toy", "What is 1 + 1?"), tuple(nodes))


def _names(tree: PreferenceTree, limits: CrossTurn) -> set[tuple[str, str]]:
    return {(chosen.id, rejected.id) for chosen, rejected in couples(tree, limits, Random(0))}


def test_three_turns_give_the_six_pairs_of_different_turns() -> None:
    # N = 3: 3 x 3 couples, less the 3 of one turn, which the tree holds already
    found = _names(_caterpillar(3), CrossTurn())
    assert len(found) == 6
    assert found.isdisjoint({("0", "1"), ("1.0", "1.1"), ("1.1.0", "1.1.1")})


def test_an_assisted_action_meets_no_sampled_one_where_mixed_pairs_are_not_wanted() -> None:
    tree = _caterpillar(2)
    (right, *others) = tree.nodes
    tree = replace(tree, nodes=(replace(right, action=replace(right.action, assisted=True)), *others))
    found = couples(tree, CrossTurn(), Random(0), Reading(mixed=False))
    assert [(chosen.id, rejected.id) for chosen, rejected in found] == [("1.0", "1")]
    assert len(couples(tree, CrossTurn(), Random(0))) == 2


def test_one_turn_gives_none() -> None:
    assert _names(_caterpillar(1), CrossTurn()) == set()


def test_trees_beyond_the_grid_give_none_as_printed_and_some_where_it_is_raised() -> None:
    # N = 4: 16 couples are more than 10; of the 12 of different turns 9 are drawn
    assert _names(_caterpillar(4), CrossTurn()) == set()
    assert len(_names(_caterpillar(4), CrossTurn(grid=16, uses=9))) == 9


@given(st.integers(2, 5), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_no_action_is_used_more_often_than_the_limit(turns: int, pairs: int, uses: int, seed: int) -> None:
    found = couples(_caterpillar(turns), CrossTurn(pairs, uses, grid=25), Random(seed))
    assert len(found) <= pairs
    for side in (0, 1):
        names = [couple[side].id for couple in found]
        assert max(map(names.count, names), default=0) <= uses
    assert all(chosen.turn != rejected.turn for chosen, rejected in found)


@pytest.mark.parametrize(
    "node",
    [
        _node("1.1", "limit"),
        _node("1.1", "incorrect", code=("print(",)),
        _node("1.1", "incorrect", text="  "),
        _node("1.1", "incorrect", text="action 0"),
    ],
    ids=["cut by our limit", "not Python", "empty", "the chosen text"],
)
def test_what_makes_no_pair_of_siblings_makes_none_across_turns(node: Node) -> None:
    tree = _caterpillar(1)
    assert _names(PreferenceTree(tree.problem, (*tree.nodes, node)), CrossTurn()) == set()


def test_they_join_the_pairs_of_their_tree_without_history() -> None:
    chat, tree = Chat(load_tokenizer("tiny")), _caterpillar(3)
    (pairs,) = gather(crossing_too(CrossTurn()), [tree], chat, Reading()).trees
    assert len(pairs) == 3 + 6
    bare = chat.opening(opening(tree.problem))
    assert all(np.array_equal(side.history, bare) for pair in pairs[3:] for side in pair.branches)
    assert {pair.chosen.turn for pair in pairs[3:]} == {1, 2, 3}


def test_a_verdict_that_no_pair_may_rest_on_crosses_no_turn_either() -> None:
    right, *others = _caterpillar(2).nodes
    for verdict, admitted in (
        (Verdict("correct", trusted=False), Reading(untrusted=True)),
        (Verdict("correct", judged_by="a model"), Reading(opinions=True)),
    ):
        tree = replace(_caterpillar(2), nodes=(replace(right, verdict=verdict), *others))
        assert [(a.id, b.id) for a, b in couples(tree, CrossTurn(), Random(0))] == [("1.0", "1")]
        assert len(couples(tree, CrossTurn(), Random(0), admitted)) == 2
