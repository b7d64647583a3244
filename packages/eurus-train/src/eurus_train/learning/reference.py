"""What a reference says of forests: log-probabilities kept on disk by content and shared by every run on this machine.

The reference is the policy as it starts, or another model. It reads the very forests that the policy will read, in the same precision
and through the same code, because rounding follows the layout: in bfloat16 the sum over an action moves by tenths of a nat when the
same branch lies among others. So every log-ratio is exactly 0 at step 0, and no number depends on what the cache holds.

That rests on two equal forward passes giving equal bits. They do on one CPU with one number of threads, as the tests show. On a GPU it has
not been tried: sums over an action are made there by atomic additions, whose order is free, so that a reference read from the cache
may differ from one computed anew by float32 rounding, about 1e-4 nats.

Entries are keyed by a forest's content, files by the model and by all that rounding follows from: DPO, KTO and NCA on the same trees in the
same packing compute the reference once, and so does a run that resumes. Each epoch deals trees into other forests, hence an epoch's reference
costs one forward pass of its own.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.metadata
import logging
import platform
import re
from array import array
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import torch

from eurus_core.models import Dtype, cache_folder, fast_device, fetch, weights_hash
from eurus_core.stages import Context
from eurus_train import forest as forest_package
from eurus_train.distributed import ranks
from eurus_train.forest.layout import E, Forest, nothing
from eurus_train.forest.likelihood import action_logprobs, scored_logprobs
from eurus_train.learning.sums_file import SumsFile

log = logging.getLogger(__name__)

Place = tuple[int, int]
"""A forest by the number of its bin and its own among those that are read of the bin."""


def reference_key(ref: str, precision: Dtype) -> str:
    """Identify a model by all that its numbers follow from: weights, configuration, and what it is computed in, on and by.

    The same weights say something else under another scale of their rotary embeddings or another sliding window. Which attention
    reads them follows from the configuration, the device and the versions.
    """
    folder = Path(fetch(ref))
    config = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("eurus-train", "torch", "transformers")]
    return " ".join([weights_hash(folder), config, precision, *_computer(), *versions, _code()])


def consulted(
    source: str,
    bins: Sequence[Sequence[E]],
    forests: Callable[[Sequence[E]], Sequence[Forest]],
    asked: Callable[[], AbstractContextManager[Any]],
    precision: Dtype,
    context: Context,
) -> References:
    """Return what the model ``source`` says of all ``forests`` that are read of the bins; collective.

    ``asked`` gives the model to ask, and is entered only where something is not known yet. Ranks share the work, and all
    take equally many forward passes, so that the model may be spread over them.
    """
    references = References(ranks.broadcast(reference_key(source, precision) if ranks.is_main() else ""))
    unknown = references.unknown(bins, forests)
    mine = ranks.dealt(unknown, None, ranks.world_size())[ranks.rank()]

    def ask() -> None:
        with asked() as model, context.progress(f"{context.name}: reference", len(mine), "forests") as progress:
            for place in mine:
                if place is None:
                    with torch.no_grad():
                        scored_logprobs(model, nothing(), precision)
                else:
                    number, part = place
                    references.learn(model, forests(bins[number])[part], precision)
                progress.advance()

    if unknown:
        ask()
        gc.collect()  # what shares a model among ranks refers to it in circles, which would keep its weights
        references.share()
    return references


class References:
    """A table from forests to the sums over their branches' actions, in nats, backed by a file below ``folder``.

    ``model_key`` is what :func:`reference_key` says of the reference. What is held is a digest a forest and a number a branch, of those
    forests that were asked for. ``folder`` is the user's cache unless given.
    """

    def __init__(self, model_key: str, folder: Path | None = None):
        digest = hashlib.blake2b(model_key.encode(), digest_size=16).hexdigest()
        self._file = SumsFile((folder or cache_folder() / "references") / f"{digest}.sums")
        self._known: dict[bytes, array[float]] = {}
        self._mine: dict[bytes, array[float]] = {}
        self._unkept = False

    def __getitem__(self, forest: Forest) -> Sequence[float]:
        """Return one sum a branch; KeyError for a forest that nobody asked for."""
        return self._known[forest.digest()]

    def unknown(self, bins: Sequence[Sequence[E]], forests: Callable[[Sequence[E]], Sequence[Forest]]) -> list[Place]:
        """Take in what the file knows of the bins' forests and return where the others are, each once; the same on all
        ranks, for it is the first one's file that counts; collective.

        Bins are read one at a time.
        """
        places: dict[bytes, Place] = {}
        for number, examples in enumerate(bins):
            for part, forest in enumerate(forests(examples)):
                places.setdefault(forest.digest(), (number, part))
        self._known |= ranks.broadcast(self._file.read(places) if ranks.is_main() else {})
        return [place for digest, place in places.items() if digest not in self._known]

    @torch.no_grad()
    def learn(self, model: Any, forest: Forest, precision: Dtype) -> None:
        """Compute a forest and write it down, unless it is known."""
        digest = forest.digest()
        if digest not in self._known:
            sums = action_logprobs(scored_logprobs(model, forest, precision), forest)
            self._known[digest] = array("d", sums.tolist())
            self._keep(digest)
        self._mine[digest] = self._known[digest]

    def share(self) -> None:
        """Make known to every rank what each has learnt, whether or not they see one disk; collective."""
        for part in ranks.all_gather(self._mine):
            self._known.update(part)
        self._mine.clear()

    def _keep(self, digest: bytes) -> None:
        try:
            self._file.add(digest, self._known[digest])
        except OSError as error:  # this run knows it all the same
            if not self._unkept:
                log.warning(
                    "References are not kept for other runs: %s: %s. EURUS_CACHE names another folder.",
                    error.filename or self._file.path,
                    error.strerror,
                )
            self._unkept = True


def _computer() -> list[str]:
    """Return what computes, as far as rounding follows from it: kernels are chosen by it, and sums cut by threads."""
    if fast_device() == "cuda":
        return ["cuda", torch.cuda.get_device_name(), str(torch.version.cuda)]
    told = [platform.machine(), torch.backends.cpu.get_cpu_capability(), f"{torch.get_num_threads()} threads"]
    with suppress(OSError):  # Linux alone has this file; its first lines of each kind are the first processor's
        processor = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
        told += re.findall(r"^(?:model name|flags|Features|CPU part)\s*: (.*)$", processor, re.MULTILINE)
    return ["cpu", *told]


def _code() -> str:
    """Return a digest of the code that reads forests, which changes between releases, too, for whoever changes it."""
    (folder,) = forest_package.__path__
    digest = hashlib.sha256()
    for file in sorted(Path(folder).glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
