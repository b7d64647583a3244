"""A tree set on disk: a folder of JSONL shards and a manifest. What stages hand over and what is published."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eurus_core.errors import InputError
from eurus_core.files.row_files import MANIFEST as MANIFEST
from eurus_core.records.codec import from_json, to_json
from eurus_core.records.pairs import disorder, pairs
from eurus_core.records.tree import PreferenceTree

SCHEMA_VERSION = 1
SHARD_TREES = 10_000


class TreeSet:
    """An existing tree set; iterate for the trees, in the order in which they were written."""

    def __init__(self, path: Path, manifest: Mapping[str, Any]):
        self.path, self.manifest = path, manifest

    @classmethod
    def open(cls, path: Path | str) -> TreeSet:
        """Return the tree set in a folder; InputError where there is none or its version is not ours."""
        path = Path(path).expanduser()
        file = path / MANIFEST
        inside = ", ".join(map(str, tree_sets(path)))
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
            version = manifest["schema_version"]
        except (FileNotFoundError, NotADirectoryError):
            needed = f"Name one of {inside}." if inside else f"A tree set is a folder with {MANIFEST}."
            raise InputError("no tree set here", needed=needed, file=path) from None
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            if inside:
                raise InputError("is no tree set, but holds some", needed=f"Name one of {inside}.", file=path) from None
            raise InputError(f"not the manifest of a tree set ({error!r})", file=file) from error
        if version != SCHEMA_VERSION:
            raise InputError(f"schema version {version!r}", needed=f"This release reads {SCHEMA_VERSION}.", file=file)
        if not _is_manifest(manifest):
            raise InputError(
                "not the manifest of a tree set",
                needed='Needed are "trees" and "shards", each with a file of this folder and its sha256.',
                file=file,
            )
        return cls(path, manifest)

    def __len__(self) -> int:
        return int(self.manifest["trees"])

    def __iter__(self) -> Iterator[PreferenceTree]:
        for shard in self.manifest["shards"]:
            file = self.path / shard["file"]
            digest = hashlib.sha256()
            try:
                with file.open("rb") as lines:
                    for number, line in enumerate(lines, 1):
                        digest.update(line)
                        yield _tree(line, file, number)
            except OSError as error:
                raise InputError(f"cannot be read ({error.strerror})", file=file) from error
            if digest.hexdigest() != shard["sha256"]:
                raise InputError(
                    "content does not match the manifest's hash", needed="Grow or copy it again.", file=file
                )


def tree_sets(folder: Path) -> list[Path]:
    """Return the tree sets that a stage's folder or a run's holds, by their names; none of a tree set."""
    found = (*folder.glob(f"trees/{MANIFEST}"), *folder.glob(f"[!.]*/trees/{MANIFEST}"))
    return sorted(file.parent for file in found)


def write_trees(
    path: Path | str,
    trees: Iterable[PreferenceTree],
    provenance: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
) -> TreeSet:
    """Write a tree set, whole or not at all, replacing one that is there; trees are streamed.

    ``provenance`` may be a function, which is called once the last tree is written. The bytes depend on it and the trees alone.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        shards = _write_shards(partial, trees)
        stated = provenance() if callable(provenance) else provenance
        manifest = {"schema_version": SCHEMA_VERSION, **shards, "provenance": dict(stated or {})}
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if path.exists():
            shutil.rmtree(path)
        os.replace(partial, path)  # noqa: PTH105 - atomic within one file system
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return TreeSet(path, manifest)


def _write_shards(folder: Path, trees: Iterable[PreferenceTree]) -> dict[str, Any]:
    counts = {"trees": 0, "nodes": 0, "correct": 0, "pairs": 0}
    shards: list[dict[str, Any]] = []
    rest = iter(trees)
    while (first := next(rest, None)) is not None:
        file = folder / f"trees-{len(shards):05d}.jsonl"
        digest, before = hashlib.sha256(), counts["trees"]
        with file.open("wb") as out:
            for tree in itertools.chain([first], itertools.islice(rest, SHARD_TREES - 1)):
                line = (json.dumps(to_json(tree), ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
                out.write(line)
                digest.update(line)
                counts["trees"] += 1
                counts["nodes"] += len(tree.nodes)
                counts["correct"] += sum(node.verdict.correct for node in tree.nodes)
                counts["pairs"] += len(pairs(tree))
        shards.append({"file": file.name, "trees": counts["trees"] - before, "sha256": digest.hexdigest()})
    return {**counts, "shards": shards}


def _is_manifest(manifest: Mapping[str, Any]) -> bool:
    shards = manifest.get("shards")
    return (
        isinstance(manifest.get("trees"), int)
        and isinstance(shards, list)
        and all(isinstance(shard, dict) and isinstance(shard.get("sha256"), str) for shard in shards)
        and all(isinstance(shard.get("file"), str) and Path(shard["file"]).name == shard["file"] for shard in shards)
    )


def _tree(line: bytes, file: Path, number: int) -> PreferenceTree:
    try:
        data = json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"not JSON ({error})", needed="A line holds one preference tree.", file=file, line=number
        ) from error
    tree = from_json(PreferenceTree, data, where=f"{file}, line {number}")
    if found := disorder(tree):
        raise InputError(
            found,
            needed="Ids are unique in a tree, parents stand before their children, pairs are of siblings.",
            file=file,
            line=number,
        )
    return tree
