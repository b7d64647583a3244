"""The program in a reply that is to be judged by tests: the last complete one, with the earlier blocks that it needs.

A reply may hold drafts, parts of one program, the model's own tests and examples of use. What cannot be told apart from words around it
is no program: nothing is guessed into or out of it.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Iterator, Sequence

from eurus_core.replies.code_blocks import Block, is_program, python_blocks, syntax_tree, unified, within
from eurus_core.replies.program_parts import Part, part_of

_TAGS = (
    ("<solution>", "</solution>"),
    ("<answer>", "</answer>"),
    ("<code>", "</code>"),
    ("<python>", "</python>"),
    ("[BEGIN]", "[DONE]"),
    ("[PYTHON]", "[/PYTHON]"),
    ("<execute>", "</execute>"),
)
_OPENS_CODE = re.compile(
    r"(?:(?:def|class|import|from|async|for|while|if|with|try|print)\b|@\w|[A-Za-z_][\w., \[\]]*[-+*/|&^%]?=)"
)
_OPENS_BLOCK = re.compile(r"(?:async )?def \w+\(|class \w+[(:]|(?:for|while|if|with|try)\b[^\n]*:\s*$")
_SENTENCE = re.compile(r"(?:[*_#>\-•|]{0,6}\s*)?(?:\d{1,3}[.)]\s+)?(?:\*\*)?[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_TAIL_CHARS = 200
_TRAILING = re.compile(r"(?:\s*<[|/]?[A-Za-z_|/ -]{1,40}>)+\s*$")
"""Tokens of a template, and tags, at the end of a text."""
_MARK = re.compile(r"\[/?[A-Z]+\]\s*")
"""A line such as ``[DONE]``, which Python would read as a list."""
_MOST_READINGS = 48
"""Attempts to read code between sentences; each costs the text's length."""


def program(text: str, names: Collection[str] | None = None) -> str | None:
    """Return the program in a reply (its thinking left out), None where there is none.

    ``names`` are those that the tests call: the last block that defines one is taken; where they are not known (empty) the last that
    defines anything. None is for a program that is judged by what it prints: the last block that reads its input and prints.
    """
    text = unified(text)
    text = text[:-_TAIL_CHARS] + _TRAILING.sub("", text[-_TAIL_CHARS:])
    scope = _tagged(text)
    if scope is not None:
        found = _chosen([code for content in scope for code in within(content)], names)
        if found is not None:
            return found
    fenced = python_blocks(text)
    parts = [part for block in fenced for part in _readable(block)]
    found = _chosen(parts, names)
    if found is not None and (not names or _defines(found, names)):
        return found
    loose = _chosen(segments(text), names)
    if names and not (loose and _defines(loose, names)) and _defines(text, names):
        loose = text.strip("\n")  # a definition such as `PI = 3.14`, which alone is no program
    if loose is not None and (not parts or (names and _defines(loose, names))):
        return loose
    if found is not None or not fenced:
        return found
    last = fenced[-1]
    return last.code if last.closed else None


def segments(text: str) -> list[str]:
    """Return the stretches of code in a text without fences, between sentences.

    A stretch ends where Python cannot go on and the line there is a sentence. Where it is none the code itself may be broken or cut, and
    nobody can say what belongs to it: then there are none.
    """
    lines = ["```" if _MARK.fullmatch(line) else line for line in unified(text).split("\n")]
    found: list[str] = []
    at, readings = 0, _MOST_READINGS
    while at < len(lines) and readings:
        if not _OPENS_CODE.match(lines[at]):
            at += 1
            continue
        end = len(lines)
        while end > at and readings:
            readings -= 1
            error = _error_line("\n".join(lines[at:end]))
            if error is None:
                break
            end = min(at + error, end - 1)
        if _OPENS_BLOCK.match(lines[at]) if end == at else end < len(lines) and not _is_words(lines[end]):
            return []
        code = _without_lone_words("\n".join(lines[at:end])).strip("\n")
        if is_program(code):
            found.append(code)
        at = max(end, at) + 1
    return found or [code for code in _indented(lines) if is_program(code)]


def _without_lone_words(code: str) -> str:
    """Return code without what Python reads as names that nothing defines: ``Done``, ``Note: important``."""
    tree = syntax_tree(code)
    part = None if tree is None else part_of(code)
    if tree is None or part is None:
        return code
    lines = code.split("\n")
    for node in tree.body:
        match node:
            case ast.Expr(value=ast.Name()) | ast.AnnAssign(value=None):
                names = {
                    one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
                }
                if names & part.free and node.lineno == node.end_lineno:
                    lines[node.lineno - 1] = ""
    return "\n".join(lines)


def _indented(lines: Sequence[str]) -> Iterator[str]:
    """Yield the stretches that are indented as Markdown's code is."""
    stretch: list[str] = []
    for line in (*lines, "end"):
        if line.startswith(("    ", "\t")) or (stretch and not line.strip()):
            stretch.append(line)
        elif stretch:
            yield textwrap.dedent("\n".join(stretch)).strip("\n")
            stretch = []


def _error_line(code: str) -> int | None:
    """Return the line, from 0, at which Python stops reading; None where it reads all."""
    try:
        ast.parse(code)
    except SyntaxError as error:
        return max(0, (error.lineno or 1) - 1)
    except (ValueError, RecursionError, MemoryError):
        return 0
    return None


def _is_words(line: str) -> bool:
    """Say whether a line is a sentence, a heading or a fence, rather than code that cannot be read."""
    stripped = line.strip()
    if stripped.startswith(("```", "~~~", "**", "#", "</", "[/", "[DONE]", "---", "===")):
        return True
    if line[:1] in (" ", "\t") or not _SENTENCE.match(stripped):
        return False
    words = len(_WORD.findall(stripped))
    marks = sum(map(stripped.count, "()[]{}="))
    spoken = (
        stripped[:1].isupper() or not stripped[:1].isascii() or not stripped[:1].isalpha() or stripped[-1] in ".:!?。"
    )
    return (spoken and words > 1 and words > marks) or (words > 3 and not marks) or not stripped.isascii()


def _readable(block: Block) -> list[str]:
    """Return what can be read of a block: all of it, or, where it was never closed, the code before the words."""
    if block.closed or syntax_tree(block.code) is not None:
        return [block.code]
    return segments(block.code)


def _tagged(text: str) -> list[str] | None:
    """Return what stands in the first kind of tag that holds code, if any does; of cells all, of others the last."""
    for opening, closing in _TAGS:
        found = list(_between(text, opening, closing)) if opening in text else []
        if opening == "<execute>":
            return found or None
        if found and any(is_program(code) for code in within(found[-1])):
            return found[-1:]
    return None


def _between(text: str, opening: str, closing: str) -> Iterator[str]:
    at = text.find(opening)
    while at >= 0:
        at += len(opening)
        end = text.find(closing, at)
        yield text[at:] if end < 0 else text[at:end]
        at = -1 if end < 0 else text.find(opening, end)


def _chosen(codes: Sequence[str], names: Collection[str] | None) -> str | None:
    parts = [part for code in codes if code.strip() and (part := part_of(code)) is not None]
    if not parts:
        return codes[-1] if len(codes) == 1 and codes[0].strip() else None
    taken = _printing(parts) if names is None else _defining(parts, set(names))
    return "\n\n".join(part.code for part in taken)


def _defining(parts: Sequence[Part], names: set[str]) -> list[Part]:
    """Return the last parts that define the names, and those that these need; all where none defines one."""
    if not names:
        names = set(next((part.defined for part in reversed(parts) if part.defined and not part.tests), ()))
    taken: list[Part] = []
    wanted, needed = set(names), set[str]()
    for part in reversed(parts):
        if part.defined & wanted or part.bound & needed:
            taken.insert(0, part)
            wanted -= part.defined
            needed = (needed - part.bound) | part.free
    return taken or list(parts)


def _printing(parts: Sequence[Part]) -> list[Part]:
    """Return the last part that reads and prints, what it needs of earlier parts, and the later part that starts it."""
    own = [part for part in parts if not part.tests] or list(parts)
    ranked = (
        [part for part in own if part.reads and part.writes],
        [part for part in own if part.reads],
        [part for part in own if part.writes],
        own,
    )
    last = next(some for some in ranked if some)[-1]
    at = next(index for index, part in enumerate(parts) if part is last)
    taken, needed = [last], set(last.free)
    for part in reversed(parts[:at]):
        if part.bound & needed:
            taken.insert(0, part)
            needed = (needed - part.bound) | part.free
    known = {name for part in taken for name in part.bound}
    for part in parts[at + 1 :]:
        if last.started and any(one.writes for one in taken):
            break
        if part.free & known and not part.tests:
            taken.append(part)
            known |= part.bound
            last = part
    return taken


def _defines(code: str, names: Collection[str]) -> bool:
    part = part_of(code)
    return part is not None and bool((part.defined | part.bound) & set(names))
