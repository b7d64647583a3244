"""Trees that hold nothing to learn from: the message counts what was seen, and its advice fits the case."""

import json
from dataclasses import replace

import pytest

from eurus_core.errors import InputError
from eurus_core.formats import open_trees
from eurus_train.data.examples import correct_actions, preferences
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading


def message(read, trees, chat, what="pair", **reading):
    with pytest.raises(InputError) as caught:
        gather(read, trees, chat, Reading(**reading)).need(what)
    return str(caught.value)


def labelled(tmp_path, *labels, prompt="Question {}?"):
    rows = [{"prompt": prompt.format(n), "completion": f"Reply {n}.", "label": one} for n, one in enumerate(labels)]
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return open_trees(path)


def test_labelled_rows_of_different_prompts_say_which_labels_were_seen_and_that_pairs_are_missing(chat, tmp_path):
    said = message(preferences, labelled(tmp_path, True, False, True), chat)
    assert "3 prompts read, with replies: 2 labelled true, 1 labelled false; no prompt has both" in said
    assert "at least one prompt replies of both kinds" in said
    assert "max_length" not in said


def test_labelled_rows_of_one_kind_say_that_the_other_is_missing(chat, tmp_path):
    assert "an incorrect action, too" in message(preferences, labelled(tmp_path, True, True), chat)
    said = message(correct_actions, labelled(tmp_path, False), chat, "correct action")
    assert "1 prompt read, with replies: 0 labelled true, 1 labelled false" in said


def test_labelled_rows_of_one_prompt_are_a_pair(chat, tmp_path):
    trees = labelled(tmp_path, True, False, prompt="The same question?")
    assert len(gather(preferences, trees, chat, Reading())) == 1


def test_trees_without_a_correct_action_advise_more_samples_and_no_length(chat, make_tree, make_node):
    nodes = (make_node("0", "It is 3."), make_node("1", "It", "limit"))
    wrong = replace(make_tree(2), nodes=nodes)
    said = message(correct_actions, [wrong], chat, "correct action")
    assert "1 tree read, with actions: 0 correct, 1 incorrect, 1 neither" in said
    assert "Sample more" in said
    assert "max_length" not in said


def test_actions_that_are_too_long_advise_a_greater_length(chat, make_tree):
    assert message(correct_actions, [make_tree(2)], chat, max_length=5).endswith("Raise max_length.")
