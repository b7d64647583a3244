"""Small random models and hand-made trees for the tests of eurus-train."""

import copy

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from eurus_core.models import cache_folder, load_tokenizer
from eurus_core.records import Action, Node, Observation, PreferenceTree, Problem, Reference, Verdict
from eurus_train.data.chat import Chat
from eurus_train.forest import attention, block_attention

SMALL = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.2,
}


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


def _seeded(cls, config):
    torch.manual_seed(0)
    return cls(config).eval()


@pytest.fixture(scope="session")
def llama():
    return _seeded(LlamaForCausalLM, LlamaConfig(**SMALL))


@pytest.fixture(scope="session")
def small_models(llama):
    """Full attention, a sliding window in every layer, one of each kind, and Gemma's: both kinds and scores under a soft cap.

    Each with attention in blocks, too; Gemma's other one is eager, since scaled dot products know no cap.
    """
    models = {
        "full": llama,
        "window": _seeded(MistralForCausalLM, MistralConfig(**SMALL, sliding_window=5)),
        "mixed": _seeded(
            Qwen2ForCausalLM, Qwen2Config(**SMALL, use_sliding_window=True, sliding_window=5, max_window_layers=1)
        ),
    }
    gemma = Gemma2Config(
        **SMALL,
        head_dim=8,
        sliding_window=5,
        attn_logit_softcapping=2.0,
        query_pre_attn_scalar=8,
        attn_implementation="eager",
    )
    models["capped"] = _seeded(Gemma2ForCausalLM, gemma)
    for name in list(models):
        models[f"{name}, blocks"] = copy.deepcopy(models[name])
        attention.prepare(models[f"{name}, blocks"])
    return models


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut the tests' short forests into several blocks."""
    monkeypatch.setattr(block_attention, "QUERIES", 4)


@pytest.fixture(scope="session")
def chat():
    return Chat(load_tokenizer("tiny"))


def node(node_id, text, outcome="incorrect", *, observation="Out: 3", assisted=False, code=()):
    parent = node_id.rpartition(".")[0] or None
    return Node(
        node_id,
        parent,
        node_id.count(".") + 1,
        Action(text=text, assisted=assisted, code=code),
        Verdict(outcome),
        Observation(observation) if observation else None,
    )


@pytest.fixture(scope="session")
def make_tree():
    """Return a caterpillar of two turns about doubling a number; each turn has one pair."""

    def make(number=2, problem_id=None):
        problem = Problem(
            problem_id or f"double-{number}",
            "Math_PoT",
            "toy",
            f"What is {number} plus {number}?",
            Reference(answer=str(2 * number)),
        )
        return PreferenceTree(
            problem,
            (
                node("0", f"It is {number}."),
                node("1", f"It is {2 * number}.", "correct"),
                node("0.0", f"Now {2 * number}.", "correct"),
                node("0.1", f"Now {number + 1}."),
            ),
        )

    return make


@pytest.fixture
def make_node():
    return node


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Keep references apart from the user's: one that an older state of the code computed would be believed."""
    cache = tmp_path_factory.mktemp("cache")
    models = cache_folder() / "models"
    models.mkdir(parents=True, exist_ok=True)
    (cache / "models").symlink_to(models)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EURUS_CACHE", str(cache))
        yield cache
