r"""What a chain of equations says: ``a + b = 3 + 4 = 7`` says 7, and ``2x = 6 \Rightarrow x = 3`` what stands behind its last arrow."""

from __future__ import annotations

import re

_ARROW = re.compile(
    r"\\(?:(?:Long)?(?:[Ll]eft)?[Rr]ightarrow|Rightarrow|implies|iff|therefore|to)(?![A-Za-z])|[⇒⟹⟶→∴⇔]|=>"
)
_SURE = re.compile(r"\\(?:(?:Long)?(?:[Ll]eft)?Rightarrow|implies|iff|therefore)|[⇒⟹∴⇔]|=>")
_SPACES = " \t\n$,;"
_SPACED = re.compile(r"\A(?:\s|\\q?quad(?![A-Za-z])|\\[,;:! ]|~|\\text\s*\{\s*(?:so|or|and|thus|hence)?\s*\})+")
_RELATED = re.compile(r"[=<>≤≥≈≡]|\\(?:[lg]eq?|approx|equiv|neq?|in)(?![A-Za-z])")
_EQUAL = re.compile(r"(?<![<>=:\\])(?<!\D!)=(?!=)|\\(?:approx|equiv|simeq|cong)(?![A-Za-z])|[≈≡]")
_UNEQUAL = re.compile(r"[<>≤≥≠]|\\(?:[lg]eq?(?:slant)?|lt|gt|neq?|in|subset|mid|nmid)(?![A-Za-z])|(?<!\d)!=(?!=)")
_SEVERAL = re.compile(r"\b(?:and|or|et|und|oder|ou)\b|[;；]|,(?!\\?!?\s?\d{3}(?!\d))")
"""Joins several statements; a comma between thousands joins nothing."""
_MODULO = re.compile(r"\\p?mod\s*(?:\{[^{}]*\}|\w+)|\(\s*\\?(?:mod|text\{mod\}|bmod)[^()]*\)|\s\\b?mod\b.*\Z")
_NAME = re.compile(
    r"(?:\\(?:text|mathrm|mathbf|mathcal|vec|overline|hat)\s*\{[^{}]{1,40}\}|\\?[A-Za-z])(?:_(?:\\?\w+|\{[^{}]{1,20}\}))?'*"
)
_NAMED = re.compile(
    r"\\(?:sum|int|prod|lim|cos|sin|tan|cot|sec|csc|log|ln|arc\w+|d?binom|text|angle|triangle|overline|widehat|det|gcd|lVert|lfloor|lceil|mathbf|operatorname|max|min)"
    r"(?![a-z])|\[\s*[A-Z]{2,}|\A[A-Z]{2,6}\Z|\\\||(?<![A-Za-z])[fghpqFGHPQT](?:\^\{?-?\d+\}?)?\s*\(|\A\\?[A-Za-z]+\s*(?:\\left)?\("
)
"""Names of quantities that are no unknowns: functions, areas, lengths, sums."""
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def implied(formula: str) -> str:
    """Return what stands behind the last arrow of a formula; an arrow that is no conclusion (``x \\to 3``) stays."""
    for found in reversed(list(_ARROW.finditer(formula))):
        behind = _SPACED.sub("", formula[found.end() :])
        before = formula[: found.start()]
        if behind.strip(_SPACES) and (
            _SURE.fullmatch(found.group()) or (_RELATED.search(behind) and _RELATED.search(before))
        ):
            return behind.strip() if _depth(before) == 0 else formula
    return formula


def sides(statement: str) -> list[str]:
    """Return the sides of a chain of equations, of which an approximation is one; one where it is none, or holds an inequality or several."""
    if _UNEQUAL.search(statement) or any(_depth(statement[: one.start()]) == 0 for one in _SEVERAL.finditer(statement)):
        return [statement]
    found, at = list[str](), 0
    for sign in _EQUAL.finditer(statement):
        if _depth(statement[at : sign.start()]) == 0:
            found.append(statement[at : sign.start()])
            at = sign.end()
    found.append(statement[at:])
    parts = [side.strip(_SPACES).rstrip(_SPACES + ".") for side in found]
    return parts if parts[0] else parts[1:]  # of an aligned row, which goes on from the one above


def value(statement: str) -> str:
    """Return the last side of a chain, without the modulus of a congruence; nothing where it is an equation to be solved, or a label's.

    ``2x = 8`` says of x something else; ``x = 8`` is read whole.
    """
    chain = sides(statement)
    if len(chain) < 2 or not all(chain) or is_name(chain[-1]):
        return ""
    first = chain[0]
    told = len(chain) > 2 or _NAMED.search(first) or is_name(first) or not re.search(r"[A-Za-z]", first)
    return _MODULO.sub("", chain[-1]).strip(_SPACES) if told else ""


def ends_rounded(statement: str) -> bool:
    """Whether the last sign of a chain is one of an approximation or a congruence."""
    signs = _EQUAL.findall(statement)
    return bool(signs) and signs[-1] != "="


def is_name(side: str) -> bool:
    """Whether a side of an equation is nothing but a name: ``x``, ``\\theta``, ``m_\\perp``."""
    return _NAME.fullmatch(side.strip(_SPACES)) is not None


def conclusion(equations: list[str]) -> str:
    """Return what the last of several equations concludes from those before it: ``a = 2, b = 3, a + b = 5`` says 5.

    Nothing where all name something each, which is a list, or where one is no equation.
    """
    chains = [sides(one) for one in equations]
    if len(chains) < 2 or any(len(chain) < 2 for chain in chains):
        return ""
    if chains[-1][0] == chains[-2][0] and not is_name(chains[-1][0]):
        return equations[-1]  # the same again, in another form
    named = [is_name(chain[0]) for chain in chains]
    if named[-1]:
        return "" if all(named) else equations[-1]
    return chains[-1][-1] if all(named[:-1]) else ""


def _depth(text: str) -> int:
    return sum(_BRACKETS.get(character, 0) for character in text)
