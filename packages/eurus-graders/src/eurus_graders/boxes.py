r"""The boxes of a reply: what ``\boxed{}`` holds, and which of them are one list."""

from __future__ import annotations

import re

_BOX = re.compile(r"\\f?boxed\s*")
_BETWEEN_BOXES = re.compile(
    r"[\s$,;.]*(?:\\(?:quad|text\s*\{\s*(?:and|or)\s*\}|,|;)[\s$]*)*(?:(?:and|or)[\s$]*)?(?:[A-Za-z](?:_\w)?\s*=\s*)?"
)
_MOST_BOXES = 24
_BRACE = re.compile(r"[{}]")
MAX_BOX = 20_000
"""Characters of a box; past them it is never closed."""
_BARE = re.compile(r"-?\d+(?:\.\d+)?|\w")


def last(text: str, cut: bool = False) -> tuple[int, str, int] | None:
    """Return where the last boxes that belong to one list begin, what they hold, and where they end."""
    if "boxed" not in text:
        return None
    boxes: list[tuple[int, int, str]] = []
    for found in list(_BOX.finditer(text))[-_MOST_BOXES:]:
        if boxes and found.start() < boxes[-1][1]:
            continue  # a box within a box
        end, inside = _box(text, found.end(), cut)
        if inside:
            boxes.append((found.start(), end, inside))
    if not boxes:
        return None
    listed = [boxes[-1]]
    for before in reversed(boxes[:-1]):
        if _BETWEEN_BOXES.fullmatch(text, before[1], listed[0][0]) is None:
            break
        listed.insert(0, before)
    between = text[listed[0][1] : listed[-1][0]]
    joint = " or " if re.search(r"\bor\b", between) else ", "
    return listed[0][0], joint.join(inside for _, _, inside in listed), listed[-1][1]


def _box(text: str, start: int, cut: bool) -> tuple[int, str]:
    """Return where a box ends and what it holds; without a brace, one digit or number."""
    if not text.startswith("{", start):
        bare = _BARE.match(text, start)
        return (bare.end(), bare.group()) if bare is not None else (start, "")
    depth = 0
    for brace in _BRACE.finditer(text, start, start + MAX_BOX):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.end(), text[start + 1 : brace.start()].strip()
    line = text.find("\n", start)
    end = len(text) if line < 0 else line
    return end, "" if cut else text[start + 1 : end].strip().rstrip("$ ")
