"""Pairs, leaves and histories of preference trees."""

from __future__ import annotations

import pytest

from eurus_core.records import Action, Critique, Message, Node, Observation, PreferenceTree, Problem, Verdict, prompts
from eurus_core.records.pairs import history, leaves, pairs

PROBLEM = Problem("p", "Math_PoT", "toy", "What is 1 + 1?")


def node(node_id: str, outcome: str = "incorrect", text: str = "", **more) -> Node:
    parent, _, _ = node_id.rpartition(".")
    return Node(node_id, parent or None, node_id.count(".") + 1, Action(text or node_id, **more), Verdict(outcome))


def edges(*nodes: Node) -> list[tuple[str, str]]:
    return [(pair.chosen, pair.rejected) for pair in pairs(PreferenceTree(PROBLEM, nodes))]


def test_a_caterpillar_has_a_pair_at_every_turn():
    assert edges(node("0", "correct"), node("1"), node("1.0"), node("1.1", "correct")) == [("0", "1"), ("1.1", "1.0")]


def test_every_correct_sibling_meets_every_incorrect_one():
    found = edges(node("0", "correct"), node("1", "correct"), node("2"), node("3"))
    assert found == [("0", "2"), ("0", "3"), ("1", "2"), ("1", "3")]


def test_cousins_make_no_pair():
    assert edges(node("0"), node("1"), node("0.0", "correct"), node("1.0")) == []


@pytest.mark.parametrize(
    ("outcome", "count"), [("incorrect", 1), ("unparsed", 1), ("timeout", 1), ("limit", 0), ("continued", 0)]
)
def test_our_own_cap_and_mere_tool_calls_are_never_rejected(outcome, count):
    assert len(edges(node("0", "correct"), node("1", outcome))) == count


def test_a_side_that_does_not_parse_makes_no_pair_but_stays_in_the_tree():
    broken = node("1", code=("1 +",))
    assert edges(node("0", "correct"), broken) == []
    assert PreferenceTree(PROBLEM, (broken,)).nodes == (broken,)
    assert edges(node("0", "correct", code=("x = (",)), node("1")) == []


def test_equal_texts_make_no_pair():
    assert edges(node("0", "correct", text="same"), node("1", text="same")) == []


def test_the_pair_names_its_data_set():
    (pair,) = pairs(PreferenceTree(PROBLEM, (node("0", "correct"), node("1"))))
    assert pair.source == "toy"


def test_leaves_are_the_nodes_without_children():
    tree = PreferenceTree(PROBLEM, (node("0", "correct"), node("1"), node("1.0", "correct")))
    assert [leaf.id for leaf in leaves(tree)] == ["0", "1.0"]


def test_history_words_the_turns_as_the_released_data_do():
    wrong = Node(
        "0",
        None,
        1,
        Action("Step 1: guess."),
        Verdict("incorrect"),
        Observation("Out: 3"),
        Critique("One is counted twice."),
    )
    tree = PreferenceTree(PROBLEM, (wrong,))
    assert history(tree, "0")[1:] == (
        Message("assistant", "Step 1: guess."),
        Message("user", "Out: 3\nYour answer is wrong.\nOne is counted twice."),
    )


def test_the_task_prompt_is_applied_once_and_recognised():
    once = prompts.apply("Math_PoT", "What is 1 + 1?")
    assert once.endswith("Simplify your answer as much as possible.\nWhat is 1 + 1?")
    assert prompts.apply("Math_PoT", once) == once
    coding = "Write Python code to solve the task.\nAdd."
    assert prompts.apply("Coding", coding) == coding


def test_logic_offers_the_search_tool_only_where_there_is_one():
    assert prompts.apply("Logic", "Who?").startswith("Solve the following problem step-by-step:\n")
    assert prompts.apply("Logic", "Who?", ("wikipedia_search",)).startswith("Tool available:\n[1] wikipedia_search")


def judged(node_id: str, **verdict) -> Node:
    return Node(node_id, None, 1, Action(f"text {node_id}"), Verdict(**verdict))


def test_an_action_correct_by_the_word_of_its_own_code_is_no_chosen_side_unless_it_is_admitted():
    tree = PreferenceTree(PROBLEM, (judged("0", outcome="correct", trusted=False), judged("1", outcome="incorrect")))
    assert pairs(tree) == ()
    assert [(one.chosen, one.rejected) for one in pairs(tree, untrusted=True)] == [("0", "1")]


def test_an_incorrect_action_is_a_rejected_side_however_it_was_made():
    assert (
        len(
            pairs(
                PreferenceTree(
                    PROBLEM, (judged("0", outcome="correct"), judged("1", outcome="incorrect", trusted=False))
                )
            )
        )
        == 1
    )


@pytest.mark.parametrize("side", ["correct", "incorrect"])
def test_a_judge_s_opinion_is_no_side_of_a_pair_unless_it_is_admitted(side):
    other = "incorrect" if side == "correct" else "correct"
    tree = PreferenceTree(PROBLEM, (judged("0", outcome=side, judged_by="judge"), judged("1", outcome=other)))
    assert pairs(tree) == pairs(tree, untrusted=True) == ()
    assert len(pairs(tree, opinions=True)) == 1


def test_what_is_proven_is_correct_and_not_by_its_own_word():
    assert Verdict("correct").proven
    assert not Verdict("correct", trusted=False).proven
    assert not Verdict("incorrect").proven
    assert Verdict("correct", judged_by="judge").opinion
    assert not Verdict("correct", trusted=False).opinion
