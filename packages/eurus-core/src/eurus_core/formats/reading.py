"""Trees from a path, whatever lies there: a tree set, or rows in a form that a plugin knows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from pathlib import Path

from eurus_core.errors import InputError
from eurus_core.files.row_files import MANIFEST, data_set_of, row_files
from eurus_core.files.rows import OnBad, rows, stop
from eurus_core.formats.fragments import trees
from eurus_core.parts import installed
from eurus_core.parts.contracts import Format, refuse
from eurus_core.records import PreferenceTree, TreeFragment
from eurus_core.records.tree_set import TreeSet

MOST_BYTES = 1 << 22
"""Of a row to learn from: a million tokens. To tokenise one takes two hundred times its size in memory."""

ROWS_LOOKED_AT = 100
"""Of a file, for its form."""


def open_trees(path: Path | str, on_bad: OnBad = refuse) -> Iterable[PreferenceTree]:
    """Return the trees of a tree set, or of a file or folder of rows in a form that is known by its keys.

    ``path`` may be a pattern such as ``train-*.parquet``; of a folder with splits the one to learn from is read. A bad row goes to
    ``on_bad``. A tree set holds none: it was written whole.
    """
    path = Path(path).expanduser()
    if (path / MANIFEST).is_file():
        return TreeSet.open(path)
    row_files(path)  # what is wrong with it is told before any of it is read
    return read_rows([path], on_bad=on_bad)


def read_rows(
    paths: Iterable[Path],
    *,
    form: Format | None = None,
    source: str | None = None,
    on_bad: OnBad = refuse,
) -> Iterator[PreferenceTree]:
    """Yield the trees that rows of files, folders and patterns make, after those of tree sets among the paths.

    ``form`` None finds it for each file by its first rows' keys. ``source`` names the data set; else its form does, else its
    file. A bad row goes to ``on_bad``; an edge between rows of several files joins them where they name the same problem.
    """
    by_source: dict[str, list[Iterator[TreeFragment]]] = {}
    files = []
    for path in (one for named in paths for one in row_files(named).files):
        if (path / MANIFEST).is_file():
            for tree in TreeSet.open(path):
                yield tree if source is None else _named(tree, source)
        else:
            files.append(path)
    for file in files:
        found = form or _form_of(file)
        name = source or found.source or data_set_of(file)
        by_source.setdefault(name, []).append(_fragments(file, found, name, on_bad))
    for name, parts in by_source.items():
        yield from trees((fragment for part in parts for fragment in part), name)


def _named(tree: PreferenceTree, source: str) -> PreferenceTree:
    """Return a tree that says where it comes from, as rows of that source do."""
    labels = {**tree.problem.labels, "source": source}
    stated = tree.preferences and tuple(replace(pair, source=source) for pair in tree.preferences)
    return replace(tree, problem=replace(tree.problem, labels=labels), preferences=stated)


def _fragments(file: Path, form: Format, source: str, on_bad: OnBad) -> Iterator[TreeFragment]:
    for row in rows(file, on_bad, MOST_BYTES):
        try:
            yield from [replace(fragment, origin=row.place) for fragment in form.fragments(row, source)]
        except InputError as error:
            on_bad(error)


def _form_of(file: Path) -> Format:
    """Return the format that knows most keys of a file's first rows that can be read.

    Of several, since a row may lack a column: labelled rows, read without their label, would all be right.
    """
    first, keys = None, set[str]()
    for row in itertools.islice(rows(file, lambda error: None, MOST_BYTES), ROWS_LOOKED_AT):
        first = first or row
        keys |= row.data.keys()
    first = first or next(rows(file, stop, MOST_BYTES))
    known = {name: offer.load() for name, offer in installed().offers("formats").items()}
    fits = {name: _known_keys(cls, keys) for name, cls in known.items()}
    most = max(fits.values(), default=0)
    best = [name for name, count in fits.items() if count == most]
    if not most:
        forms = "; ".join(f"{name}: {_shown(cls)}" for name, cls in sorted(known.items()))
        raise first.error(
            f"no known form of rows has the keys {', '.join(map(str, first.data)) or 'of an empty object'}",
            f"Known are {forms}. (eurus parts formats)",
        )
    if len(best) > 1:
        raise first.error(f"the rows fit the forms {' and '.join(best)}", f"Say which, such as form = {best[0]!r}.")
    return known[best[0]]()  # type: ignore[no-any-return]


def _known_keys(cls: type[Format], keys: Set[str]) -> int:
    return max((len(known) for known in cls.keys if known <= keys), default=0)


def _shown(cls: type[Format]) -> str:
    return " or ".join(", ".join(sorted(keys)) for keys in cls.keys)
