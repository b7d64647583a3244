"""The LaTeX commands that take arguments: fractions, roots, binomials, matrices."""

from __future__ import annotations

from eurus_graders.math.algebra import matrices, relations
from eurus_graders.math.algebra.terms import (
    EMPTY,
    REALS,
    Apply,
    Constant,
    Matrix,
    Number,
    Relation,
    Sequence,
    Symbol,
    Term,
    larger,
    number,
    quotient,
    substituted,
)
from eurus_graders.math.errors import TooLarge, Unreadable
from eurus_graders.math.read import calls, names
from eurus_graders.math.read.grammar import Grammar

_D = Symbol("d")


def command(parser: Grammar, name: str) -> Term:
    parser.at += 1
    if name == "frac":
        above, below = parser.argument(), parser.argument()
        if above == _D and isinstance(below, Apply) and below.arguments[0] == _D:
            raise Unreadable("a derivative that is not carried out")
        return quotient(above, below)
    if name == "det":
        inside = parser.nested(parser.power)
        return matrices.determinant(inside) if isinstance(inside, Matrix) else Apply(f"{relations.CALL}det", (inside,))
    if name == "binom":
        above = parser.argument()
        return Apply("binomial", (above, parser.argument()))
    if name == "sqrt":
        degree: Term | None = None
        if parser.operator() == "[":
            parser.at += 1
            degree = parser.nested(parser.sum)
            parser.expect("]")
        radicand = parser.nested(parser.primary)
        return Apply("sqrt", (radicand,)) if degree is None else Apply("root", (radicand, degree))
    if name == "begin":
        return _matrix(parser)
    if name in ("sum", "prod"):
        return _series(parser, name)
    if name in ACCENTS:
        return _accented(parser, name)
    if name in names.EMPTY_SETS:
        return EMPTY
    if name == "R":
        return REALS
    if name in names.CONSTANTS and name not in ("e", "i"):
        return Constant(names.CONSTANTS[name])  # type: ignore[arg-type]
    if name in names.GREEK:
        return Symbol(name)
    if names.FUNCTIONS.get(name, "same") != "same":  # \\int is no int()
        return calls.function_call(parser, names.FUNCTIONS[name])
    raise Unreadable(f"the command \\{name} is not known")


def _series(parser: Grammar, name: str) -> Term:
    """Return a finite sum or product written out: ``\\sum_{k=1}^{10} k^2``; Unreadable where an end is no integer."""
    limits: dict[str, Term] = {}
    for _ in range(2):
        sign = parser.accept("_", "^")
        if sign == "_":
            parser.expect("{")
            limits[sign] = parser.nested(parser.item)
            parser.expect("}")
        elif sign:
            limits[sign] = parser.argument()
    body = parser.nested(parser.product)
    match limits.get("_"), limits.get("^"):
        case Relation((Symbol(index), Number(low, 0)), ("=",)), Number(high, 0):
            ends = int(low), int(high)
        case _:
            raise Unreadable(f"a \\{name} without plain ends")
    if not 0 <= ends[1] - ends[0] < _MOST_TERMS or low.denominator * high.denominator != 1:
        raise Unreadable(f"a \\{name} of more than {_MOST_TERMS} terms, or of none")
    count = ends[1] - ends[0] + 1
    if larger(body, _MOST_NODES // count):
        raise TooLarge(f"a \\{name} of large terms")
    terms = tuple(substituted(body, index, number(at)) for at in range(ends[0], ends[1] + 1))
    return Apply("+" if name == "sum" else "*", terms)


_MOST_TERMS = 128
_MOST_NODES = 1024
ACCENTS = frozenset({"hat", "widehat", "bar", "overline", "tilde", "widetilde", "dot", "ddot"})


def _accented(parser: Grammar, accent: str) -> Term:
    """Return a letter with its accent as a name of its own; a segment's line (``\\overline{AB}``) adds nothing to AB."""
    inside = parser.argument()
    match inside:
        case Symbol(name) | Constant(name):
            return Symbol(f"{accent.removeprefix('wide')} {name}")
        case Apply("*", factors) if accent == "overline" and all(isinstance(one, Symbol) for one in factors):
            return inside
        case _:
            raise Unreadable(f"an accent {accent!r} over more than a letter")


def _matrix(parser: Grammar) -> Term:
    """Return the rows of ``\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}``; bars around them mean the determinant."""
    kind = _environment(parser)
    if kind == "cases":
        return _cases(parser)
    if kind not in ("pmatrix", "bmatrix", "matrix", "Bmatrix", "vmatrix", "smallmatrix", "array"):
        raise Unreadable(f"an environment {kind!r}")
    if kind == "array" and parser.operator() == "{":
        while not parser.accept("}"):
            if parser.token.kind == "end":
                raise Unreadable("a brace is never closed")
            parser.at += 1
    rows: list[tuple[Term, ...]] = []
    row: list[Term] = []
    while True:
        row.append(parser.nested(parser.sum))
        if parser.accept("and"):  # the ampersand between entries
            continue
        rows.append(tuple(row))
        row = []
        ended = parser.accept("\\\\")
        if parser.accept("\\end"):
            _environment(parser)
            break
        if not ended:
            raise Unreadable("a matrix without an end")
    matrix = matrices.rectangle(rows)
    return matrices.determinant(matrix) if kind == "vmatrix" else matrix


def _cases(parser: Grammar) -> Term:
    """Return the equations that hold together in ``\\begin{cases} x = 1 \\\\ y = 2 \\end{cases}``."""
    lines: list[Term] = []
    while True:
        lines.extend(parser.nested(parser.items)[0])
        parser.accept("\\\\")
        if parser.accept("\\end"):
            _environment(parser)
            return Sequence("bare", tuple(lines))


def _environment(parser: Grammar) -> str:
    parser.expect("{")
    name = parser.token.text
    parser.at += 1
    parser.expect("}")
    return name
