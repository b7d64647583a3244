"""What is learnt from a tree, how it is cut to length, and what is refused or left out."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from eurus_core.errors import InputError
from eurus_core.records import Action, Preference, PreferenceTree, Verdict
from eurus_core.records.pairs import history as messages_before
from eurus_core.records.prompts import first_message
from eurus_train.data.examples import correct_actions, preferences, spread
from eurus_train.data.mismatches import with_mismatches
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading


def words(chat, ids):
    return chat.tokenizer.decode(ids)


def with_nodes(tree, *nodes):
    return replace(tree, nodes=(*tree.nodes, *nodes))


def test_fine_tuning_takes_correct_actions_at_every_turn_with_their_history(chat, make_tree):
    tree = make_tree(2)
    first, second = gather(correct_actions, [tree], chat, Reading()).trees[0]
    assert (first.node, first.turn, words(chat, first.action)) == ("1", 1, "It is 4.<|im_end|>")
    assert (second.node, second.turn, words(chat, second.action)) == ("0.0", 2, "Now 4.<|im_end|>")
    assert first.history.tolist() == chat.prompt(messages_before(tree, None)).tolist()
    assert second.history.tolist() == chat.prompt(messages_before(tree, "0")).tolist()


def test_a_dropped_history_leaves_the_instruction(chat, make_tree):
    tree = make_tree(2)
    prompt = chat.prompt([first_message(tree.problem)])
    branches = gather(correct_actions, [tree], chat, Reading(history="drop")).trees[0]
    assert all(branch.history.tolist() == prompt.tolist() for branch in branches)


def test_the_same_correct_words_after_the_same_history_count_once(chat, make_tree, make_node):
    examples = gather(
        correct_actions, [with_nodes(make_tree(2), make_node("2", "It is 4.", "correct"))], chat, Reading()
    )
    assert len(examples) == 2
    assert examples.left_out["correct actions said twice"] == 1


def test_pairs_are_siblings_after_one_history_at_every_turn(chat, make_tree):
    pairs = gather(preferences, [make_tree(2)], chat, Reading()).trees[0]
    assert [(p.chosen.node, p.rejected.node, p.chosen.turn) for p in pairs] == [("1", "0", 1), ("0.0", "0.1", 2)]
    assert all(p.chosen.history is p.rejected.history for p in pairs)
    assert pairs[1].chosen.source == "toy"


def test_pairs_of_an_assisted_and_a_sampled_action_are_known_and_can_be_left_out(chat, make_tree):
    tree = make_tree(2)
    assisted = replace(tree.nodes[1], action=replace(tree.nodes[1].action, assisted=True))
    tree = replace(tree, nodes=(tree.nodes[0], assisted, *tree.nodes[2:]))
    assert [pair.mixed for pair in gather(preferences, [tree], chat, Reading()).trees[0]] == [True, False]
    alike = gather(preferences, [tree], chat, Reading(mixed=False))
    assert [pair.chosen.node for pair in alike.trees[0]] == ["0.0"]
    assert alike.left_out["pairs of an assisted and a sampled action"] == 1


def test_truncation_drops_the_oldest_turns_and_never_the_instruction_or_the_action(chat, make_tree, make_node):
    deep = with_nodes(make_tree(2), make_node("0.1.0", "At last 4.", "correct"), make_node("0.1.1", "Still 3."))
    full = next(p for p in gather(preferences, [deep], chat, Reading()).trees[0] if p.chosen.turn == 3)
    one_too_few = Reading(max_length=max(len(full.chosen), len(full.rejected)) - 1)
    examples = gather(preferences, [deep], chat, one_too_few)
    cut = next(p for p in examples.trees[0] if p.chosen.turn == 3)
    prompt = chat.prompt([first_message(deep.problem)])
    assert cut.chosen.history[: len(prompt)].tolist() == prompt.tolist()
    assert "It is 2." not in words(chat, cut.chosen.history)
    assert "Now 3." in words(chat, cut.chosen.history)
    assert cut.chosen.action.tolist() == full.chosen.action.tolist()
    assert cut.chosen.history is cut.rejected.history
    assert examples.left_out["oldest turns, cut to max_length"] == 1


def test_what_does_not_fit_with_its_instruction_is_left_out_and_counted(chat, make_tree, make_node):
    tree = with_nodes(make_tree(2), make_node("2", "no " * 100))
    limit = max(len(branch) for branch in gather(correct_actions, [tree], chat, Reading()).trees[0])
    examples = gather(preferences, [tree], chat, Reading(max_length=limit))
    assert examples.left_out["actions longer than max_length"] == 1
    assert [p.rejected.node for p in examples.trees[0]] == ["0", "0.1"]


def test_nothing_that_fits_is_an_error_that_counts(chat, make_tree):
    with pytest.raises(
        InputError,
        match=r"no pair .*instruction alone is longer than max_length = 5: 4 \(the first: tree 'double-2', node '1'\).*Raise max_length",
    ):
        gather(preferences, [make_tree(2)], chat, Reading(max_length=5)).need("pair of siblings")


def test_no_trees_and_no_pairs_are_errors(chat, make_tree):
    with pytest.raises(InputError, match="no trees at all"):
        gather(correct_actions, [], chat, Reading()).need("correct action")
    only_right = replace(make_tree(2), nodes=tuple(n for n in make_tree(2).nodes if n.id == "1"))
    found = gather(preferences, [only_right], chat, Reading())
    assert len(found) == 0
    with pytest.raises(
        InputError, match=r"no pair of siblings to learn from: 1 tree read, with actions: 1 correct, 0 incorrect"
    ):
        found.need("pair of siblings")


@pytest.mark.parametrize("learn", [correct_actions, preferences])
def test_an_empty_correct_action_is_refused_by_tree_and_node(chat, make_tree, make_node, learn):
    with pytest.raises(InputError, match="tree 'double-2', node '2': an empty action"):
        gather(learn, [with_nodes(make_tree(2), make_node("2", " ", "correct"))], chat, Reading())


def test_sides_of_equal_tokens_make_no_pair(chat, make_tree, make_node):
    tree = PreferenceTree(
        make_tree(2).problem,
        (make_node("0", "It is 4.", "correct"), make_node("1", "It is 4. "), make_node("2", "It is 5.")),
    )
    chat.tokenizer.chat_template, kept = chat.tokenizer.chat_template, chat.tokenizer.chat_template
    trimming = kept.replace("message['content']", "message['content'] | trim").replace(
        "message.content", "message.content | trim"
    )
    chat.tokenizer.chat_template = trimming
    try:
        examples = gather(preferences, [tree], chat, Reading())
    finally:
        chat.tokenizer.chat_template = kept
    assert [p.rejected.node for p in examples.trees[0]] == ["2"]
    assert examples.left_out["pairs whose sides have equal tokens"] == 1


def test_a_limit_a_tree_spreads_pairs_over_actions_and_prefers_sampled_ones(make_node):
    nodes = {
        n.id: n
        for n in (
            make_node("0", "right", "correct"),
            make_node("1", "given", "correct", assisted=True),
            *(make_node(str(i), f"wrong {i}") for i in (2, 3, 4)),
        )
    }
    edges = [Preference(c, r, "toy") for c in ("0", "1") for r in ("2", "3", "4")]
    for seed in range(10):
        two = spread(edges, nodes, 2, Random(seed))
        assert {edge.chosen for edge in two} == {"0", "1"}
        assert len({edge.rejected for edge in two}) == 2
        assert spread(edges, nodes, 1, Random(seed))[0].chosen == "0"


def test_the_limit_counts_what_it_left_out(chat, make_tree):
    examples = gather(preferences, [make_tree(2)], chat, Reading(per_tree=1))
    assert len(examples) == 1
    assert examples.left_out["pairs over the limit of a tree"] == 1
    again = gather(preferences, [make_tree(2)], chat, Reading(per_tree=1))
    assert examples.trees[0][0].chosen.node == again.trees[0][0].chosen.node


def test_mismatched_actions_answer_another_instruction_after_this_history(chat, make_tree):
    examples = gather(preferences, [make_tree(n) for n in (2, 20, 50)], chat, Reading())
    for pairs in with_mismatches(examples, max_length=2048, seed=0).trees:
        for pair in pairs:
            number = int(pair.chosen.tree.removeprefix("double-"))
            own = {words(chat, p.action) for q in pairs for p in (q.chosen, q.rejected)}
            assert pair.mismatch.history is pair.chosen.history
            assert pair.mismatch.node.partition("answered by ")[2].split()[0] != f"double-{number}"
            assert words(chat, pair.mismatch.action) not in own


def test_mismatches_are_fixed_by_seed(chat, make_tree):
    examples = gather(preferences, [make_tree(n) for n in (2, 20, 50)], chat, Reading())
    names = [
        [p.mismatch.node for pairs in with_mismatches(examples, max_length=2048, seed=s).trees for p in pairs]
        for s in (1, 1, 2)
    ]
    assert names[0] == names[1] != names[2]


def test_one_instruction_alone_has_no_mismatches(chat, make_tree):
    examples = gather(preferences, [make_tree(2)], chat, Reading())
    with pytest.raises(InputError, match="two problems or more"):
        with_mismatches(examples, max_length=2048, seed=0)


def test_a_node_stands_for_its_text_and_verdict_alone(chat, make_tree):
    """Timeouts may be rejected; an action cut by our own limit may not."""
    tree = make_tree(2)
    outcomes = dict.fromkeys(("timeout", "limit"))
    for outcome in outcomes:
        nodes = tuple(
            replace(n, action=Action(f"late {n.id}"), verdict=Verdict(outcome)) if not n.verdict.correct else n
            for n in tree.nodes
        )
        outcomes[outcome] = len(gather(preferences, [replace(tree, nodes=nodes)], chat, Reading()))
    assert outcomes == {"timeout": 2, "limit": 0}


def test_branches_hold_whole_numbers_of_tokens(chat, make_tree):
    branch = gather(correct_actions, [make_tree(2)], chat, Reading()).trees[0][0]
    assert branch.history.dtype == branch.action.dtype == np.int64
    assert len(branch) == len(branch.history) + len(branch.action)
