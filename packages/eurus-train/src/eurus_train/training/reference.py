"""Log-probabilities under the reference, once per action, kept on disk by content and shared by every run on this machine.

The reference is the policy as it starts, or another model, in the same precision and through the same forward pass, so that every
log-ratio is zero at step 0. Entries are keyed by token ids, files by the model's weights: DPO, KTO and NCA on the same trees
compute them once, and so does a run that resumes.
"""

from __future__ import annotations

import fcntl
import gc
import hashlib
import importlib.metadata
import logging
import struct
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from eurus_core.models import Dtype, cache_folder, fast_device, fetch, weights_hash
from eurus_core.stages import Context
from eurus_train.forest.layout import Branch, Group, Pair, nothing, plant
from eurus_train.forest.likelihood import action_logprobs, scored_logprobs
from eurus_train.training import ranks

log = logging.getLogger(__name__)

ENTRY = struct.Struct("<16sd")
"""A branch's digest and the sum over its action's tokens, in nats."""


def reference_key(ref: str, precision: Dtype) -> str:
    """Identify a model by all that its numbers follow from: weights, configuration, and what it is computed in and on.

    The same weights say something else under another scale of their rotary embeddings or another sliding window.
    """
    folder = Path(fetch(ref))
    config = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    return " ".join([weights_hash(folder), config, precision, fast_device()])


def consulted(
    source: str,
    bins: Sequence[Sequence[Pair] | Sequence[Group]],
    asked: Callable[[], AbstractContextManager[Any]],
    precision: Dtype,
    context: Context,
) -> References:
    """Return what the model ``source`` says of every branch in the bins; collective.

    ``asked`` gives the model to ask, and is entered only where something is not known yet. Ranks share the work, and all
    take equally many forward passes, so that the model may be spread over them.
    """
    references = References(ranks.told(reference_key(source, precision) if ranks.first() else ""))
    unknown = references.unknown(bins)
    mine = ranks.dealt(unknown, None, ranks.world())[ranks.rank()]

    def ask() -> None:
        with asked() as model, context.progress(f"{context.name}: reference", len(mine), "forests") as progress:
            for forest in mine:
                if forest is None:
                    with torch.no_grad():
                        scored_logprobs(model, nothing(), precision)
                else:
                    references.learn(model, forest.branches(bins), precision)
                progress.advance()

    if unknown:
        ask()
        gc.collect()  # what shares a model among ranks refers to it in circles, which would keep its weights
        references.share()
    return references


@dataclass(frozen=True, slots=True)
class Unknown:
    """A forest that the reference has to read: the branches of a bin, by their numbers in one of its parts."""

    bin: int
    part: int
    numbers: tuple[int, ...]

    def branches(self, bins: Sequence[Sequence[Pair] | Sequence[Group]]) -> list[Branch]:
        part = _parts(bins[self.bin])[self.part]
        return [part[number] for number in self.numbers]


class References:
    """A table from branches to sums over the action's tokens, in nats, backed by a file below ``folder``.

    ``model_key`` is what :func:`reference_key` says of the reference; the versions of what computes belong to the file's
    name, too. Several processes may use one file: entries are added under its lock, and one cut short by a kill is removed
    by the next writer. ``folder`` is the user's cache unless given.
    """

    def __init__(self, model_key: str, folder: Path | None = None):
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("eurus-train", "torch", "transformers")]
        self._model_key = " ".join([model_key, *versions])
        digest = hashlib.blake2b(self._model_key.encode(), digest_size=16).hexdigest()
        self.file = (folder or cache_folder() / "references") / f"{digest}.logprobs"
        self._known: dict[bytes, float] = {}
        self._mine: dict[bytes, float] = {}
        self._unkept = False
        self._read()

    def __getitem__(self, branch: Branch) -> float:
        return self._known[self._key(branch)]

    def __contains__(self, branch: Branch) -> bool:
        return self._key(branch) in self._known

    def unknown(self, bins: Sequence[Sequence[Pair] | Sequence[Group]]) -> list[Unknown]:
        """Return what is not known of the bins, each branch once; the same on all ranks, for it is the first one's table
        that counts; collective.

        Bins are read one at a time: what is held is a digest for each branch.
        """
        self._known = ranks.told(self._known)
        found: list[Unknown] = []
        seen: set[bytes] = set()
        for place, examples in enumerate(bins):
            for part, branches in enumerate(_parts(examples)):
                new = []
                for number, key in enumerate(map(self._key, branches)):
                    if key not in self._known and key not in seen:
                        seen.add(key)
                        new.append(number)
                if new:
                    found.append(Unknown(place, part, tuple(new)))
        return found

    @torch.no_grad()
    def learn(self, model: Any, branches: Sequence[Branch], precision: Dtype) -> None:
        """Compute and write down branches as one forest, unless all are known."""
        keys = [self._key(branch) for branch in branches]
        if not all(key in self._known for key in keys):
            forest = plant(branches)
            sums = action_logprobs(scored_logprobs(model, forest, precision), forest).tolist()
            self._add({key: value for key, value in zip(keys, sums, strict=True) if key not in self._known})
        self._mine.update((key, self._known[key]) for key in keys)

    def share(self) -> None:
        """Make known to every rank what each has learnt, whether or not they see one disk; collective."""
        for part in ranks.gathered(self._mine):
            self._known.update(part)
        self._mine.clear()

    def _add(self, entries: dict[bytes, float]) -> None:
        self._known.update(entries)
        try:
            self._write(entries)
        except OSError as error:  # this run knows them all the same
            if not self._unkept:
                log.warning(
                    "References are not kept for other runs: %s: %s. EURUS_CACHE names another folder.",
                    error.filename or self.file,
                    error.strerror,
                )
            self._unkept = True

    def _write(self, entries: dict[bytes, float]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            size = out.seek(0, 2)
            out.truncate(size - size % ENTRY.size)
            out.write(b"".join(ENTRY.pack(key, value) for key, value in entries.items()))

    def _read(self) -> None:
        """Take in what the file holds; of several values for one branch the first counts, for every reader."""
        if not self.file.exists():
            return
        data = self.file.read_bytes()
        for key, value in ENTRY.iter_unpack(data[: len(data) - len(data) % ENTRY.size]):
            self._known.setdefault(key, value)

    def _key(self, branch: Branch) -> bytes:
        digest = hashlib.blake2b(self._model_key.encode(), digest_size=16)
        digest.update(len(branch.history).to_bytes(8, "big"))
        digest.update(branch.history.tobytes() + branch.action.tobytes())
        return digest.digest()


def _parts(examples: Sequence[Pair] | Sequence[Group]) -> tuple[list[Branch], list[Branch]]:
    """Return a bin's branches in two parts, each small enough for one forest: its examples', and their mismatched actions."""
    sides: list[Branch] = []
    couples: list[Branch] = []
    for example in examples:  # in one pass: they may lie on disk
        sides += example.branches
        if isinstance(example, Pair) and example.mismatch is not None:
            couples.append(example.mismatch)
    return sides, couples
