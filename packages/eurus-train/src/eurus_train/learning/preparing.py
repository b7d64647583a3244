"""From trees to tokens on disk, once, before anything is learnt: memory holds a few trees at a time, however many there are."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eurus_core.errors import InputError
from eurus_core.files.row_files import row_files
from eurus_core.formats import open_trees
from eurus_core.records import PreferenceTree
from eurus_core.records.seeds import derive
from eurus_core.stages import Context
from eurus_core.stages.progress import Progress
from eurus_train.data.chat import Chat
from eurus_train.data.tokenize import Counts, Examples, open_examples
from eurus_train.data.tree_tokens import LeftOut
from eurus_train.distributed import ranks, sharding
from eurus_train.distributed.checkpoints import TOKENS
from eurus_train.learning.learning import Learning

log = logging.getLogger(__name__)

Trees = Iterator[PreferenceTree]


def prepared(stage: Learning, chat: Chat, context: Context) -> tuple[Examples[Any], Examples[Any]]:
    """Return the examples to learn from and those held out, as they lie in the stage's folder; collective.

    The first rank tokenises, unless it had done so before it was killed, and all read what it wrote.
    """
    sharding.check(stage.parallel)
    for path in stage.trees:
        # A run that goes on needs no trees any more; where they are needed, reading them tells what is wrong.
        with contextlib.suppress(InputError):
            if note := row_files(Path(path)).note:
                context.note(f"{note}.")
    folder = context.folder / TOKENS
    files = [folder / "learnt.arrow", folder / "heldout.arrow"]

    def tokenise() -> None:
        folder.mkdir(exist_ok=True)
        left_out = LeftOut()
        for file, trees, required in zip(files, parted(stage, left_out), (True, False), strict=True):
            if not file.exists():
                with context.progress(f"{context.name}: tokenising", unit="trees") as progress:
                    so_far = left_out if required else None
                    stage.examples(_shown(trees, progress), chat, file, required=required, left_out=so_far)

    ranks.once(tokenise)
    learnt, validation = (open_examples(file, stage.objective.kind.example) for file in files)
    show_tokenising(context, learnt.counts, validation.counts)
    if ranks.is_main() and learnt.left_out:
        log.warning("%s: cut or left out: %s", context.name, learnt.left_out)
    return learnt, validation


def parted(stage: Learning, left_out: LeftOut | None = None) -> tuple[Trees, Trees]:
    """Return the trees to learn from and those held out, each read as it is asked for; all of one problem go to the same side.

    Rows that cannot be used are counted in ``left_out`` once, though they are met in every reading.
    """

    def number(tree: PreferenceTree) -> int:
        return derive(stage.data_seed, "heldout", tree.problem.id)

    out: set[int] = set()
    if stage.heldout:
        problems = sorted(set(map(number, read(stage, None))))
        out.update(problems[: min(stage.heldout, len(problems) // 2)])
    learnt = (tree for tree in read(stage, left_out) if number(tree) not in out)
    return learnt, (tree for tree in read(stage, None) if number(tree) in out) if out else iter(())


def read(stage: Learning, left_out: LeftOut | None) -> Trees:
    """Yield the trees that a stage names, file after file, bad rows treated as :meth:`Learning.on_bad` says."""
    return (tree for path in stage.trees for tree in open_trees(path, stage.on_bad(left_out)))


def show_tokenising(context: Context, *gathered: Counts) -> None:
    """Report the work that steps find done."""
    tokens, seconds = sum(one.tokens for one in gathered), sum(one.seconds for one in gathered)
    context.event("tokenised", examples=[one.examples for one in gathered], tokens=tokens, seconds=round(seconds, 3))
    context.figure("tokenising seconds", seconds)
    context.figure("tokens tokenised a second", tokens / max(seconds, 1e-9))


def _shown(trees: Iterable[PreferenceTree], progress: Progress) -> Trees:
    for tree in trees:
        yield tree
        progress.advance()
