"""When things with items are the same: lists, sets, tuples, matrices, vectors, points. Items are compared as any two answers are."""

from __future__ import annotations

from collections.abc import Callable

from eurus_graders.math.algebra import relations, segments, vectors
from eurus_graders.math.algebra.scalars import Scalar, is_scalar
from eurus_graders.math.algebra.terms import Matrix, Sequence, Symbol, Term, Words
from eurus_graders.math.equal import keys

Same = Callable[[Term, Term], str]
"""Returns the rule by which two answers are the same, or nothing."""


def same_matrix(one: Term, other: Term, same: Same) -> str:
    first, second = _rows(one), _rows(other)
    if first is None or second is None or len(first) != len(second):
        return _same_vector(one, other, same)
    pairs = [(a, b) for row, opposite in zip(first, second, strict=True) for a, b in zip(row, opposite, strict=False)]
    if any(len(row) != len(opposite) for row, opposite in zip(first, second, strict=True)):
        return _same_vector(one, other, same)
    return "matrix" if all(same(a, b) for a, b in pairs) else ""


def _rows(term: Term) -> tuple[tuple[Term, ...], ...] | None:
    match term:
        case Matrix(rows):
            return rows
        case Sequence("list", items) if items and all(isinstance(item, Sequence) for item in items):
            return tuple(item.items for item in items if isinstance(item, Sequence))
        case _:
            return None


def _same_vector(one: Term, other: Term, same: Same) -> str:
    """A column or a row equals a tuple or a list of its entries; a column is no row."""
    matrix, listed = (one, other) if isinstance(one, Matrix) else (other, one)
    if isinstance(matrix, Matrix) and isinstance(listed, Sequence) and listed.brackets in ("tuple", "list"):
        entries = tuple(entry for row in matrix.rows for entry in row)
        if 1 in (len(matrix.rows), len(matrix.rows[0])) and len(entries) == len(listed.items):
            return "matrix" if all(map(same, entries, listed.items)) else ""
    return ""


def same_point(one: Term, other: Term, same: Same) -> str:
    """A(1, 2) is the point (1, 2), of no other name than A; C(5, 2) may count combinations instead."""
    first, second = vectors.point(one), vectors.point(other)
    if first is not None and second is not None:
        return same(first[1], second[1]) if first[0] == second[0] else ""
    named, bare = (first, other) if first is not None else (second, one)
    if named is None:
        return ""
    if isinstance(bare, Sequence):
        return "label-omitted" if same(named[1], bare) else ""
    counted = vectors.combinations(*named)
    return same(counted, bare) if counted is not None else ""


def same_sequence(one: Term, other: Term, same: Same) -> str:
    if not (isinstance(one, Sequence) and isinstance(other, Sequence)):
        sequence, single = (one, other) if isinstance(one, Sequence) else (other, one)
        if isinstance(sequence, Sequence) and sequence.brackets != "tuple" and len(sequence.items) == 1:
            return "single" if same(sequence.items[0], single) else ""
        if isinstance(sequence, Sequence) and sequence.brackets == "or" and len(set(map(keys.of, sequence.items))) == 1:
            return same(sequence.items[0], single)  # \pm 0
        return ""
    first, second = one.items, other.items
    kinds = {one.brackets, other.brackets}
    if kinds == {"or", "bare"} and all(isinstance(item, Symbol | Words) for item in (*first, *second)):
        return ""  # "A or B" leaves open what "A and B" says
    if "or" in kinds and ("tuple" in kinds or relations.by_label(first) or relations.by_label(second)):
        return ""  # "3 or 4" is no point, nor x = 3, y = 4
    if not first or not second:
        return "empty" if not first and not second else ""
    for outer, inner in ((one, other), (other, one)):
        # A list that wraps one bracketed list, as Python prints a solution: [(1, 2)].
        wrapped = outer.items[0] if len(outer.items) == 1 and outer.brackets in ("list", "set") else None
        if isinstance(wrapped, Sequence) and (
            inner.brackets in (wrapped.brackets, "bare", "or") or wrapped.brackets == "bare"
        ):
            return same(wrapped, inner)
    if "tuple" in kinds and len(kinds) == 2:
        for side, opposite in ((one, other), (other, one)):
            if named := relations.by_label(side.items):
                return same_sequence(Sequence("tuple", named), opposite, same)
    if kinds in ({"tuple"}, {"list"}):
        return "ordered" if ordered(first, second, same) else ""
    if kinds == {"tuple", "set"} or ("bare" not in kinds and "or" not in kinds and _perhaps_intervals(one, other)):
        return ""
    if "tuple" in kinds:
        return "ordered" if ordered(first, second, same) else ""
    if "set" not in kinds and not all(map(_in_order, (first, second))):
        return "ordered" if ordered(first, second, same) else ""  # letters out of their order are a ranking
    return "unordered" if _matched(first, second, same, distinct="set" not in kinds) else ""


def _in_order(items: tuple[Term, ...]) -> bool:
    """Whether items are anything but capital letters out of the alphabet's order."""
    names = [item.name for item in items if isinstance(item, Symbol) and len(item.name) == 1 and item.name.isupper()]
    return len(names) < len(items) or names == sorted(names)


def _perhaps_intervals(one: Sequence, other: Sequence) -> bool:
    """Return whether different brackets around the same two numbers may be different intervals: [1, 2] and (1, 2), or {1, 2}."""
    if one.brackets == other.brackets:
        return False
    return any(_may_be_interval(side) for side in (one, other) if side.brackets != "set")


def _may_be_interval(term: Sequence) -> bool:
    if len(term.items) != 2 or not all(map(is_scalar, term.items)):
        return False
    low, high = (Scalar(item).real for item in term.items)
    return low is not None and high is not None and bool(low < high)


def ordered(first: tuple[Term, ...], second: tuple[Term, ...], same: Same) -> bool:
    return len(first) == len(second) and all(map(same, first, second))


def _matched(first: tuple[Term, ...], second: tuple[Term, ...], same: Same, *, distinct: bool) -> bool:
    """Return whether each item has its match on the other side; as multisets where ``distinct``, else as sets."""
    if len(first) * len(second) > segments.MAX_ITEMS * 16:  # many items: by their keys alone
        one, other = sorted(map(repr, map(keys.of, first))), sorted(map(repr, map(keys.of, second)))
        return one == other if distinct else set(one) == set(other)
    left = list(second)
    for item in first:
        found = next((other for other in left if same(item, other)), None)
        if found is not None:
            left.remove(found)
        elif distinct or not any(same(item, other) for other in second):
            return False
    if not distinct:
        return all(any(same(item, other) for other in first) for item in left)
    return not left
