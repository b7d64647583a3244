"""Trees from a path, whatever lies there: a tree set, or rows in a form that a plugin knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from eurus_core.contracts import Format, refuse
from eurus_core.errors import InputError
from eurus_core.formats.grafts import trees
from eurus_core.plugins import installed
from eurus_core.records import Graft, PreferenceTree
from eurus_core.rows import SUFFIXES, OnBad, Row, files_of, rows, stop
from eurus_core.treeset import MANIFEST, TreeSet

MOST_BYTES = 1 << 22
"""Of a row to learn from: a million tokens. To tokenise one takes two hundred times its size in memory."""


def open_trees(path: Path | str, on_bad: OnBad = refuse) -> Iterable[PreferenceTree]:
    """Return the trees of a tree set, or of a file or folder of rows in a form that is known by its keys.

    A bad row goes to ``on_bad``. A tree set holds none: it was written whole.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise InputError(
            "no such file or folder", needed="Needed is a tree set, or a file or folder of rows.", file=path
        )
    if (path / MANIFEST).exists():
        return TreeSet.open(path)
    if path.is_dir() and not _holds_rows(path):
        raise InputError(
            "holds neither a tree set nor rows",
            needed=f"A tree set is a folder with {MANIFEST}; names of files of rows end in {', '.join(SUFFIXES)}.",
            file=path,
        )
    return read_rows([path], on_bad=on_bad)


def read_rows(
    paths: Iterable[Path],
    *,
    form: Format | None = None,
    source: str | None = None,
    on_bad: OnBad = refuse,
) -> Iterator[PreferenceTree]:
    """Yield the trees that rows of files and folders make, after those of tree sets among the paths.

    ``form`` None finds it for each file by its first row's keys. ``source`` names the data set; else its form does, else its
    file. A bad row goes to ``on_bad``; an edge between rows of several files joins them where they name the same problem.
    """
    by_source: dict[str, list[Iterator[Graft]]] = {}
    files = []
    for path in paths:
        if (path / MANIFEST).is_file():
            for tree in TreeSet.open(path):
                yield tree if source is None else _named(tree, source)
        else:
            files += files_of(path)
    for file in files:
        found = form or _form_of(file)
        name = source or found.source or file.name.partition(".")[0]
        by_source.setdefault(name, []).append(_grafts(file, found, name, on_bad))
    for name, parts in by_source.items():
        yield from trees((graft for part in parts for graft in part), name)


def _named(tree: PreferenceTree, source: str) -> PreferenceTree:
    """Return a tree that says where it comes from, as rows of that source do."""
    labels = {**tree.problem.labels, "source": source}
    stated = tree.preferences and tuple(replace(pair, source=source) for pair in tree.preferences)
    return replace(tree, problem=replace(tree.problem, labels=labels), preferences=stated)


def _grafts(file: Path, form: Format, source: str, on_bad: OnBad) -> Iterator[Graft]:
    for row in rows(file, on_bad, MOST_BYTES):
        try:
            yield from [replace(graft, origin=row.place) for graft in form.grafts(row, source)]
        except InputError as error:
            on_bad(error)


def _form_of(file: Path) -> Format:
    """Return the format that knows most keys of a file's first row that can be read."""
    row = next(rows(file, lambda error: None, MOST_BYTES), None) or next(rows(file, stop, MOST_BYTES))
    known = {name: offer.load() for name, offer in installed().offers("formats").items()}
    fits = {name: _known_keys(cls, row) for name, cls in known.items()}
    most = max(fits.values(), default=0)
    best = [name for name, count in fits.items() if count == most]
    if not most:
        forms = "; ".join(f"{name}: {_shown(cls)}" for name, cls in sorted(known.items()))
        raise row.error(
            f"no known form of rows has the keys {', '.join(map(str, row.data)) or 'of an empty object'}",
            f"Known are {forms}. (eurus parts formats)",
        )
    if len(best) > 1:
        raise row.error(f"the rows fit the forms {' and '.join(best)}", f"Say which, such as form = {best[0]!r}.")
    return known[best[0]]()  # type: ignore[no-any-return]


def _known_keys(cls: type[Format], row: Row) -> int:
    return max((len(keys) for keys in cls.keys if keys <= row.data.keys()), default=0)


def _shown(cls: type[Format]) -> str:
    return " or ".join(", ".join(sorted(keys)) for keys in cls.keys)


def _holds_rows(folder: Path) -> bool:
    try:
        return bool(files_of(folder))
    except InputError:
        return False
