"""Low-rank adapters (LoRA, arXiv 2106.09685) put into a model in place, taken out of its result again, or switched off.

The model keeps its class, so that forests are read as ever. Only the adapters (and a reward model's head) learn.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from eurus_core.errors import ModelError
from eurus_core.parts.contracts import Part

if TYPE_CHECKING:
    from peft import PeftModel

_BASE, _A, _B = ".base_layer.", ".lora_A.default.weight", ".lora_B.default.weight"


class Lora(Part):
    """Low-rank adapters instead of all weights."""

    rank: PositiveInt = 16
    """Rank of each adapter."""
    alpha: PositiveInt = 32
    """The adapters' product is multiplied by alpha / rank."""
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """Layers that get one, by the end of their names, such as q_proj; all-linear: every linear layer but the head."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapters' inputs while training."""

    @property
    def scaling(self) -> float:
        return self.alpha / self.rank

    def put_into(self, body: Any) -> PeftModel:
        """Give a model adapters, in place, and freeze what it had; return what saves them.

        They start at no effect: B is 0. ModelError where no layer has one of the names, and for a rank above the model's width.
        """
        from peft import LoraConfig, PeftModel

        width = body.config.get_text_config().hidden_size
        if self.rank > width:
            raise ModelError(
                f"lora.rank is {self.rank:,}; the model is {width:,} wide, so that adapters would outgrow its layers."
            )
        targets = self.targets if isinstance(self.targets, str) else list(self.targets)
        settings = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            target_modules=targets,
            lora_dropout=self.dropout,
            task_type=None if body.get_output_embeddings() is None else "CAUSAL_LM",
        )
        try:
            with warnings.catch_warnings():
                # peft asks a model by a name that transformers has deprecated
                warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
                return PeftModel(body, settings)
        except ValueError as error:
            raise ModelError(f"lora.targets: {error}") from error


@contextlib.contextmanager
def switched_off(model: nn.Module) -> Iterator[None]:
    """Compute without the adapters, which is the model that learning started from."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        layer._disable_adapters = True  # its own switch would also freeze the adapters
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def merged(weights: Mapping[str, Tensor], scaling: float) -> dict[str, Tensor]:
    """Return the weights of a model with its adapters as those of one without: W + scaling B A, under the names it had."""
    result = {}
    for name, weight in weights.items():
        if name.endswith((_A, _B)):
            continue
        layer, inside, kind = name.partition(_BASE)
        down, up = weights.get(layer + _A), weights.get(layer + _B)
        if inside and kind == "weight" and down is not None and up is not None:
            weight = weight + scaling * (up.double() @ down.double()).to(weight.dtype)
        result[name.replace(_BASE, ".")] = weight
    return result


def save(adapters: PeftModel, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write the adapters alone, in the form that peft loads onto the starting model. ``weights`` are those of the model."""
    prefix = "base_model.model."
    adapters.save_pretrained(str(folder), state_dict={prefix + name: weight for name, weight in weights.items()})
