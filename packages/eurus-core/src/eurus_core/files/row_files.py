"""Which files of rows a path names: one file, a pattern, a folder of them, or a published data set's folder with its splits."""

from __future__ import annotations

import difflib
import glob
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eurus_core.errors import InputError

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet", ".arrow")
"""What the names of files of rows end in."""

READ = "What is read: .jsonl and .json, gzipped or not, .parquet and .arrow"

NEEDED = "Needed is a tree set, or a file or folder of rows."

MANIFEST = "manifest.json"
"""What a tree set is known by, a folder that is one thing though it holds files of rows."""

_ABOUT_DATA = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", MANIFEST})
"""What ``datasets`` and others write beside the files of rows."""

_WORDS = "train|test|validation|valid|val|dev|eval"
_SPLIT = re.compile(rf"(?<![a-z])(?:{_WORDS})(?![a-z])")
_TESTS = ("test", "validation", "valid", "val", "dev", "eval")
"""Names of what is held out, the first of them that is there being the test split."""
_SHARD = re.compile(r"-\d+-of-\d+(?:-[0-9a-f]+)?$")
_OF_TRAINING = re.compile(r"train(?:[_-][a-z].*)?")

_TABLE_TEXT = (
    "python3 -c 'import csv, json, sys; [print(json.dumps(row)) for row in csv.DictReader(sys.stdin{})]' < {} > {} "
    "(every value becomes text)"
)
_SHEET = "save it as CSV in the program that made it, and convert that"
_OTHER = "write each row with Python's json.dumps on a line of its own"
_UNREAD: Mapping[str, tuple[str, str]] = {
    ".csv": ("a CSV file", ""),
    ".tsv": ("a file of values between tabs", ', delimiter="\\t"'),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), ("a spreadsheet", _SHEET)),
    ".zip": ("a zip archive", "unpack it with python3 -m zipfile -e {} ."),
    **dict.fromkeys((".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2"), ("a tar archive", "unpack it with tar -xf {}")),
    ".bz2": ("packed with bzip2", "unpack it with bunzip2 {}, or pack it with gzip"),
    ".xz": ("packed with xz", "unpack it with unxz {}, or pack it with gzip"),
    ".zst": ("packed with zstd", "unpack it with unzstd {}, or pack it with gzip"),
    **dict.fromkeys((".7z", ".rar"), ("an archive", "unpack it")),
    **dict.fromkeys((".txt", ".text", ".md"), ("plain text", _OTHER)),
    **dict.fromkeys((".yaml", ".yml"), ("YAML", _OTHER)),
    **dict.fromkeys((".xml", ".html", ".htm"), ("a marked-up text", _OTHER)),
    **dict.fromkeys((".pkl", ".pickle"), ("a Python pickle", _OTHER)),
    **dict.fromkeys((".npy", ".npz", ".pt", ".pth", ".safetensors", ".h5", ".hdf5"), ("a file of arrays", _OTHER)),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db"), ("a database", _OTHER)),
    **dict.fromkeys((".pdf", ".docx", ".doc"), ("a document", _OTHER)),
}
"""By what a name ends in: what such a file is, and how its rows can be had; of tables of text how Python reads them."""

_GZIP = b"\x1f\x8b"
_TEXTS = ("", ".csv", ".tsv", ".txt", ".text", ".md", ".yaml", ".yml", ".xml", ".html", ".htm")
"""Endings of what would be text: a file that begins otherwise is what its beginning says."""

_MARKS = {
    b"PK\x03\x04": ".zip",
    b"\xd0\xcf\x11\xe0": ".xls",
    b"BZh": ".bz2",
    b"\xfd7zXZ": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"7z\xbc\xaf": ".7z",
    b"SQLite format 3": ".sqlite",
    b"%PDF": ".pdf",
    b"\x93NUMPY": ".npy",
    b"\x89HDF": ".h5",
    **{bytes((128, protocol)): ".pkl" for protocol in (2, 3, 4, 5)},
}
"""What such files begin with, whatever they are called."""


@dataclass(frozen=True, slots=True)
class RowFiles:
    """The files that a path names, and of a folder with splits the others.

    ``files`` are what is learnt from, tree sets among them where a pattern names some; ``splits`` are all by the words of their
    names; ``note`` says in a sentence what was taken of them, and is empty where there was nothing to choose.
    """

    files: tuple[Path, ...]
    splits: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    note: str = ""

    @property
    def tests(self) -> tuple[Path, ...]:
        """The split to judge by; empty where there is none beside the one to learn from."""
        return next((self.splits[name] for name in _TESTS if name in self.splits), ()) if self.note else ()


def row_files(path: Path) -> RowFiles:
    """Return what a path names. No file is opened but one whose name says that it holds something else.

    Of splits ``train`` is taken, a test is never mixed in. InputError where nothing is there, where nothing is read of it, and
    where it does not say which of several splits is meant.
    """
    path = path.expanduser()
    if not path.exists() and is_pattern(path):
        return _matching(path)
    if not path.exists():
        raise InputError(f"no such file or folder{_nearby(path)}", needed=NEEDED, file=path)
    if not path.is_dir() or (path / MANIFEST).is_file():
        refuse_unread(path)
        return RowFiles((path,))
    return _in_folder(path)


def is_pattern(path: Path) -> bool:
    """Return whether a path is to be matched with names, as ``train-*.parquet`` is."""
    return glob.has_magic(str(path))


def data_set_of(file: Path) -> str:
    """Return the name by which a file's rows are known where nothing else names them: without its ending and its shard's number."""
    return _SHARD.sub("", file.name.partition(".")[0])


def refuse_unread(path: Path, start: bytes | None = None) -> None:
    """Raise InputError, with the way to convert it, for a file of a kind that is not read.

    A file is what it holds: one that begins as JSON is read, whatever its name says. ``start`` is what it begins with, unpacked.
    """
    name = path.name.lower()
    ending = next((end for end in sorted(_UNREAD, key=len, reverse=True) if name.removesuffix(".gz").endswith(end)), "")
    ending = next((end for end in (".tar.gz", ".tgz") if name.endswith(end)), ending)
    if start is None:
        if not ending:
            return
        try:
            with path.open("rb") as stream:
                start = stream.read(512)
        except OSError:
            return  # told where it is read
        if start.startswith(_GZIP) and ending not in (".tar.gz", ".tgz"):
            return  # as well
    mark = next((end for begin, end in _MARKS.items() if start.startswith(begin)), "")
    if mark and (ending in _TEXTS or _UNREAD[mark][0].startswith("packed")):
        ending = mark
    elif not mark and start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[", b""):
        return
    if ending:
        what, how = _UNREAD[ending]
        found = f"is {what}, which is not read"
        raise InputError(found, needed=f"{READ}. To convert it: {_how(path, how)}.", file=path)


def _how(path: Path, how: str) -> str:
    quoted = shlex.quote(str(path))
    if path.suffix == ".gz" and not how.startswith("unpack"):
        return f"unpack it with gunzip {quoted} first"
    if how and not how.startswith(", "):
        return how.format(quoted)
    return _TABLE_TEXT.format(how, quoted, shlex.quote(f"{path.with_suffix('')}.jsonl"))


def _matching(pattern: Path) -> RowFiles:
    found = sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207 - pathlib takes no absolute patterns
    if not found:
        raise InputError(f"no file matches{_nearby(pattern)}", needed=NEEDED, file=pattern)
    files = []
    for one in found:
        if one.is_dir() and not (one / MANIFEST).is_file():
            files += _files_in(one)
        elif one.is_dir() or one.name not in _ABOUT_DATA:
            files.append(one)
    for one in files:
        refuse_unread(one)
    if not files:
        raise InputError("matches folders without files of rows", needed=f"{READ}.", file=pattern)
    return _chosen(pattern, files, {one: _split(one.name) or _split(one.parent.name) for one in files})


def _in_folder(folder: Path) -> RowFiles:
    if files := _files_in(folder):
        return _chosen(folder, files, {file: _split(file.name) for file in files})
    holding = sorted(one for one in folder.iterdir() if one.is_dir() and _files_in(one))
    splits = {one.name: _files_in(one) for one in holding if re.fullmatch(_WORDS, one.name.lower())}
    if "train" in {name.lower() for name in splits}:
        of = {file: name.lower() for name, files in splits.items() for file in files}
        return _chosen(folder, list(of), of)
    data = folder / "data"
    if data.is_dir() and (not holding or data in holding):
        return _in_folder(data)
    if holding:
        names = ", ".join(one.name for one in holding)
        raise InputError("holds rows in its folders only", needed=f"Name one of {names}.", file=folder)
    needed = f"{READ}; a tree set is a folder with {MANIFEST}."
    rows_in = [end for end, (_, how) in _UNREAD.items() if how != _OTHER]
    for one in sorted(folder.iterdir()):
        if one.is_file() and any(one.name.lower().endswith(end) for end in rows_in):
            refuse_unread(one)
    raise InputError("holds neither a tree set nor rows", needed=needed, file=folder)


def _chosen(where: Path, files: list[Path], split_of: Mapping[Path, str]) -> RowFiles:
    """Return the split to learn from of files whose names tell theirs; InputError where that is not clear."""
    splits: dict[str, tuple[Path, ...]] = {}
    for file in files:
        splits[split_of[file]] = (*splits.get(split_of[file], ()), file)
    named = sorted(name for name in splits if name)
    if not named or (len(named) == 1 and (named == ["train"] or "" not in splits)):
        return RowFiles(tuple(files))
    if "train" not in splits and "" not in splits:
        what = f"holds splits of one data set: {', '.join(named)}"
        raise InputError(what, needed="Name the files of one, or a folder that holds no other.", file=where)
    taken = "train" if "train" in splits else ""
    several = sorted({stem for file in splits[taken] if _OF_TRAINING.fullmatch(stem := data_set_of(file).lower())})
    if len(several) > 1:
        what = f"holds several splits to learn from: {', '.join(several)}"
        needed = f"Name one by a pattern, such as '{splits[taken][0].parent / several[0]}-*{splits[taken][0].suffix}'."
        raise InputError(what, needed=needed, file=where)
    left = [f"{name or 'others'} ({_listed(splits[name])})" for name in sorted(splits) if name != taken]
    note = f"{where}: read is {taken or 'what names no split'} ({_listed(splits[taken])}); left out: {', '.join(left)}"
    return RowFiles(splits[taken], splits, note)


def _listed(files: tuple[Path, ...]) -> str:
    return files[0].name + (f" and {len(files) - 1} more" if len(files) > 1 else "")


def _split(name: str) -> str:
    found = _SPLIT.search(name.lower())
    return found[0] if found else ""


def _files_in(folder: Path) -> list[Path]:
    found = (file for file in _entries(folder) if file.name.endswith(SUFFIXES) and file.name not in _ABOUT_DATA)
    return sorted(file for file in found if file.is_file())


def _entries(folder: Path) -> Iterable[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=folder) from error


def _nearby(path: Path) -> str:
    """Return the name in the same folder that was probably meant, in words; empty where there is none."""
    folder = next((one for one in path.parents if one.is_dir() and not is_pattern(one)), None)
    if folder is None or folder != path.parent:
        return f" (nor a folder {path.parent})" if not is_pattern(path.parent) else ""
    by_stem = {one.name.partition(".")[0]: one.name for one in _entries(folder) if not one.name.startswith(".")}
    close = difflib.get_close_matches(path.name.partition(".")[0], by_stem, n=1, cutoff=0.7)
    return f" (did you mean {folder / by_stem[close[0]]}?)" if close else ""
