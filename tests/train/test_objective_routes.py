"""Which source is learnt by which objective: tables in recipes, weights, and messages that name what does not fit."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from eurus_core.errors import InputError
from eurus_core.records import Preference, PreferenceTree
from eurus_train.data.examples import preferences
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading, source
from eurus_train.learning.loss_steps import LossStep
from eurus_train.learning.stage import Train
from eurus_train.monitoring.metrics import Tally
from eurus_train.objectives import DPO, KTO, NCA, Routes


def stage(objective, **settings):
    values = {"model": "tiny", "trees": "unused", "learning_rate": 1e-3, "objective": objective, **settings}
    return Train.model_validate(values)


def with_source(tree, name):
    return replace(tree, problem=replace(tree.problem, labels={"source": name}))


@pytest.fixture
def mixed(chat, make_tree):
    """Two trees of UltraInteract, one of UltraFeedback; two pairs each."""
    trees = [with_source(make_tree(n), name) for n, name in ((2, "UltraInteract"), (3, "UltraInteract"), (20, "UF"))]
    return gather(preferences, trees, chat, Reading())


def test_a_name_alone_is_everybody_s_objective():
    routes = stage("nca").objective
    assert routes.of("anything") == NCA()
    assert routes.at_start == NCA().at_start


def test_a_table_gives_sources_their_own_objective_and_the_others_the_default():
    routes = stage({"UltraInteract": {"name": "kto", "beta": 0.2}, "default": "dpo"}).objective
    assert routes.of("UltraInteract") == KTO(beta=0.2)
    assert routes.of("UF") == DPO()
    assert routes.uses_baseline
    assert routes.at_start is None  # DPO starts at ln 2, KTO elsewhere


def test_objectives_that_agree_on_their_start_state_it_together():
    assert stage({"a": "dpo", "default": {"name": "dpo", "beta": 0.5}}).objective.at_start == pytest.approx(0.693147)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ({"a": "sft", "default": "dpo"}, "same kind of examples; found: SFT from actions, DPO from pairs"),
        ({"a": "bt", "default": "dpo"}, "BT learns rewards: use the stage train-reward"),
        ({"a": "dop"}, "No objective named 'dop'. Did you mean 'dpo'"),
        ({"a": {"name": "dpo", "bta": 1}}, "Did you mean 'beta'"),
        ({}, "an empty table"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(objective, message):
    with pytest.raises(ValidationError, match=message):
        stage(objective)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 0, -1, True])
def test_weights_of_sources_are_finite_numbers_above_zero(weight):
    with pytest.raises(ValidationError):
        stage("dpo", source_weights={"UF": weight})


def test_a_source_without_objective_is_named_with_its_first_tree(mixed):
    with pytest.raises(InputError, match=r"source 'UF' has no objective \(1 of 3 trees, the first: 'double-20'\)"):
        stage({"UltraInteract": "dpo"}).routes(mixed)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": {"UltraInterakt": "kto", "default": "dpo"}}, "\"objective\" names the source 'UltraInterakt'"),
        ({"objective": "dpo", "source_weights": {"UltraInterakt": 2}}, '"source_weights" names the source'),
    ],
)
def test_a_name_that_nothing_comes_from_is_refused_with_the_nearest(mixed, settings, message):
    with pytest.raises(InputError, match=message + ".*Did you mean 'UltraInteract'.*'UltraInteract' \\(2 trees\\)"):
        stage(**settings).routes(mixed)


def test_the_source_is_what_pairs_state_then_the_label_then_the_data_set(make_tree):
    tree = make_tree(2)
    assert source(tree) == "toy"
    assert source(with_source(tree, "UltraInteract")) == "UltraInteract"
    stated = PreferenceTree(tree.problem, tree.nodes, (Preference("1", "0", "rows"),))
    assert source(stated) == "rows"


def test_each_pair_meets_its_source_s_objective_and_weight(llama, mixed):
    pairs = [pair for tree in mixed.trees for pair in tree]
    short = [shortened(pair) for pair in pairs]
    routes = Routes(by_source={"UF": NCA()}, default=DPO(), weights={"UF": 3.0})
    loss_step = LossStep(routes, "float32")
    tally = Tally()
    with torch.no_grad():
        mine = loss_step.loss(llama, loss_step.plant(short), tally)
        alone = {}
        for objective in (DPO(), NCA()):
            each = LossStep(objective, "float32")
            alone[type(objective)] = [each.loss(llama, each.plant([pair]), Tally()).item() for pair in short]
    dpo, nca = alone[DPO][:4], alone[NCA][4:]
    assert mine.item() == pytest.approx(sum(dpo) + 3 * sum(nca), rel=1e-4)
    assert loss_step.count(short) == 4 + 2 * 3
    means = tally.means()
    assert means["loss_source_UltraInteract"] == pytest.approx(sum(dpo) / 4, rel=1e-4)
    assert means["loss_source_UF"] == pytest.approx(sum(nca) / 2, rel=1e-4)
    assert means["loss"] == pytest.approx((sum(dpo) + 3 * sum(nca)) / 10, rel=1e-4)
    assert tally.count("margin_source_UF") == 2


def shortened(pair):
    """Put a pair into the 60 words of the small model."""

    def branch(one):
        return replace(one, history=one.history[:6] % 60, action=one.action[:5] % 60)

    chosen, rejected = branch(pair.chosen), branch(pair.rejected)
    return replace(pair, chosen=chosen, rejected=rejected)
