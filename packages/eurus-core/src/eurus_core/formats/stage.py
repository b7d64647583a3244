"""The stage ``import``: published rows as a tree set, so that all that follows sees trees alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, PositiveInt

from eurus_core.errors import InputError
from eurus_core.files.row_files import row_files
from eurus_core.formats.reading import read_rows
from eurus_core.parts.choice import Choice, Rows
from eurus_core.parts.contracts import Artefact, Format, Stage, refuse
from eurus_core.records import PreferenceTree
from eurus_core.records.pairs import pairs
from eurus_core.records.seeds import derive
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_core.stages.report import Table


class Import(Stage):
    """Read preference trees from published rows."""

    produces: ClassVar[Artefact] = "trees"

    rows: Annotated[
        tuple[Rows, ...], BeforeValidator(lambda found: found if isinstance(found, (list, tuple)) else [found])
    ]
    """Files, folders of files, patterns, or tree sets. Files are .jsonl or .json, plain or .gz, .parquet or .arrow. From a folder with
    splits the training split is read. [] imports nothing."""
    form: Annotated[Format | None, Choice("formats")] = None
    """The form of the rows; by default it is recognised from the keys of each file's first rows."""
    source: str | None = None
    """The data set's name, by which objectives and weights are chosen. Default: the form's, else the file's."""
    most: PositiveInt | None = None
    """The most trees to read, drawn by the run's seed."""
    pairs_per_tree: PositiveInt | None = None
    """The most pairs to keep of one tree, drawn by the run's seed."""
    skip_bad: bool = False
    """Leave bad rows out and count them, instead of stopping at the first."""

    def read(self, seed: int, on_bad: Callable[[InputError], None] | None = None) -> Iterator[PreferenceTree]:
        """Yield the trees; bad rows that are to be skipped go to ``on_bad``."""
        skip = on_bad or _ignore
        for tree in self._all(skip) if self.most is None else self._drawn(self.most, seed, skip):
            yield tree if self.pairs_per_tree is None else _fewer_pairs(tree, self.pairs_per_tree, seed)

    def run(self, context: Context) -> None:
        for note in filter(None, (row_files(path).note for path in self.rows)):
            context.note(f"{note}.")
        bad: list[InputError] = []
        trees = self.read(context.seed, bad.append)
        counts: Counter[tuple[str, str]] = Counter()
        write_trees(context.path("trees"), _counted(trees, counts), {"rows": [file.name for file in self.rows]})
        total = {what: sum(count for (_, one), count in counts.items() if one == what) for what in COLUMNS}
        for what, count in total.items():
            context.figure(what, count)
        if bad:
            context.figure("bad rows left out", len(bad))
            context.note(f"The first of {len(bad)} bad rows: {bad[0]}")
        datasets = sorted({dataset for dataset, _ in counts})
        context.show(
            Table(
                f"{context.name}: what was read",
                ("data set", *COLUMNS),
                tuple((dataset, *(counts[dataset, what] for what in COLUMNS)) for dataset in datasets),
            )
        )

    def _all(self, skip: Callable[[InputError], None]) -> Iterator[PreferenceTree]:
        return read_rows(self.rows, form=self.form, source=self.source, on_bad=skip if self.skip_bad else refuse)

    def _drawn(self, most: int, seed: int, skip: Callable[[InputError], None]) -> Iterator[PreferenceTree]:
        """Yield trees drawn of all, in two passes over the rows: one to count them, so that none is held."""
        total = sum(1 for _ in self._all(_ignore))
        chosen = set(Random(seed).sample(range(total), min(most, total)))  # noqa: S311 - no secret
        return (tree for at, tree in enumerate(self._all(skip)) if at in chosen)


def _ignore(error: InputError) -> None:
    """Let a bad row be; it is counted in another pass, or by nobody."""


def _fewer_pairs(tree: PreferenceTree, most: int, seed: int) -> PreferenceTree:
    found = pairs(tree)
    if len(found) <= most:
        return tree
    rng = Random(derive(seed, "pairs", tree.problem.id))  # noqa: S311 - no secret
    return replace(tree, preferences=tuple(found[at] for at in sorted(rng.sample(range(len(found)), most))))


COLUMNS = ("trees", "actions", "correct actions", "pairs")


def _counted(trees: Iterable[PreferenceTree], counts: Counter[tuple[str, str]]) -> Iterator[PreferenceTree]:
    for tree in trees:
        found = (1, len(tree.nodes), sum(node.verdict.correct for node in tree), len(pairs(tree)))
        for what, count in zip(COLUMNS, found, strict=True):
            counts[tree.problem.dataset, what] += count
        yield tree
