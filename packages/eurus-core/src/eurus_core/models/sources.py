"""Models by reference: a folder, a hub id, ``smollm2``, ``tiny`` or ``tiny-moe``, found through the hook ``eurus_find_model``."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from pathlib import Path

from eurus_core.errors import ModelError, nearest
from eurus_core.models.built_in import BUILT_IN, check_built_in
from eurus_core.models.hf import transformers
from eurus_core.parts import installed
from eurus_core.parts.component import ModelSource as ModelSource

_HUB_ID = re.compile(r"(?P<id>[A-Za-z0-9][\w.-]*/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_DOWNLOADED = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
_LEFT_OUT = ("*/*", "consolidated*")  # other formats of the same weights: twice the download for nothing


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


def check_source(ref: str) -> None:
    """Raise ModelError where a reference leads nowhere, as far as that can be known without making or downloading anything."""
    if ref in BUILT_IN:
        check_built_in(ref)
    else:
        find_source(ref)


def source_in_core(ref: str) -> ModelSource | None:
    """Return what core itself knows: folders, the built-in models, hub ids. The body of core's ``eurus_find_model``."""
    folder = Path(ref).expanduser()
    if (folder / "config.json").is_file():
        return ModelSource(str(folder))
    if folder.is_dir():
        raise ModelError(
            f"{folder} holds no config.json, so it is no model. Name the folder that save_pretrained wrote."
        )
    if ref in BUILT_IN:
        return ModelSource(str(BUILT_IN[ref]()))
    hub = _HUB_ID.fullmatch(ref)
    if hub:
        return ModelSource(hub["id"], revision=hub["revision"])
    return None


def fetch(ref: str, *, weights: bool = True) -> Path:
    """Return a local folder with the model's files, downloading a hub id once. ModelError names what to do.

    Without ``weights`` a download leaves those out.
    """
    source = find_source(ref)
    folder = Path(source.location)
    return folder if folder.is_dir() else _download(source, weights)


def model_name(ref: str) -> str:
    """Return the short name by which nodes and tables know a model: ``sft`` for ``runs/a/sft/model``, else the reference."""
    folder = Path(ref)
    if not (folder / "config.json").is_file():
        return ref
    parts = folder.resolve().parts
    return parts[-2] if parts[-1] == "model" and len(parts) > 2 else parts[-1]


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
