"""Defects that other trainers had, and what shows that this one has not.

| defect | test |
|---|---|
| KTO rows in blocks of chosen, then rejected, never shuffled | here: test_both_sides_of_a_pair_are_in_one_step_and_steps_are_shuffled |
| KTO's weights dropped | here: test_a_pair_of_weight_two_is_a_pair_said_twice |
| KTO's mismatched action from the same instruction | here: test_a_mismatched_action_never_answers_the_same_instruction |
| KTO's z0 a mean of means, or of one micro-batch | here: test_kto_restated_from_the_paper_on_hand_data |
| KTO fails on a batch of one | here: test_kto_takes_a_batch_of_one |
| log-probabilities summed in bfloat16, in steps of 2 nats | here: test_sums_of_bfloat16_logits_are_exact_to_a_thousandth_of_a_nat |
| reward read at the first padding where padding is the end of a turn | rm/test_reward_scoring.py, rm/test_train_reward.py: as transformers reads |
| two BOS tokens | test_chat_pieces.py: there is one BOS where the template writes one |
| tokens merged across the boundary of prompt and response | test_chat_pieces.py: no token merges across the boundary |
| truncation that empties the answer | test_tree_examples.py: truncation drops the oldest turns |
| head initialised anew when learning goes on | rm/test_train_reward.py: learning goes on from a reward model's head |
| loss scaled wrongly under accumulation | here: test_gradients_do_not_depend_on_how_a_step_is_cut; test_train_stage.py |
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from eurus_core.errors import InputError
from eurus_core.records import Action, Preference
from eurus_train.data.examples import correct_actions, groups, preferences
from eurus_train.data.mismatches import with_mismatches
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading
from eurus_train.forest.layout import Branch, Group, Pair
from eurus_train.forest.likelihood import token_logprobs
from eurus_train.forest.steps import plan
from eurus_train.learning.loss_steps import LossStep
from eurus_train.monitoring.metrics import Tally
from eurus_train.objectives import DPO, IPO, KTO, NCA, NCAK, ORPO, SFT

DRAW = np.random.default_rng(0)


def ids(length):
    return DRAW.integers(1, 59, length)


def pair(tree, weight=1.0, *, mismatch=True):
    history = ids(4)
    chosen, rejected = (Branch(history, ids(n), tree, side, 1, "toy") for n, side in ((3, "0"), (5, "1")))
    other = replace(chosen, action=ids(4), node="0 answered by another") if mismatch else None
    return Pair(chosen, rejected, weight, other)


def gradients(model, loss_step, bins):
    """Return loss and gradients of one optimizer step cut into bins, as the trainer makes it."""
    model.zero_grad()
    loss_step.before_step(model, bins)
    count = sum(loss_step.count(examples) for examples in bins)
    total = 0.0
    for examples in bins:
        loss = loss_step.loss(model, loss_step.plant(examples), Tally()) / count
        loss.backward()
        total += loss.item()
    return total, torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


def loss_step_of(objective, references=None):
    return LossStep(objective, "float32", references)


class Start:
    """Log-probabilities of a made-up reference: far enough from the policy for z0 to be above 0."""

    def __getitem__(self, forest):
        return [-5.5 * len(branch.action) - int(branch.action[0]) / 20 for branch in forest.branches]


OBJECTIVES = [DPO(), DPO(label_smoothing=0.2), IPO(), KTO(), NCA(), ORPO()]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_gradients_do_not_depend_on_how_a_step_is_cut(llama, objective):
    """One bin of eight pairs, eight of one, two of four, and unevenly; weights differ."""
    pairs = [pair(f"t{n}", 0.5 + n) for n in range(8)]
    loss_step = loss_step_of(objective, Start())
    loss, whole = gradients(llama, loss_step, [pairs])
    for bins in ([[one] for one in pairs], [pairs[:4], pairs[4:]], [pairs[:1], pairs[1:7], pairs[7:]]):
        found, cut = gradients(llama, loss_step, bins)
        assert found == pytest.approx(loss, rel=1e-5)
        assert (cut - whole).norm() <= 1e-4 * whole.norm()


@pytest.mark.parametrize("kind", ["actions", "groups"])
def test_gradients_of_other_kinds_do_not_depend_on_it_either(llama, kind):
    if kind == "actions":
        examples, loss_step = [pair(f"t{n}").chosen for n in range(8)], LossStep(SFT(), "float32")
    else:
        examples = [Group(pair(f"t{n}").branches, (float(n), 1.5)) for n in range(8)]
        loss_step = LossStep(NCAK(), "float32", Start())
    loss, whole = gradients(llama, loss_step, [examples])
    found, cut = gradients(llama, loss_step, [[one] for one in examples])
    assert found == pytest.approx(loss, rel=1e-5)
    assert (cut - whole).norm() <= 1e-4 * whole.norm()


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: type(objective).__name__)
def test_a_pair_of_weight_two_is_a_pair_said_twice(llama, objective):
    one, other = pair("a"), pair("b")
    loss_step = loss_step_of(objective, Start())
    weighted = gradients(llama, loss_step, [[replace(one, weight=2.0), other]])
    said_twice = gradients(llama, loss_step, [[one, other, one]])
    assert weighted[0] == pytest.approx(said_twice[0], rel=1e-5)
    assert (weighted[1] - said_twice[1]).norm() <= 1e-4 * said_twice[1].norm()


def test_kto_restated_from_the_paper_on_hand_data(llama):
    """arXiv 2402.01306, section 4: r = log pi / pi_ref; z0 = max(0, mean r of mismatched couples), over the whole batch.

    Loss of an example: lambda_D (1 - sigma(beta (r - z0))) where desirable, lambda_U (1 - sigma(beta (z0 - r))) where not.
    """
    pairs, start = [pair(f"t{n}") for n in range(5)], Start()

    def ratio(branch):
        tokens = torch.from_numpy(np.concatenate([branch.history, branch.action]))
        logits = llama(tokens[None], use_cache=False).logits[0].log_softmax(-1)[len(branch.history) - 1 : -1]
        return logits.gather(1, torch.from_numpy(branch.action)[:, None]).sum() - start[branch][0]

    def sigmoid(x):
        return 1 / (1 + torch.exp(-x))

    with torch.no_grad():
        z0 = max(0.0, sum(ratio(one.mismatch) for one in pairs).item() / 5)
    assert z0 > 0
    desirable = [1.33 * (1 - sigmoid(0.1 * (ratio(one.chosen) - z0))) for one in pairs]
    undesirable = [1.0 * (1 - sigmoid(0.1 * (z0 - ratio(one.rejected)))) for one in pairs]
    llama.zero_grad()
    expected = torch.stack(desirable + undesirable).mean()  # ten examples
    expected.backward()
    by_paper = torch.cat([weight.grad.flatten() for weight in llama.parameters() if weight.grad is not None])
    found, ours = gradients(llama, loss_step_of(KTO(), start), [pairs[:2], pairs[2:]])
    assert found == pytest.approx(expected.item(), rel=1e-5)
    assert (ours - by_paper).norm() <= 1e-4 * by_paper.norm()


def test_kto_takes_a_batch_of_one(llama):
    loss, gradient = gradients(llama, loss_step_of(KTO(), Start()), [[pair("a")]])
    assert np.isfinite(loss)
    assert gradient.norm() > 0


def test_a_mismatched_action_never_answers_the_same_instruction(chat, make_tree):
    """Not even one that another problem repeats word for word."""
    trees = [make_tree(2), make_tree(2, "the same again"), make_tree(30)]
    examples = with_mismatches(gather(preferences, trees, chat, Reading()), max_length=2048, seed=0)
    for pairs in examples.trees[:2]:
        assert all(one.mismatch.node.split(" answered by ")[1].startswith("double-30") for one in pairs)
    with pytest.raises(InputError, match="the same instruction"):
        with_mismatches(gather(preferences, trees[:2], chat, Reading()), max_length=2048, seed=0)


def test_both_sides_of_a_pair_are_in_one_step_and_steps_are_shuffled(chat, make_tree):
    examples = gather(preferences, [make_tree(n) for n in range(2, 22)], chat, Reading())
    steps = plan(examples.trees, trees_per_step=2, forest_tokens=10_000, seed=3).steps
    order = [one.chosen.tree for step in steps for examples in step for one in examples]
    assert all(isinstance(one, Pair) for step in steps for examples in step for one in examples)
    assert order != sorted(order, key=lambda name: int(name.removeprefix("double-")))


def test_sums_of_bfloat16_logits_are_exact_to_a_thousandth_of_a_nat():
    """256 tokens at about -1 nat: bfloat16 steps by 2 nats there."""
    torch.manual_seed(0)
    logits = torch.randn(256, 5).bfloat16()
    rows, targets = torch.arange(256), torch.randint(0, 5, (256,))
    exact = logits.double().log_softmax(-1).gather(1, targets[:, None]).sum()
    assert token_logprobs(logits, rows, targets).sum().item() == pytest.approx(exact.item(), abs=1e-3)
    rounded = logits.log_softmax(-1).gather(1, targets[:, None]).sum()
    assert abs(rounded.item() - exact.item()) > 0.1


HALF = "\ud83d"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("instruction", "tree 'double-2': its instruction holds half a surrogate pair"),
        ("action", "tree 'double-2', node '1': its action holds half a surrogate pair"),
        ("observation", "tree 'double-2', node '0': what was answered to it holds half a surrogate pair"),
    ],
)
def test_half_a_surrogate_pair_is_refused_by_tree_and_node(chat, make_tree, where, message):
    tree = make_tree(2)
    nodes = {node.id: node for node in tree.nodes}
    if where == "instruction":
        tree = replace(tree, problem=replace(tree.problem, instruction=f"What {HALF}?"))
    elif where == "action":
        nodes["1"] = replace(nodes["1"], action=Action(text=f"It is {HALF}."))
    else:
        nodes["0"] = replace(nodes["0"], observation=replace(nodes["0"].observation, text=f"Out: {HALF}"))
    with pytest.raises(InputError, match=message):
        gather(preferences, [replace(tree, nodes=tuple(nodes.values()))], chat, Reading())


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_weight_that_is_no_positive_number_is_refused_by_tree_and_nodes(chat, make_tree, weight):
    tree = replace(make_tree(2), preferences=(Preference("1", "0", "rows", weight),))
    with pytest.raises(InputError, match="tree 'double-2', node '1': the pair with node '0' has the weight"):
        gather(preferences, [tree], chat, Reading())


def test_an_empty_rejected_action_is_left_out_and_named(chat, make_tree, make_node):
    tree = make_tree(2)
    examples = gather(preferences, [replace(tree, nodes=(*tree.nodes, make_node("2", " ")))], chat, Reading())
    assert str(examples.left_out) == "pairs whose rejected action is empty: 1 (the first: tree 'double-2', node '2')"


def test_a_stated_pair_of_equal_sides_is_left_out_and_named(chat, make_tree, make_node):
    tree = make_tree(2)
    nodes = (*tree.nodes, make_node("2", "It is 4."))
    stated = (Preference("1", "2", "rows"), Preference("1", "0", "rows"))
    examples = gather(preferences, [replace(tree, nodes=nodes, preferences=stated)], chat, Reading())
    assert len(examples) == 1
    assert str(examples.left_out) == "pairs whose sides have equal text: 1 (the first: tree 'double-2', node '1')"


@pytest.mark.parametrize("read", [correct_actions, preferences, groups])
def test_a_prompt_longer_than_the_limit_is_left_out_and_named(chat, make_tree, read):
    long = make_tree(3)
    long = replace(long, problem=replace(long.problem, instruction="How many? " * 100))
    examples = gather(read, [long, make_tree(2)], chat, Reading(max_length=150))
    (reason,) = (one for one in examples.left_out if "instruction alone is longer than max_length = 150" in one)
    assert examples.left_out.first[reason].startswith("tree 'double-3', node ")
    assert len(examples.trees) == 1
