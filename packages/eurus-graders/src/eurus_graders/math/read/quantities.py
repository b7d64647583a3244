"""Values with what stands around them: a currency before, a unit or a modulus behind, a second unit after that."""

from __future__ import annotations

from fractions import Fraction

from eurus_graders.math.algebra import units
from eurus_graders.math.algebra.terms import Apply, Number, Quantity, Ratio, Symbol, Term, show, symbols, walk
from eurus_graders.math.errors import Unreadable
from eurus_graders.math.read import atoms, languages, names
from eurus_graders.math.read.grammar import Grammar

CURRENCIES = {"$": units.DOLLAR, "€": units.EURO, "£": units.POUND_STERLING, "¥": units.read("yen"), "₹": units.RUPEE}
_HALF_DAYS = {units.read("am").dimensions: 0, units.read("pm").dimensions: 12}
_TIME = units.read("hour").dimensions
_OF_UNITS = ("/", "^", "**", "{", "}", "*", "\\cdot", "\\times")
_MOST_PARTS = 3
"""Of 1 hour 2 minutes 3 seconds."""
_RESIDUES = ("\\pmod", "\\mod")


def measured(parser: Grammar) -> Term:
    """Return one side of a relation, with the currency before it, or the unit or the modulus behind it."""
    currency = parser.accept(*CURRENCIES)
    value = parser.union()
    if currency:
        value = Quantity(value, CURRENCIES[currency])
        if parser.token.text in ("per", "each", "/", "a", "an"):
            rate = _with_unit(parser, value.value)
            return (
                Quantity(value.value, units.read(f"{value.unit.name} {rate.unit.name}"))
                if isinstance(rate, Quantity)
                else value
            )
        if parser.token.kind == "name" and units.read(parser.token.text) == CURRENCIES[currency]:
            parser.at += 1  # "$5 dollars"
        return value
    behind = parser.accept(*CURRENCIES)
    if behind:
        return Quantity(value, CURRENCIES[behind])
    if parser.accept(*_RESIDUES):
        # A residue is compared as a quantity is, its modulus in the place of the unit: 5 (mod 7) equals 5, but not 5 (mod 8).
        return Quantity(value, units.modulus(show(parser.argument())))
    return _compound(parser, _with_unit(parser, value))


def _with_unit(parser: Grammar, value: Term) -> Term:
    """Return the value with the unit behind it, where there is one."""
    start = parser.at
    if parser.letters or isinstance(value, Quantity) or not (_word(parser) or rate_follows(parser)):
        return value
    while (
        _word(parser)
        or parser.operator() in ("/", "^", "*", "{", "}", "(", ")")
        or (parser.token.kind == "number" and parser.operator(-1) in ("^", "{", "-"))
        or (parser.token.text in ("2", "3") and parser.operator(1) == "" and parser.tokens[parser.at + 1].kind == "end")
        or (parser.operator() == "-" and parser.operator(-1) in ("^", "{"))
    ):
        if parser.operator() in (")", "}") and not any(t.text in ("(", "{") for t in parser.tokens[start : parser.at]):
            break
        parser.at += 1
    text = parser.text[parser.tokens[start].start : parser.tokens[parser.at - 1].end]
    if languages.changes(text):
        raise Unreadable(f"{text!r} makes another number of the one before it")
    if len(text) == 1 and symbols(value):
        raise Unreadable(f"{text!r} may be a variable, as there are others")
    return Quantity(value, units.read(text))


def _word(parser: Grammar) -> bool:
    return parser.token.kind == "name" and not parser.operator()


def _compound(parser: Grammar, first: Term) -> Term:
    """Return ``1 hour 30 minutes`` and ``2 ft 6 in`` as one quantity in the smaller unit."""
    total = first
    for _ in range(_MOST_PARTS):
        if not (isinstance(total, Quantity) and parser.token.kind == "number" and units.measures(total.unit)):
            break
        at = parser.at
        following = _with_unit(parser, parser.sum())
        if not (isinstance(following, Quantity) and following.unit.dimensions == total.unit.dimensions):
            parser.at = at
            break
        total = added(total, following)
    return total


def added(large: Quantity, small: Quantity) -> Quantity:
    scale = Number(large.unit.factor / small.unit.factor)
    return Quantity(Apply("+", (Apply("*", (large.value, scale)), small.value)), small.unit)


def joined(items: tuple[Term, ...], separators: set[str]) -> Term | None:
    """Return the sum of ``1 hour and 30 minutes`` or ``2 hours, 5 minutes``; None for a list of quantities that are apart."""
    if not separators <= {",", "and"}:
        return None
    total: Quantity | None = None
    for item in items:
        if not isinstance(item, Quantity) or not units.measures(item.unit):
            return None
        if total is None:
            total = item
        elif item.unit.dimensions == total.unit.dimensions and item.unit.factor < total.unit.factor:
            total = added(total, item)
        else:
            return None
    return total if total is not None and ("and" in separators or total.unit.dimensions == _TIME) else None


def unit_follows(parser: Grammar, factors: list[Term]) -> bool:
    """Whether the word at hand is a unit: only numbers before it, and it is no product of variables."""
    word = parser.token.text
    if parser.letters:
        return False
    if word in ("per", "each") or (parser.operator(-1) == "%" and len(word) > 1):  # 20% off
        return True
    if (
        any(isinstance(one, Symbol) for factor in factors for one in walk(factor))
        or (word in names.FUNCTIONS and (not units.possible(word) or parser.operator(1) == "("))
        or (word == "sec" and parser.tokens[parser.at + 1].kind in ("name", "command"))  # 2 sec x
        or word in names.CONSTANTS
        or word in names.MULTIPLIERS
        or word in names.CONSTRUCTORS
    ):
        return False
    if len(word) == 1 or not units.known(word):
        if units.possible(word):
            once = sum(token.text == word for token in parser.tokens) == 1
            return parser.token.spaced and once and _ends(parser) and (word not in "ACFKT" or all(map(_plain, factors)))
        return len(word) >= 4 and word not in names.GREEK and not atoms.begins_with_function(word)
    return True


def rate_follows(parser: Grammar) -> bool:
    """Whether a slash stands here before a unit: 5/hour."""
    unit = parser.tokens[min(parser.at + 1, len(parser.tokens) - 1)]
    priced = parser.operator(-2) in CURRENCIES if parser.at > 1 else False
    slash = parser.operator() == "/" and not parser.letters
    return slash and unit.kind == "name" and (priced or len(unit.text) > 2) and units.known(unit.text)


def _plain(factor: Term) -> bool:
    """Whether a factor is a number or a power of one: 300 K is a temperature, 3/4 K may be anything."""
    return all(
        isinstance(one, Number) or (isinstance(one, Apply) and one.function in ("^", "neg")) for one in walk(factor)
    )


def _ends(parser: Grammar) -> bool:
    """Whether nothing but units and their powers follow up to the answer's or the item's end: 3 n^2 + 1 is no force."""
    before = parser.token
    for token in parser.tokens[parser.at + 1 :]:
        if token.kind == "end" or token.text in (",", ";", "="):
            return True
        power = before.text in ("^", "**", "{")
        if not (token.kind in ("number", "name") or token.text in _OF_UNITS or (token.text == "-" and power)):
            return False
        before = token
    return True


def time(term: Term) -> tuple[Fraction, ...] | None:
    """Return a time of day by the clock of 24 hours: of ``5:30 PM``, ``6 pm`` or ``17:30``; None for anything else."""
    later = 0
    if isinstance(term, Quantity) and term.unit.dimensions in _HALF_DAYS:
        later = _HALF_DAYS[term.unit.dimensions]
        parts = term.value.parts if isinstance(term.value, Ratio) else (term.value,)
    elif isinstance(term, Ratio) and term.clock:
        parts = term.parts
    else:
        return None
    numbers = [part.value for part in parts if isinstance(part, Number) and not part.digits]
    if len(numbers) != len(parts) or len(numbers) > 3:
        return None
    hour, *rest = numbers
    if isinstance(term, Quantity):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + later
    return tuple([hour, *rest, Fraction(0), Fraction(0)][:3])
