"""Where in a TOML text each key stands: tomllib reads values but forgets lines."""

from __future__ import annotations

import re
from collections import Counter

Path = tuple[str | int, ...]

_TABLE = re.compile(r"^\s*\[(\[)?\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")


def line_numbers(text: str) -> dict[Path, int]:
    """Return the line of every table header and key; keys inside inline tables count as their table's."""
    lines: dict[Path, int] = {}
    table: Path = ()
    repeats: Counter[tuple[str, ...]] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TABLE.match(line):
            names = _split(header[2])
            table = _indexed(names, repeats)
            if header[1]:
                table = (*_indexed(names[:-1], repeats), names[-1], repeats[names])
                repeats[names] += 1
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_split(key[1])), number)
    return lines


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """Return the line of ``path`` or of the nearest table around it."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(
        part.strip().strip("\"'") for part in re.findall(r"""[^."']+|"[^"]*"|'[^']*'""", dotted) if part.strip()
    )


def _indexed(names: tuple[str, ...], repeats: Counter[tuple[str, ...]]) -> Path:
    """Insert the index of the latest element where a prefix is an array of tables."""
    path: list[str | int] = []
    for end in range(1, len(names) + 1):
        path.append(names[end - 1])
        if repeats[names[:end]]:
            path.append(repeats[names[:end]] - 1)
    return tuple(path)
