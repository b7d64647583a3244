r"""Vectors by their unit vectors (``3\mathbf{i} - \hat{j}``, ``3i - j``) and points by their names (``A(1, 2)``)."""

from __future__ import annotations

import re

from eurus_graders.math.algebra.terms import Apply, Number, Relation, Sequence, Symbol, Term, number, symbols

AXES = ("ihat", "jhat", "khat")
"""Unit vectors, by the commands that :func:`spelt` writes for them."""

_MARKED = re.compile(
    r"\\(?:hat|widehat|vec|mathbf|boldsymbol|bm|mathbf\s*\{\s*\\hat)\s*(?:\{\s*)?\\?([ijk])(?:math)?(?![A-Za-z])(?:\s*\})*"
)
_PLAIN = re.compile(r"(?<![A-Za-z\\_^{])([ijk])(?![A-Za-z_^}=])")


def spelt(text: str) -> str:
    """Return text with unit vectors as commands: letters with a hat or in bold; plain ones where both i and j stand in one sum."""
    text = _MARKED.sub(r" \\\1hat ", text)
    letters = _PLAIN.findall(text)
    if sorted(letters) in (["i", "j"], ["i", "j", "k"]) and not any(sign in text for sign in "=,;"):
        return _PLAIN.sub(r" \\\1hat ", text)
    return text


def gathered(term: Term) -> Term:
    """Return a sum of multiples of unit vectors as the tuple of its coordinates; any other term as it is."""
    if isinstance(term, Relation):
        return Relation(tuple(map(gathered, term.sides)), term.operators)
    axes = AXES[: 3 if "khat" in symbols(term) else 2]
    if not symbols(term).intersection(axes):
        return term
    parts = term.arguments if isinstance(term, Apply) and term.function == "+" else (term,)
    along: dict[str, list[Term]] = {axis: [] for axis in axes}
    for part in parts:
        found = _along(part)
        if found is None:
            return term
        along[found[0]].append(found[1])
    return Sequence("tuple", tuple(_sum(along[axis]) for axis in axes))


def _along(term: Term) -> tuple[str, Term] | None:
    """Return the axis and the coordinate of a multiple of one unit vector; None for what is none."""
    match term:
        case Symbol(name) if name in AXES:
            return name, number(1)
        case Apply("neg", (inside,)):
            found = _along(inside)
            return None if found is None else (found[0], Apply("neg", (found[1],)))
        case Apply("*", factors):
            rest = tuple(one for one in factors if not symbols(one).intersection(AXES))
            units = [one.name for one in factors if isinstance(one, Symbol) and one.name in AXES]
            if len(units) != 1 or len(rest) != len(factors) - 1:
                return None
            return units[0], rest[0] if len(rest) == 1 else Apply("*", rest)
        case _:
            return None


def _sum(parts: list[Term]) -> Term:
    return parts[0] if len(parts) == 1 else Apply("+", tuple(parts)) if parts else number(0)


def point(term: Term) -> tuple[str, Sequence] | None:
    """Return the name and the coordinates of ``A(1, 2)``, which reads as a product; None for any other term."""
    match term:
        case Apply("*", (Symbol(name), Sequence("tuple", (_, _, *_)) as coordinates)) if (
            len(name) == 1 and name.isupper()
        ):
            return name, coordinates
        case _:
            return None


def combinations(name: str, coordinates: Sequence) -> Term | None:
    """Return what ``C(5, 2)`` counts, and ``P(5, 2)``; None where it counts nothing."""
    match coordinates.items:
        case (Number(n, 0), Number(k, 0)) if (
            name in "CP" and n.denominator == k.denominator == 1 and 0 <= k <= n <= 1000
        ):
            chosen = Apply("binomial", coordinates.items)
            return chosen if name == "C" else Apply("*", (chosen, Apply("factorial", (coordinates.items[1],))))
        case _:
            return None
