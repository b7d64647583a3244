"""Matrices of terms: their shape, sums, products, scaling, and determinants of the small ones."""

from __future__ import annotations

from eurus_graders.math.algebra.terms import Apply, Matrix, Sequence, Term, larger
from eurus_graders.math.errors import TooLarge, Unreadable

_MOST_ENTRIES = 256
_MOST_EXPANDED = 4
"""Rows of the largest determinant that is expanded; 4! products."""

_LARGEST_FACTOR = 6
_MOST_NODES = 1024
"""Nodes of a term that is built from entries: products of sums grow fast, and a small text must stay small work."""


def rectangle(rows: list[tuple[Term, ...]]) -> Matrix:
    """Return rows as a matrix; Unreadable where their lengths differ."""
    if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
        raise Unreadable("rows of different lengths")
    if len(rows) * len(rows[0]) > _MOST_ENTRIES:
        raise TooLarge(f"a matrix of more than {_MOST_ENTRIES} entries")
    return Matrix(tuple(rows))


def negated(matrix: Matrix) -> Matrix:
    return Matrix(tuple(tuple(Apply("neg", (entry,)) for entry in row) for row in matrix.rows))


def transposed(term: Matrix | Sequence) -> Matrix:
    """Return a matrix's transpose; of a row in any brackets, the column."""
    rows = term.rows if isinstance(term, Matrix) else (term.items,)
    return rectangle(list(zip(*rows, strict=True)))


def total(parts: list[Term]) -> Term:
    """Return a sum, entry by entry where every part is a matrix."""
    if not any(isinstance(part, Matrix) for part in parts):
        return Apply("+", tuple(parts))
    matrices = [part for part in parts if isinstance(part, Matrix)]
    if len(matrices) != len(parts) or len({(len(one.rows), len(one.rows[0])) for one in matrices}) != 1:
        raise Unreadable("a sum of matrices of different shapes")
    return Matrix(
        tuple(
            tuple(Apply("+", entries) for entries in zip(*rows, strict=True))
            for rows in zip(*(one.rows for one in matrices), strict=True)
        )
    )


def product(factors: list[Term]) -> Term:
    """Return a product; numbers scale a matrix, matrices multiply where their shapes fit."""
    matrices = [factor for factor in factors if isinstance(factor, Matrix)]
    if not matrices:
        return Apply("*", tuple(factors))
    result = matrices[0]
    for following in matrices[1:]:
        result = _times(result, following)
    scale = tuple(factor for factor in factors if not isinstance(factor, Matrix))
    if not scale:
        return result
    return _small(tuple(tuple(Apply("*", (*scale, entry)) for entry in row) for row in result.rows))


def _times(one: Matrix, other: Matrix) -> Matrix:
    if len(one.rows[0]) != len(other.rows):
        raise Unreadable("a product of matrices whose shapes do not fit")
    if max(len(one.rows), len(other.rows), len(other.rows[0])) > _LARGEST_FACTOR:
        raise TooLarge("a product of large matrices")
    columns = list(zip(*other.rows, strict=True))
    return Matrix(
        tuple(
            tuple(Apply("+", tuple(Apply("*", pair) for pair in zip(row, column, strict=True))) for column in columns)
            for row in one.rows
        )
    )


def determinant(matrix: Matrix) -> Term:
    """Return a determinant as a term, expanded along the first row."""
    rows = matrix.rows
    if len(rows) != len(rows[0]):
        raise Unreadable("a determinant of a matrix that is not square")
    if len(rows) > _MOST_EXPANDED:
        raise TooLarge(f"a determinant of more than {_MOST_EXPANDED} rows")
    expanded = _expanded(rows)
    if larger(expanded, _MOST_NODES):
        raise TooLarge("a determinant of large terms")
    return expanded


def _small(rows: tuple[tuple[Term, ...], ...]) -> Matrix:
    matrix = Matrix(rows)
    if larger(matrix, _MOST_NODES):
        raise TooLarge("a matrix of large terms")
    return matrix


def _expanded(rows: tuple[tuple[Term, ...], ...]) -> Term:
    if len(rows) == 1:
        return rows[0][0]
    parts: list[Term] = []
    for column, entry in enumerate(rows[0]):
        minor = tuple(row[:column] + row[column + 1 :] for row in rows[1:])
        part = Apply("*", (entry, _expanded(minor)))
        parts.append(Apply("neg", (part,)) if column % 2 else part)
    return Apply("+", tuple(parts))
