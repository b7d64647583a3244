"""Blocks of code in a reply, however they are fenced: backticks or tildes, indented, labelled, bare, glued to a line, never closed.

Everything here is linear in the text's length, which a model chooses.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

_LABELS = frozenset(("python", "py", "ipython", "pypy", "cpython", "sage", "python_code", "code-python"))
_MARKDOWN = frozenset(("markdown", "md"))
_EXECUTE = re.compile(r"<execute>(.*?)(?:</execute>|\Z)", re.DOTALL)
_QUOTED = re.compile(r"^>[ \t]*(?:```|~~~)", re.MULTILINE)
_MARKER = re.compile(r"[ \t]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(`{3,}|~{3,})")
_LABEL = re.compile(r"[{\s.]*([A-Za-z_][\w.+#-]*)?")
_TRAILING_VERSION = re.compile(r"[\d.]+$")
_CODE_AFTER_LABEL = re.compile(r"(?:def|class|import|from|async|for|while|if|with|try)\s|print\(|@\w|#")
_TRIPLE = re.compile(r"\"\"\"|'''")
_MOST_CLOSINGS_TRIED = 8
"""Closing fences that may stand in a string; each is looked at by at most so many openings, so that the work stays linear."""
_MOST_CHARS_PARSED = 1 << 18
_PROGRAMS = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.Import,
    ast.ImportFrom,
    ast.For,
    ast.While,
    ast.With,
    ast.Try,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. ``bare`` has no label; ``other`` is labelled as something else than Python."""

    code: str
    kind: Literal["python", "bare", "other"]
    closed: bool = True


def cells(text: str) -> tuple[str, ...]:
    """Return the cells that an interpreter is to run, in order: those in ``<execute>``, else Python's fenced blocks.

    A block without a label is a cell where no block has one and it holds a program: an answer or an output may be fenced, too.
    """
    tagged = _EXECUTE.findall(unified(text)) if "<execute>" in text else []
    if tagged:
        found = [code for content in tagged for code in within(content)]
    else:
        found = [block.code for block in python_blocks(text)]
    return tuple(code for code in found if code.strip())


def within(content: str) -> list[str]:
    """Return the code that a tag holds: the blocks in it, where it is fenced once more, else all of it."""
    return [block.code for block in python_blocks(content)] or [content.strip("\n")]


def python_blocks(text: str) -> list[Block]:
    """Return the labelled blocks of Python; where there is none, the bare ones that hold programs."""
    found = blocks(text)
    labelled = [block for block in found if block.kind == "python" and block.code.strip()]
    return labelled or [block for block in found if block.kind == "bare" and is_program(block.code)]


def ends_open(text: str) -> bool:
    """Say whether the text ends within a fenced block."""
    closed = [block.closed for block in _blocks(_lines(text), nested=True)]
    return bool(closed) and not closed[-1]


def unified(text: str) -> str:
    """Return the text with ``\\n`` at the end of every line."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def syntax_tree(code: str) -> ast.Module | None:
    """Return the syntax tree of what Python can read, else None."""
    if len(code) > _MOST_CHARS_PARSED:
        return None
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_program(code: str) -> bool:
    """Say whether a text is Python that does or defines something. ``x = 5`` and ``f(2)`` may as well be mathematics."""
    tree = syntax_tree(code)
    return tree is not None and any(
        isinstance(node, _PROGRAMS)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "input"))
        for node in ast.walk(tree)
    )


def blocks(text: str) -> list[Block]:
    """Return every fenced block of a text, in order."""
    if "```" not in text and "~~~" not in text:
        return []
    return list(_blocks(_lines(text), nested=False))


def _lines(text: str) -> list[str]:
    """Return the lines; those of a quotation without its marks, where it holds a fence."""
    text = unified(text)
    lines = text.split("\n")
    if not _QUOTED.search(text):
        return lines
    return [line[1:].removeprefix(" ") if line.startswith(">") else line for line in lines]


def _blocks(lines: Sequence[str], *, nested: bool) -> Iterator[Block]:
    at = 0
    while at < len(lines):
        opening = _opening(lines[at])
        at += 1
        if opening is None:
            continue
        if opening.whole is not None:
            yield Block(opening.whole, opening.kind)
            continue
        content, at, closed = _content(lines, at, opening)
        if opening.holds_fences and not nested and any(_MARKER.match(line) for line in content):
            yield from _blocks(content, nested=True)
        else:
            yield Block(_dedented([*opening.first, *content], opening.indent), opening.kind, closed)


@dataclass(frozen=True, slots=True)
class _Opening:
    indent: int
    marker: str
    kind: Literal["python", "bare", "other"]
    first: tuple[str, ...] = ()  # code on the fence's own line
    whole: str | None = None  # of a block that ends on the line on which it begins
    holds_fences: bool = False


def _opening(line: str) -> _Opening | None:
    found = _MARKER.match(line)
    if found is None:
        return _opening_within(line)
    marker, info = found[1], line[found.end() :].strip()
    kind, label, rest = _read_info(info)
    if marker in info:  # opened and closed on one line
        inner = info[: info.rindex(marker)].rstrip("`~")
        code = inner[len(info) - len(rest) :] if kind == "python" else inner
        return _Opening(0, marker, kind if kind == "python" else "bare", whole=code.strip())
    indent = len(line) - len(line.lstrip(" \t"))
    first = (rest,) if kind == "python" and _CODE_AFTER_LABEL.match(rest) else ()
    return _Opening(indent, marker, kind, first, holds_fences=kind == "bare" or label in _MARKDOWN)


def _opening_within(line: str) -> _Opening | None:
    """Return the fence that opens behind other words, such as ``Here it is: ```python``."""
    at = line.find("```")
    if at < 0:
        return None
    rest = line[at:].lstrip("`")
    marker = line[at : len(line) - len(rest)]
    kind, _, more = _read_info(rest.strip())
    if kind == "python" and not more:
        return _Opening(0, marker, kind)
    if not rest.strip() and line[:at].rstrip().endswith((":", "：")):
        return _Opening(0, marker, "bare")
    return None


def _read_info(info: str) -> tuple[Literal["python", "bare", "other"], str, str]:
    """Return what a fence's info string says: the kind, the label, and what stands behind it."""
    found = _LABEL.match(info)
    word = found[1] if found is not None and found[1] else ""
    rest = info[found.end() :] if found is not None else info
    label = word.lower()
    if not word or rest.lstrip().startswith("="):  # only attributes, such as title="main.py"
        return ("python" if re.search(r"\.py\b", info) else "bare"), "", rest
    if label.endswith(".py") or _TRAILING_VERSION.sub("", label) in _LABELS:
        return "python", label, rest.strip()
    return "other", label, rest


def _content(lines: Sequence[str], start: int, opening: _Opening) -> tuple[list[str], int, bool]:
    """Return the lines of a block, the line after it, and whether it was closed.

    A fence within a string of three quotes belongs to the string, if another closes the block outside it.
    """
    mark, tried = opening.marker, 0
    fallback: tuple[int, int] | None = None
    quote = ""
    for first in opening.first:
        quote = _quote_after(first, quote)
    for at in range(start, len(lines)):
        line = lines[at]
        stripped = line.strip()
        if stripped.startswith(mark):
            rest = stripped.lstrip(mark[0])
            # "```bash" opens another block, "``` as shown" only closes this one
            reopens = rest[:1].isalpha() or (bool(rest) and _read_info(rest.strip())[0] == "python")
            if not quote:
                return list(lines[start:at]), at if reopens else at + 1, not reopens
            fallback = fallback or (at, at if reopens else at + 1)
            tried += 1
            if tried == _MOST_CLOSINGS_TRIED:
                break
        elif not quote and stripped.endswith(mark) and mark[0] == "`":
            code = line.rstrip().rstrip("`")
            if code.strip() and code[-1] not in "\"'":  # glued to the last line of code
                return [*lines[start:at], code], at + 1, True
        if opening.kind != "other":
            quote = _quote_after(line, quote)
    if fallback is not None:
        return list(lines[start : fallback[0]]), fallback[1], True
    return list(lines[start:]), len(lines), False


def _quote_after(line: str, quote: str) -> str:
    """Return the three quotes within which a line ends that begins within ``quote``; "" is none."""
    if '"""' not in line and "'''" not in line:
        return quote
    for found in _TRIPLE.finditer(line):
        if not quote:
            quote = found.group()
        elif found.group() == quote:
            quote = ""
    return quote


def _dedented(lines: Sequence[str], indent: int) -> str:
    if indent:
        lines = [line[min(indent, len(line) - len(line.lstrip(" \t"))) :] for line in lines]
    first = next((line for line in lines if line.strip()), "")
    code = "\n".join(lines).strip("\n")
    return textwrap.dedent(code) if first[:1] in (" ", "\t") else code
