"""The words of mathematics that an answer may use, in LaTeX and in Python, and the functions they mean."""

from __future__ import annotations

from eurus_graders.math.algebra.terms import EMPTY, NEGATIVE, POSITIVE, REALS, Term, Union

FUNCTIONS: dict[str, str] = {
    **{name: name for name in (
        "sqrt", "cbrt", "root", "exp", "log", "ln", "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "asin", "acos", "atan",
        "asinh", "acosh", "atanh", "abs", "floor", "ceil", "factorial", "binomial", "gcd", "lcm", "max", "min", "sign",
    )},
    "log10": "log10", "lg": "log10", "log2": "log2", "log1p": "log1p",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh",
    "Abs": "abs", "ceiling": "ceil", "comb": "binomial", "binom": "binomial", "nCr": "binomial", "Max": "max", "Min": "min",
    "Mod": "mod", "mod": "mod", "sgn": "sign", "igcd": "gcd", "ilcm": "lcm", "radians": "degree", "cis": "cis",
    "Rational": "/", "Fraction": "/", "Pow": "^", "pow": "^", "Add": "+", "Mul": "*",
    **dict.fromkeys((
        "Integer", "Float", "float", "int", "Decimal", "mpf", "S", "N", "float16", "float32", "float64", "int8", "int16", "int32", "int64",
        "uint8", "sympify", "simplify",
    ), "same"),
}  # fmt: skip
"""Name -> operation; ``/`` divides its two arguments (one: that number), ``same`` is its argument."""

CONSTRUCTORS = frozenset((
    "Matrix", "ImmutableMatrix", "MutableDenseMatrix", "ImmutableDenseMatrix", "array", "matrix", "Interval",
    "Interval.open", "Interval.Lopen", "Interval.Ropen", "Union", "FiniteSet", "set", "frozenset", "Set", "Tuple",
    "tuple", "list", "List", "Complement", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Equality", "And", "Or", "Poly",
    "tensor", "Intersection", "Point", "Point2D", "Point3D",
))  # fmt: skip

CONSTANTS: dict[str, str] = {
    "pi": "pi", "Pi": "pi", "e": "e", "E": "e", "i": "i", "I": "i", "oo": "oo", "inf": "oo", "infty": "oo", "infinity": "oo",
    "Infinity": "oo", "Exp1": "e", "ImaginaryUnit": "i",
}  # fmt: skip

GREEK = frozenset((
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma",
    "Delta", "Theta", "Lambda", "Sigma", "Phi", "Psi", "Omega", "ell", "hbar", "ihat", "jhat", "khat",
))  # fmt: skip

EMPTY_SETS = frozenset({"EmptySet", "emptyset", "varnothing"})

WHOLE_ANSWERS: dict[str, Term] = {
    **dict.fromkeys(
        ("all real numbers", "all reals", "all real", "real numbers", "any real number", "all real values"), REALS
    ),
    "empty set": EMPTY,
    **dict.fromkeys(
        ("all positive real numbers", "all positive reals", "positive real numbers", "positive reals"), POSITIVE
    ),
    **dict.fromkeys(
        ("all negative real numbers", "all negative reals", "negative real numbers", "negative reals"), NEGATIVE
    ),
    **dict.fromkeys(
        ("all nonzero real numbers", "all non-zero real numbers", "nonzero real numbers"), Union((NEGATIVE, POSITIVE))
    ),
}
"""Words that are a set."""

ABBREVIATIONS: dict[str, str] = {"dne": "does not exist"}

NUMBER_WORDS: dict[str, int] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
MULTIPLIERS: dict[str, int] = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}

SHORT_WORDS = frozenset((
    "no", "on", "yes", "odd", "one", "two", "six", "ten", "red", "all", "any", "not", "nor", "yet", "sum", "max",
    "min", "mon", "tue", "wed", "thu", "fri", "sat", "sun",
))  # fmt: skip
"""Words of up to three letters that are not read as products of variables."""

OPERATORS: dict[str, str] = {
    r"\cdot": "*", r"\times": "*", r"\ast": "*", "**": "^", r"\div": "/", r"\le": "<=", r"\leq": "<=", r"\leqslant": "<=",
    r"\ge": ">=", r"\geq": ">=", r"\geqslant": ">=", r"\ne": "!=", r"\neq": "!=", r"\lt": "<", r"\gt": ">", "==": "=",
    r"\approx": "~", r"\simeq": "~", r"\equiv": "=", r"\colon": ":", r"\in": "in", r"\land": "and", r"\wedge": "and", r"\lor": "or", r"\vee": "or",
    "&": "and", r"\backslash": r"\setminus", r"\langle": "(", r"\rangle": ")", r"\lceil": "ceil(", r"\rceil": ")ceil", r"\lfloor": "floor(",
    r"\rfloor": ")floor", r"\|": "|",
}  # fmt: skip
"""Commands and operators by the one name that the parser knows them by."""

RELATIONS = frozenset({"=", "!=", "<", "<=", ">", ">=", "in", "~"})

APPLIED = frozenset({"f", "g"})
"""Letters that are functions where a bracket follows; any other letter is multiplied with it."""
