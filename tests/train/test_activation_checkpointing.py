"""Layers that keep their products alone: the same numbers to the bit, no product twice, much less memory."""

import copy

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MixtralConfig, MixtralForCausalLM

from eurus_train.forest import attention
from eurus_train.forest.activation_checkpointing import compute_again
from eurus_train.forest.layout import Branch, plant
from eurus_train.forest.likelihood import scored_logprobs

SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.2,
}
MODELS = {
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, attention_bias=True)),
    "experts": lambda: MixtralForCausalLM(MixtralConfig(**SIZES, num_local_experts=4)),
    "dropout, no linear layers": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=60, n_embd=32, n_layer=3, n_head=4, resid_pdrop=0.3)
    ),
}


def forest():
    draw = np.random.default_rng(0)
    opening = draw.integers(3, 59, 40)
    return plant([Branch(opening, draw.integers(3, 59, 30), f"{n}") for n in range(4)])


@pytest.fixture(params=MODELS)
def models(request):
    """A model as it is, and one with its weights that keeps products alone; both train."""
    torch.manual_seed(0)
    plain = MODELS[request.param]()
    attention.prepare(plain)
    return both(plain)


def both(plain):
    keeping = copy.deepcopy(plain)
    compute_again(keeping.base_model, products=False)
    return plain.train(), keeping.train()


def learn(model, precision="float32"):
    """Return the gradients of all weights by name."""
    torch.manual_seed(1)
    model.zero_grad()
    scored_logprobs(model, forest(), precision).square().sum().backward()
    return {name: weight.grad for name, weight in model.named_parameters()}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gradients_are_those_of_the_plain_layers_to_the_bit(small_blocks, models, precision):
    plain, keeping = (learn(model, precision) for model in models)
    assert plain.keys() == keeping.keys()
    for name, gradient in plain.items():
        assert torch.equal(gradient, keeping[name]), name
        assert gradient.any(), name


def test_frozen_weights_get_no_gradient_and_those_below_them_do(models):
    plain, keeping = models
    for model in models:
        for name, weight in model.named_parameters():
            weight.requires_grad_("layers.1" not in name and "h.1" not in name)
    expected, found = learn(plain), learn(keeping)
    assert {name for name, gradient in found.items() if gradient is None}
    for name, gradient in expected.items():
        assert found[name] is None if gradient is None else torch.equal(gradient, found[name]), name


def test_a_result_that_was_written_to_is_computed_again():
    torch.manual_seed(0)
    plain = LlamaForCausalLM(LlamaConfig(**SIZES))
    attention.prepare(plain)
    for layer in plain.model.layers:
        layer.self_attn.o_proj.register_forward_hook(lambda module, read, found: found.mul_(2))
    plain, keeping = map(learn, both(plain))
    for name, gradient in plain.items():
        assert torch.equal(gradient, keeping[name]), name


def test_without_gradients_and_outside_training_nothing_is_kept(models):
    plain, keeping = models
    with torch.no_grad():
        assert torch.equal(scored_logprobs(plain.eval(), forest()), scored_logprobs(keeping.eval(), forest()))
    expected, found = learn(plain), learn(keeping)
    assert all(torch.equal(gradient, found[name]) for name, gradient in expected.items())


@pytest.fixture
def llamas():
    torch.manual_seed(0)
    plain = LlamaForCausalLM(LlamaConfig(**SIZES))
    attention.prepare(plain)
    return both(plain)


def test_no_product_is_computed_twice(llamas):
    def operations(model):
        with FlopCounterMode(display=False) as counter:
            learn(model)
        return counter.get_total_flops()

    plain, keeping = map(operations, llamas)
    assert keeping == plain


def test_two_fifths_less_is_held_between_the_passes(llamas):
    def held(model):
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
            result = scored_logprobs(model, forest(), "bfloat16")
        assert result.requires_grad
        return sum(one.self_cpu_memory_usage for one in seen.key_averages())

    plain, keeping = map(held, llamas)
    assert 0 < keeping < 0.6 * plain
