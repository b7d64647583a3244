"""A reward model: a language model's body under a linear head with one output, read at explicit positions.

The saved form is a plain ``*ForSequenceClassification`` with one label, which whatever reads sequence classifiers loads as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from eurus_core.errors import ModelError
from eurus_core.models import Dtype, load_config, load_model, load_tokenizer, quiet
from eurus_train.forest import attention
from eurus_train.forest.layout import Forest
from eurus_train.forest.likelihood import autocast


class RewardModel(nn.Module):
    """Wraps a ``*ForSequenceClassification`` so that ``forward`` returns rewards at given positions.

    ``forward`` is where the head is applied (and not a method beside it), so that sharded training gathers its weight.
    """

    classifier: Any  # a PreTrainedModel: nn.Module alone types its attributes as tensors

    def __init__(self, classifier: Any):
        super().__init__()
        self.classifier = classifier
        self.config = classifier.config

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    @property
    def body(self) -> nn.Module:
        """The transformer without its head."""
        return self.classifier.base_model  # type: ignore[no-any-return]

    @property
    def head(self) -> nn.Linear:
        """The linear layer whose one output is the reward."""
        return self.classifier.score  # type: ignore[no-any-return]

    def forward(self, *, reward_positions: Tensor, **reading: Any) -> Tensor:
        """Return rewards, shape (rewards,), float32, read after the tokens at ``reward_positions`` of the one row given.

        ``reading`` is what the body takes: ids, positions, mask.
        The head is computed in float32 outside autocast: DR pulls on absolute values, and bfloat16 steps by 2^-8 near 1.
        """
        hidden_LD = self.body(**reading).last_hidden_state[0]  # noqa: N806 - L tokens, D features
        with torch.autocast(hidden_LD.device.type, enabled=False):
            return nn.functional.linear(hidden_LD[reward_positions].float(), self.head.weight.float()).squeeze(-1)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the classifier alone: the wrapper leaves no prefix in the names of the weights."""
        with quiet():
            self.classifier.save_pretrained(folder)


def reward_model_from(ref: str, *, device: str = "cpu") -> RewardModel:
    """Return a reward model in float32 on the body of a language model, its head zero.

    A zero head starts every reward at 0, where BT is ln 2 and BT+DR 3 ln 2. Where ``ref`` is a reward model already, its head
    is kept: continuing must not start over.
    """
    if is_reward_model(ref):
        return load_reward_model(ref, device=device)
    from transformers import AutoModelForSequenceClassification

    config = load_config(ref)
    config.num_labels = 1
    kinds: Any = AutoModelForSequenceClassification._model_mapping
    if type(config) not in kinds:
        raise ModelError(
            f"{ref}: transformers has no sequence classifier for {config.model_type!r}, the form in which reward models "
            "are saved. Start from another language model."
        )
    body = f"{kinds[type(config)].base_model_prefix}."
    classifier = _load(ref, device, config, needed=body)
    if not isinstance(getattr(classifier, "score", None), nn.Linear):
        raise ModelError(
            f"{ref}: {type(classifier).__name__} has no linear 'score' head. Start from another language model."
        )
    classifier.score = nn.Linear(classifier.score.in_features, 1, bias=False, dtype=torch.float32, device=device)
    nn.init.zeros_(classifier.score.weight)
    classifier.config.pad_token_id = padding_token(load_tokenizer(ref))
    return RewardModel(classifier)


def load_reward_model(ref: str, *, device: str = "cpu") -> RewardModel:
    """Return a saved reward model in float32; ModelError where the folder holds something else."""
    if not is_reward_model(ref):
        raise ModelError(
            f"{ref}: not a reward model (needed is a *ForSequenceClassification with one label). "
            "Train one with: eurus rm train"
        )
    return RewardModel(_load(ref, device, load_config(ref)))


def _load(ref: str, device: str, config: Any, needed: str = "") -> Any:
    kind = "AutoModelForSequenceClassification"
    return load_model(kind, ref, dtype="float32", device=device, config=config, needed=needed)


def forest_rewards(model: Any, forest: Forest, precision: Dtype = "float32") -> Tensor:
    """Return the reward of each branch, (B,), float32, read at the token that ends its action."""
    ends = torch.from_numpy(forest.ends).to(model.device)
    with autocast(model.device, precision):
        return model(**attention.inputs(forest, model), reward_positions=ends)  # type: ignore[no-any-return]


def is_reward_model(ref: str) -> bool:
    """Say whether a model reference is a sequence classifier with one label. Reads the configuration only."""
    config = load_config(ref)
    names = config.architectures or []
    return config.num_labels == 1 and any(name.endswith("ForSequenceClassification") for name in names)


def padding_token(tokenizer: Any) -> int | None:
    """Return the id of a special token that never ends an action; None where the tokenizer has none.

    transformers reads the reward at the last token that is not padding. Many chat models pad with the very token that ends a
    turn, and would be read one token early; for them another special token is taken. With None it reads the last token.
    """
    chat = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    used = {tokenizer.eos_token_id, *tokenizer.apply_chat_template(chat, return_dict=False)}
    candidates = [tokenizer.pad_token_id, tokenizer.unk_token_id, *sorted(tokenizer.added_tokens_decoder)]
    return next((token for token in candidates if token is not None and token not in used), None)
