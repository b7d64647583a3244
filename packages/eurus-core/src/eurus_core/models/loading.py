"""Tokenizers, configurations and models of a reference, loaded whole or refused in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eurus_core.errors import EurusError, ModelError
from eurus_core.models.hf import quiet, transformers
from eurus_core.models.precision import Precision, dtype_of
from eurus_core.models.sources import fetch
from eurus_core.models.templates import compare_template

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(ref: str) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a model; ModelError where it has none that loads, or its chat template fails.

    Warns where the template is not the one that the model was trained with.
    """
    library = transformers()
    folder = fetch(ref, weights=False)
    with loading(f"tokenizer of {ref!r}", folder):
        tokenizer: PreTrainedTokenizerBase = library.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        if tokenizer.chat_template:  # compiled and run here, so that a broken one stops before any work
            tokenizer.apply_chat_template([{"role": "user", "content": "1"}], tokenize=False)
    compare_template(tokenizer, folder)
    return tokenizer


def load_config(ref: str) -> PretrainedConfig:
    """Return the configuration of a model; ModelError where it has none that loads."""
    folder = fetch(ref, weights=False)
    with loading(f"configuration of {ref!r}", folder):
        config: PretrainedConfig = transformers().AutoConfig.from_pretrained(str(folder), local_files_only=True)
    return config


def load_causal_lm(ref: str, *, dtype: Precision = "auto", device: str = "cpu") -> PreTrainedModel:
    """Return a causal language model in evaluation mode; as :func:`load_model` does."""
    return load_model("AutoModelForCausalLM", ref, dtype=dtype, device=device)


def load_model(
    kind: str,
    ref: str,
    *,
    dtype: Precision = "auto",
    device: str = "cpu",
    config: PretrainedConfig | None = None,
    needed: str = "",
) -> PreTrainedModel:
    """Return a model of ``kind``, an Auto class of transformers, in evaluation mode.

    ``dtype`` "auto" is what :func:`dtype_of` says; attention is scaled dot products, or eager where the architecture needs more
    (Gemma 2's soft cap, GPT-OSS's sinks). On the device "meta" it has shapes and no weights, of which none is read.
    ModelError where weights cannot be found or used, or lack a part of those whose names begin with ``needed``; others are
    random then.
    """
    library = transformers()
    import torch

    folder = fetch(ref, weights=device != "meta")
    config = config or load_config(ref)
    settings = {"dtype": getattr(torch, dtype_of(dtype, device))}
    if getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None:
        settings["attn_implementation"] = "eager"  # before 5.20 transformers itself takes what leaves the soft cap out
    auto = getattr(library, kind)
    with loading(f"model {ref!r}", folder):
        if device == "meta":
            with torch.device("meta"):
                return auto.from_config(config, **settings).eval()  # type: ignore[no-any-return]
        model, info = auto.from_pretrained(
            str(folder),
            config=config,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, in words
            **settings,
        )
    refuse_random(ref, info, needed)
    return model.to(device).eval()  # type: ignore[no-any-return]


@contextlib.contextmanager
def loading(what: str, folder: Path) -> Iterator[None]:
    """Keep transformers quiet; a ModelError of one line stands for whatever it raises over damaged or foreign files."""
    with quiet():
        try:
            yield
        except EurusError:
            raise
        except Exception as error:  # safetensors, tokenizers, json, torch and Jinja each have their own
            raise ModelError(f"The {what} cannot be loaded from {folder}: {_first_line(error)}") from error


def refuse_random(ref: str, info: Mapping[str, Any], prefix: str = "") -> None:
    """Raise ModelError where weights were missing or did not fit, and transformers has drawn random ones.

    ``prefix`` says which of the missing ones matter.
    """
    if mismatched := sorted(info["mismatched_keys"]):
        name, found, wanted = mismatched[0]
        raise ModelError(
            f"The weights of {ref!r} do not fit its config.json: {name} is {tuple(found)} where {tuple(wanted)} is stated. Use both "
            "of one model."
        )
    missing = sorted(key for key in info["missing_keys"] if key.startswith(prefix))
    if missing:
        raise ModelError(
            f"The weights of {ref!r} lack {len(missing)} tensors of its architecture, {missing[0]} first. "
            "They would be random: use a whole model, whose config.json fits its weights."
        )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])
