"""Which verdicts are labels to learn from: not those that an action's own code could have shaped, nor pairs by a judge's opinion."""

from dataclasses import replace

import pytest

from eurus_core.records import Verdict
from eurus_train.data.examples import OPINIONS, UNTRUSTED, correct_actions, groups, preferences
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading
from eurus_train.learning.stage import Train


@pytest.fixture
def tree(make_tree):
    """Return a tree of two pairs whose first correct action has the verdict that is asked for."""

    def make(verdict):
        whole = make_tree(2)
        nodes = [replace(one, verdict=verdict) if one.id == "1" else one for one in whole.nodes]
        return replace(whole, nodes=tuple(nodes))

    return make


def counted(read, tree, chat, **settings):
    found = gather(read, [tree], chat, Reading(**settings))
    return len(found), dict(found.left_out)


@pytest.mark.parametrize(("read", "all_of_them"), [(correct_actions, 2), (preferences, 2), (groups, 2)])
def test_a_correct_action_by_the_word_of_its_own_code_is_left_out_and_counted(chat, tree, read, all_of_them):
    untrusted = tree(Verdict("correct", trusted=False))
    assert counted(read, untrusted, chat) == (all_of_them - 1, {UNTRUSTED: 1})
    assert counted(read, untrusted, chat, untrusted=True) == (all_of_them, {})


def test_an_incorrect_one_is_learnt_from_however_it_was_made(chat, make_tree):
    whole = make_tree(2)
    nodes = [
        one if one.verdict.correct else replace(one, verdict=Verdict("incorrect", trusted=False)) for one in whole.nodes
    ]
    assert counted(preferences, replace(whole, nodes=tuple(nodes)), chat) == (2, {})


def test_what_a_judge_holds_correct_is_learnt_alone_and_makes_no_pair(chat, tree):
    opinion = tree(Verdict("correct", "judge", judged_by="a model"))
    assert counted(correct_actions, opinion, chat) == (2, {})
    for read in (preferences, groups):
        assert counted(read, opinion, chat) == (1, {OPINIONS: 1})
        assert counted(read, opinion, chat, opinions=True) == (2, {})


def test_a_stage_hands_its_settings_on(tmp_path, make_tree):
    from eurus_core.records.tree_set import write_trees

    write_trees(tmp_path / "trees", [make_tree(2)])
    stage = Train(model="tiny", trees=str(tmp_path / "trees"), objective="sft", learning_rate=1e-3)
    assert (stage.reading().untrusted, stage.reading().opinions) == (False, False)
    admitting = stage.model_copy(update={"untrusted": True, "opinion_pairs": True})
    assert (admitting.reading().untrusted, admitting.reading().opinions) == (True, True)
