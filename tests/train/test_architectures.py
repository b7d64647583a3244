"""Architectures that people train: a forest reads, and learns, as its branches do alone; or the model is refused in words."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from eurus_core.errors import ModelError
from eurus_core.models import load_causal_lm, load_tokenizer
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_train.forest import attention
from eurus_train.forest.layout import Branch, plant
from eurus_train.forest.likelihood import action_logprobs, scored_logprobs
from eurus_train.learning.stage import Train

SMALL = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.2,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
MIXED = {"sliding_window": 5, "layer_types": ["sliding_attention", "full_attention"]}

TRIED = {
    "Llama": {},
    "Mistral": {"sliding_window": 5},
    "Mixtral": {"num_local_experts": 4},
    "Qwen2": {**MIXED, "use_sliding_window": True},
    "Qwen2Moe": {**EXPERTS, "shared_expert_intermediate_size": 16},
    "Qwen3": {"head_dim": 8},
    "Qwen3Moe": {**EXPERTS, "head_dim": 8},
    "Gemma": {"head_dim": 8},
    "Gemma2": {
        **MIXED,
        "head_dim": 8,
        "attn_logit_softcapping": 2.0,
        "query_pre_attn_scalar": 8,
        "attn_implementation": "eager",  # what load_model asks for
    },
    "Gemma3": {**MIXED, "head_dim": 8, "query_pre_attn_scalar": 8},
    "Phi": {},
    "Phi3": {},
    "GPTNeoX": {},
    "GPT2": {"attn_pdrop": 0.0},
    "GptOss": {**MIXED, "head_dim": 8, "num_local_experts": 4},
    "OPT": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "Falcon": {},
    "StableLm": {},
    "Starcoder2": {},
    "Olmo2": {},
    "Olmo3": MIXED,
    "Olmoe": EXPERTS,
    "SmolLM3": {},
    "Granite": {},
    "Glm4": {"head_dim": 8},
    "DeepseekV3": {
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "first_k_dense_replace": 1,
        "n_group": 1,
        "topk_group": 1,
        "q_lora_rank": 8,
        "kv_lora_rank": 8,
        "qk_rope_head_dim": 4,
        "qk_nope_head_dim": 4,
        "v_head_dim": 8,
    },
}
"""Settings beside :data:`SMALL` by architecture; what the README lists as tested."""


def made(architecture, **settings):
    """Return a small random model of an architecture, in evaluation mode."""
    config = getattr(transformers, f"{architecture}TextConfig" if architecture == "Gemma3" else f"{architecture}Config")
    head = "LMHeadModel" if architecture == "GPT2" else "ForCausalLM"
    torch.manual_seed(0)
    return getattr(transformers, architecture + head)(config(**{**SMALL, **settings})).eval()


def branches():
    """Return two caterpillars of three turns that begin alike, of branches up to 33 tokens."""
    draw = np.random.default_rng(0)
    found, opening = [], draw.integers(3, 59, 6)
    for tree in range(2):
        history = np.concatenate([opening, draw.integers(3, 59, 3)])
        for turn in range(3):
            actions = [np.append(draw.integers(3, 59, 4), 2) for _ in range(2)]
            found += [Branch(history, action, f"t{tree}", f"{turn}.{i}", turn + 1) for i, action in enumerate(actions)]
            history = np.concatenate([history, actions[-1], draw.integers(3, 59, 4)])
    return found


def alone(model, branch):
    """Return the log-probability of an action, the branch read alone by the model's own causal mask."""
    tokens = torch.from_numpy(np.concatenate([branch.history, branch.action]))
    logits = model(tokens[None], use_cache=False).logits[0].float().log_softmax(-1)
    return logits[len(branch.history) - 1 : -1].gather(1, torch.from_numpy(branch.action)[:, None]).sum()


def gradients(model):
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


@pytest.mark.parametrize("architecture", TRIED)
def test_a_forest_reads_and_learns_as_its_branches_alone(small_blocks, architecture):
    plain = made(architecture, **TRIED[architecture])
    model, found = copy.deepcopy(plain), branches()
    attention.prepare(model)
    forest, scale = plant(found), torch.linspace(-1, 1, len(found))  # each branch pulls differently
    together = action_logprobs(scored_logprobs(model, forest), forest)
    apart = torch.stack([alone(plain, branch) for branch in found])
    torch.testing.assert_close(together, apart, atol=5e-5, rtol=0)
    assert together.std() > 0.1
    (together * scale).sum().backward()
    (apart * scale).sum().backward()
    assert (gradients(model) - gradients(plain)).norm() <= 1e-4 * gradients(plain).norm()


@pytest.mark.parametrize("architecture", ["Llama", "Mistral", "Gemma2", "GptOss"])
def test_a_prepared_model_reads_plain_sequences_as_before(architecture):
    plain, found = made(architecture, **TRIED[architecture]), branches()
    model = copy.deepcopy(plain)
    attention.prepare(model)
    with torch.no_grad():
        for branch in found:
            torch.testing.assert_close(alone(model, branch), alone(plain, branch), atol=5e-5, rtol=0)


@pytest.mark.parametrize(("architecture", "name"), [("Llama", "attention_dropout"), ("GPT2", "attn_pdrop")])
def test_attention_dropout_is_drawn_in_training_as_under_a_dense_mask(small_blocks, architecture, name):
    settings = {"resid_pdrop": 0.0, "embd_pdrop": 0.0} if architecture == "GPT2" else {}
    eager = made(architecture, **settings, **{name: 0.5})
    model, forest = copy.deepcopy(eager), plant(branches())
    eager.set_attn_implementation("eager")
    attention.prepare(model)

    def read(one, seed):
        torch.manual_seed(seed)
        return scored_logprobs(one.train(), forest).detach()

    assert model.config._attn_implementation == "forest"
    assert (read(model, 1) - read(model, 2)).abs().max() > 0.01
    torch.testing.assert_close(read(model, 1), read(eager, 1), atol=5e-5, rtol=0)


@pytest.mark.parametrize(
    ("architecture", "settings", "says"),
    [
        ("Bloom", {}, "takes no position_ids"),
        ("Falcon", {"alibi": True}, "ALiBi"),
        ("GPTNeo", {"attention_types": [[["global", "local"], 1]], "num_layers": 2, "num_heads": 4}, "layers of kind"),
        ("Qwen3Next", {**EXPERTS, "shared_expert_intermediate_size": 16}, "layers of kind linear_attention"),
        ("Lfm2", {"layer_types": ["conv", "full_attention"]}, "layers of kind conv"),
        ("Nemotron", {}, "does not hand on who sees whom"),
        ("Doge", {}, "does not hand on who sees whom"),
    ],
)
def test_an_architecture_that_would_mix_branches_is_refused(architecture, settings, says):
    model = made(architecture, **settings)
    with pytest.raises(ModelError, match=says):  # noqa: PT012 - the last two are known by how their layers call
        attention.prepare(model)
        scored_logprobs(model, plant(branches()))


def test_gemma_2_is_loaded_trained_and_loaded_again(tmp_path, make_tree):
    tokenizer = load_tokenizer("tiny")
    settings = {**TRIED["Gemma2"], "vocab_size": len(tokenizer), "initializer_range": 0.02}
    made("Gemma2", **settings).save_pretrained(tmp_path / "gemma")
    tokenizer.save_pretrained(tmp_path / "gemma")
    write_trees(tmp_path / "trees", [make_tree(n) for n in range(2, 8)])
    stage = Train.model_validate(
        {
            "model": str(tmp_path / "gemma"),
            "objective": "nca",
            "learning_rate": 1e-2,
            "trees": str(tmp_path / "trees"),
            "max_steps": 3,
            "precision": "float32",
        }
    )
    context = Context(tmp_path / "nca", name="nca", seed=5)
    context.folder.mkdir()
    stage.run(context)
    losses = [json.loads(line)["loss"] for line in Path(context.folder / "metrics.jsonl").read_text().splitlines()]
    assert losses[0] == pytest.approx(stage.objective.at_start, abs=1e-4)
    assert losses[-1] < losses[0]
    trained = load_causal_lm(str(context.path("model")), dtype="float32")
    assert trained.config._attn_implementation == "eager"  # scaled dot products know no cap
