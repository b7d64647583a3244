"""A forest reads exactly as its branches read alone: layout, masks, log-probabilities, gradients."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, MambaConfig, MambaForCausalLM

from eurus_core.errors import ModelError
from eurus_train.forest import attention, block_attention
from eurus_train.forest.layout import Branch, Pair, plant
from eurus_train.forest.likelihood import action_logprobs, scored_logprobs
from eurus_train.forest.trie import Trie

KINDS = ["full", "window", "mixed", "capped", "full, blocks", "window, blocks", "mixed, blocks", "capped, blocks"]


def ids(*tokens):
    return np.array(tokens, dtype=np.int64)


def naive_logprobs(model, branch):
    """Return the log-probabilities of an action's tokens, the branch read alone by the model's own causal mask."""
    tokens = torch.from_numpy(np.concatenate([branch.history, branch.action]))
    logits = model(tokens[None], use_cache=False).logits[0].float().log_softmax(-1)
    predicted = logits[len(branch.history) - 1 : -1]
    return predicted.gather(1, torch.from_numpy(branch.action)[:, None])[:, 0]


@st.composite
def trees(draw):
    """Draw branches of one or two trees: siblings at every turn, turns down to three, prompts that may begin alike."""
    tokens = st.integers(1, 12)  # few ids, so that prefixes are shared by accident, too
    piece = st.lists(tokens, min_size=1, max_size=5)
    opening = draw(piece)
    branches = []
    for number in range(draw(st.integers(1, 2))):
        history = ids(*opening, *draw(piece))
        for turn in range(draw(st.integers(1, 3))):
            actions = [ids(*draw(piece), 59) for _ in range(draw(st.integers(1, 3)))]
            branches += [Branch(history, a, f"t{number}", f"{turn}.{i}", turn + 1) for i, a in enumerate(actions)]
            history = np.concatenate([history, actions[-1], ids(*draw(piece))])
    return branches


def test_shared_prefixes_are_laid_out_once_and_depth_first():
    forest = plant([Branch(ids(1, 2), ids(3, 4)), Branch(ids(1, 2), ids(3, 5)), Branch(ids(1, 9), ids(3))])
    assert forest.tokens.tolist() == [1, 2, 3, 4, 5, 9, 3]
    assert forest.depth.tolist() == [0, 1, 2, 3, 3, 1, 2]
    assert forest.exits.tolist() == [7, 5, 5, 4, 5, 7, 7]
    assert forest.ends.tolist() == [3, 4, 6]


def test_a_prediction_with_two_children_is_one_row_and_a_shared_opening_counts_for_both():
    forest = plant([Branch(ids(1, 2), ids(3, 4)), Branch(ids(1, 2), ids(3, 5)), Branch(ids(1, 2), ids(6))])
    # rows: after token 2 (predicting 3 and 6) and after token 3 (predicting 4 and 5)
    assert forest.rows.tolist() == [1, 2]
    assert list(zip(forest.scored_row, forest.scored_token, strict=True)) == [(0, 3), (1, 4), (1, 5), (0, 6)]
    assert [forest.member_scored[forest.member_branch == b].tolist() for b in range(3)] == [[0, 1], [0, 2], [3]]


def test_logical_tokens_are_those_of_pairs_in_full():
    a, b, c = (Branch(ids(1, 2), ids(*x)) for x in ([3], [4, 5], [6]))
    assert plant([a, b, c]).logical_tokens == 3 + 4 + 3
    assert plant([Pair(a, b), Pair(a, c)]).logical_tokens == (3 + 4) + (3 + 3)
    assert len(plant([Pair(a, b), Pair(a, c)])) == 6


def test_an_empty_history_or_action_is_refused_by_name():
    with pytest.raises(ValueError, match="tree 'p7', node '1.0'"):
        plant([Branch(ids(1), ids(), "p7", "1.0")])


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=8))
def test_a_trie_holds_each_distinct_prefix_once(sequences):
    trie = Trie()
    for sequence in sequences:
        trie.insert(ids(*sequence))
    prefixes = {tuple(s[: n + 1]) for s in sequences for n in range(len(s))}
    assert trie.size == len(prefixes)
    tokens, depth, exits = trie.layout()
    seen = set()
    for place in range(len(tokens)):
        path = [k for k in range(place + 1) if place < exits[k]]
        assert depth[path].tolist() == list(range(len(path)))
        seen.add(tuple(tokens[path]))
    assert seen == prefixes


@given(*[st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), max_size=6)] * 2)
def test_two_tries_overlap_in_the_prefixes_that_both_hold(one, other):
    tries, prefixes = (Trie(), Trie()), (set(), set())
    for trie, held, sequences in zip(tries, prefixes, (one, other), strict=True):
        for sequence in sequences:
            trie.insert(ids(*sequence))
            held.update(tuple(sequence[: n + 1]) for n in range(len(sequence)))
    assert tries[0].overlap(tries[1]) == tries[1].overlap(tries[0]) == len(prefixes[0] & prefixes[1])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(branches=trees())
def test_log_probabilities_of_a_forest_equal_those_of_its_branches_alone(small_models, small_blocks, kind, branches):
    model = small_models[kind]
    forest = plant(branches)
    alone = small_models[kind.removesuffix(", blocks")]
    with torch.no_grad():
        scored = scored_logprobs(model, forest)
        for number, branch in enumerate(branches):
            mine = scored[torch.from_numpy(forest.member_scored[forest.member_branch == number])]
            torch.testing.assert_close(mine, naive_logprobs(alone, branch), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(branches=trees())
def test_gradients_of_a_forest_equal_those_of_its_branches_alone(small_models, small_blocks, kind, branches):
    model = small_models[kind]
    scale = torch.linspace(-1, 1, len(branches))  # each branch pulls differently, as chosen and rejected do

    plain = small_models[kind.removesuffix(", blocks")]

    def gradients(one, loss):
        one.zero_grad()
        loss.backward()
        return torch.cat([weight.grad.flatten() for weight in one.parameters() if weight.grad is not None])

    forest = plant(branches)
    shared = gradients(model, (action_logprobs(scored_logprobs(model, forest), forest) * scale).sum())
    alone = gradients(plain, (torch.stack([naive_logprobs(plain, b).sum() for b in branches]) * scale).sum())
    assert (shared - alone).norm() <= 1e-4 * alone.norm() + 1e-7


def test_a_window_counts_depth_and_not_places_in_the_layout():
    forest = plant([Branch(ids(1, 2), ids(3, 4)), Branch(ids(1, 2), ids(5, 6))])
    seen = attention.mask(forest, window=2)[0, 0]
    assert forest.tokens.tolist() == [1, 2, 3, 4, 5, 6]
    assert seen[4].tolist() == [False, True, False, False, True, False]  # 5 sees its parent 2, three places before


def test_models_that_carry_a_state_are_refused():
    with torch.device("meta"):
        mamba = MambaForCausalLM(MambaConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1))
    with pytest.raises(ModelError, match="linear_attention"):
        attention.check_model(mamba)

    class Unnamed(torch.nn.Module):
        """A stateful model whose configuration does not name the kinds of its layers."""

        config = LlamaConfig()
        _is_stateful = True

    with pytest.raises(ModelError, match="state along the sequence"):
        attention.check_model(Unnamed())


def test_a_model_without_positions_is_refused():
    class Plain(torch.nn.Module):
        config = LlamaConfig()

        def forward(self, input_ids):
            return input_ids

    with pytest.raises(ModelError, match="position_ids"):
        attention.check_model(Plain())


def test_no_mask_of_all_tokens_by_all_is_made_where_blocks_are_read(small_models):
    forest = plant([Branch(ids(1, 2), ids(3, 4))])
    told = attention.inputs(forest, small_models["mixed, blocks"])
    assert {kind: told["attention_mask"][kind].tolist() for kind in told["attention_mask"]} == {
        "full_attention": [[[[0]]]],  # no window
        "sliding_attention": [[[[5]]]],
    }
    assert told["forest_blocks"].keys() == {0, 5}
    masks = attention.inputs(forest, small_models["mixed"])["attention_mask"]
    assert {kind: tuple(masks[kind].shape) for kind in masks} == dict.fromkeys(told["attention_mask"], (1, 1, 4, 4))


def test_a_prepared_model_reads_plain_sequences_as_before(small_models):
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8]])
    for kind in ("full", "window", "mixed"):
        with torch.no_grad():
            plain = small_models[kind](tokens).logits
            torch.testing.assert_close(small_models[f"{kind}, blocks"](tokens).logits, plain)


def test_blocks_hold_only_what_their_queries_see(small_blocks):
    forest = plant([Branch(ids(1, 2), ids(3, 4)), Branch(ids(1, 2), ids(5, 6, 7, 8))])
    first, second = block_attention.cut(forest)
    assert (first.start, first.end, first.keys.tolist()) == (0, 4, [0, 1, 2, 3])
    assert (second.start, second.end, second.keys.tolist()) == (4, 8, [0, 1, 4, 5, 6, 7])
    assert second.bias[0].tolist() == [0, 0, 0, float("-inf"), float("-inf"), float("-inf")]


@pytest.mark.parametrize("window", [None, 1, 3])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(branches=trees())
def test_blocks_hide_and_show_what_the_dense_mask_does(small_blocks, window, branches):
    forest = plant(branches)
    found = torch.zeros(len(forest), len(forest), dtype=torch.bool)
    for block in block_attention.cut(forest, window):
        found[block.start : block.end, block.keys] = block.bias == 0
    assert torch.equal(found, attention.mask(forest, window)[0, 0])
