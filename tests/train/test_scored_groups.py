"""Groups of scored siblings: what is read from trees, and that a forest of groups is worth its members alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eurus_core.errors import InputError
from eurus_core.records import Verdict
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.data.examples import groups
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading
from eurus_train.forest.layout import Branch, Group, plant
from eurus_train.learning.loss_steps import LossStep
from eurus_train.learning.stage import Train
from eurus_train.monitoring.metrics import Tally
from eurus_train.objectives import NCAK


@pytest.fixture
def star(make_tree, make_node):
    """Four responses to one prompt, scored as UltraFeedback does: neither correct nor incorrect."""

    def make(number=2, scores=(2.0, 4.5, 3.0, 4.5)):
        nodes = tuple(
            replace(make_node(str(i), f"Answer {i} of {number}."), verdict=Verdict("continued", score=score))
            for i, score in enumerate(scores)
        )
        return replace(make_tree(number), nodes=nodes)

    return make


def test_a_star_is_one_group_with_its_scores(chat, star):
    ((group,),) = gather(groups, [star()], chat, Reading()).trees
    assert group.scores == (2.0, 4.5, 3.0, 4.5)
    assert [branch.node for branch in group.branches] == ["0", "1", "2", "3"]
    assert group.source == "toy"


def test_verdicts_stand_in_for_scores_at_every_turn(chat, make_tree):
    (found,) = gather(groups, [make_tree(2)], chat, Reading()).trees
    assert [(tuple(b.node for b in group.branches), group.scores) for group in found] == [
        (("0", "1"), (0.0, 1.0)),
        (("0.0", "0.1"), (1.0, 0.0)),
    ]


def test_equal_scores_and_single_responses_teach_nothing_and_are_counted(chat, star):
    examples = gather(groups, [star(), star(3, (1.0, 1.0)), star(4, (1.0,))], chat, Reading())
    assert len(examples) == 1
    assert examples.left_out["groups with less than two different scores"] == 1
    assert examples.left_out.first["groups with less than two different scores"] == "tree 'double-3', node '0'"
    assert examples.left_out["trees with nothing to learn from"] == 2


def test_a_score_that_is_no_number_is_refused_by_tree_and_node(chat, star):
    with pytest.raises(InputError, match="tree 'double-2', node '1': the score nan"):
        gather(groups, [star(scores=(1.0, float("nan")))], chat, Reading())


def test_the_limit_of_a_tree_counts_groups(chat, make_tree):
    examples = gather(groups, [make_tree(2)], chat, Reading(per_tree=1))
    assert len(examples) == 1
    assert examples.left_out["groups over the limit of a tree"] == 1


@st.composite
def drawn_groups(draw):
    tokens = st.lists(st.integers(1, 12), min_size=1, max_size=4).map(lambda found: np.array(found, dtype=np.int64))
    found = []
    for number in range(draw(st.integers(1, 3))):
        history, size = draw(tokens), draw(st.integers(2, 4))
        branches = tuple(Branch(history, draw(tokens), f"t{number}", str(i)) for i in range(size))
        found.append(Group(branches, tuple(draw(st.floats(0, 10, allow_subnormal=False)) for _ in range(size))))
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(examples=drawn_groups())
def test_a_forest_of_groups_has_the_loss_and_gradients_of_its_members_read_alone(llama, examples):
    objective = NCAK(beta=0.3, alpha=2.0)

    def graded(loss):
        llama.zero_grad()
        loss.backward()
        return loss.item(), torch.cat([w.grad.flatten() for w in llama.parameters() if w.grad is not None])

    def alone(branch):
        tokens = torch.from_numpy(np.concatenate([branch.history, branch.action]))
        logits = llama(tokens[None], use_cache=False).logits[0].log_softmax(-1)[len(branch.history) - 1 : -1]
        return logits.gather(1, torch.from_numpy(branch.action)[:, None]).sum()

    losses = []
    for group in examples:
        shares = torch.softmax(torch.tensor(group.scores) / 2.0, 0)
        rewards = 0.3 * torch.stack([alone(branch) for branch in group.branches])
        softplus = torch.nn.functional.softplus
        losses.append((shares * softplus(-rewards) + softplus(rewards) / len(rewards)).sum())
    expected, apart = graded(torch.stack(losses).sum())
    found, together = graded(LossStep(objective, "float32").loss(llama, plant(examples), Tally()))
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert (together - apart).norm() <= 1e-4 * apart.norm() + 1e-6


def test_a_policy_learns_from_groups_and_shows_best_and_worst(star, tmp_path):
    write_trees(tmp_path / "trees", [star(number) for number in range(2, 10)])
    (tmp_path / "out").mkdir()
    context = Context(tmp_path / "out", name="train", seed=1)
    values = {
        "model": "tiny",
        "trees": str(tmp_path / "trees"),
        "objective": "nca-k",
        "learning_rate": 3e-3,
        "precision": "float32",
        "epochs": 6,
        "heldout": 2,
    }
    Train.model_validate(values).run(context)
    figures = context.report.figures
    assert figures["loss at step 1"] == pytest.approx(NCAK().at_start, abs=1e-5)
    assert figures["loss, mean of the last fifth"] < NCAK().at_start
    assert (figures["groups"], figures["held-out pairs"]) == (6, 2)
