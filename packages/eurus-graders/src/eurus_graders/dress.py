"""What dresses an answer and says nothing: emphasis by Markdown, emoji at its end, a remark in brackets."""

from __future__ import annotations

import re

_EMOJI = re.compile(
    r"[\U0001f300-\U0001f44d\U0001f44f-\U0001f6aa\U0001f6ac-\U0001faff\u2600-\u2612\u2614-\u263f\u2668-\u2712\u2714\u2728\u2733\u2734\u2744\u2747\u2763\u2764"
    r"\u2705\u2713\u2b50\u2b55\ufe0f\u200d\u20e3]"
)
"""None of those that deny: a cross, a thumb down, a sign that forbids."""
_BOLD = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*\n]{1,400}?)(?<=[^\s*])\*\*(?![\w*])")
_CLOSING = re.compile(r"(?<=[^\s*])\*\*(?=\s|[.,;:!?)]|\Z)")

_CHANGES = re.compile(
    r"\(?\s*(?:if|unless|or|provided|when|assuming|maybe|perhaps|possibly)\b"
    r"|\(?\s*not\s+(?:an?\s+|the\s+)?(?:valid|correct|right|allowed|possible|permitted|admissible|answer|solution|final|true|sure|certain)\b"
    r"|\(?\s*(?:(?:which|that|this|it)\s+is\s+)?(?:not\s+)?(?:wrong|incorrect|invalid|rejected|extraneous|impossible)\b"
    r"|\(?\s*(?:which|that|this|it)\s+is\s+not\b",
    re.IGNORECASE,
)


def changes(remark: str) -> bool:
    """Whether a remark in brackets takes the answer before it back, gives another, or makes it depend on something."""
    return _CHANGES.match(remark.strip()) is not None


def undressed(text: str) -> str:
    """Return an answer without emphasis and the emoji at its end; one that is nothing but emoji stays."""
    if "**" in text:
        text = _BOLD.sub(r"\1", text)
        if text.count("**") == 1:
            text = _CLOSING.sub("", text)
    if not text.isascii():
        text = _without_emoji(text) or text
    return text


def _without_emoji(text: str) -> str:
    """Return text without the emoji at its end, and what stands between and behind them."""
    end = bare = len(text)
    while end and (_EMOJI.match(text[end - 1]) or text[end - 1] in " \t.!?*_"):
        end -= 1
        bare = end if _EMOJI.match(text[end]) else bare
    return text[:bare].strip()
