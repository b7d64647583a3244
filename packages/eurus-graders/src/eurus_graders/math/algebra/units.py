"""Units of measurement: which are the same, which convert, which differ.

Units are compared, never deleted: a grader that deletes "mile" calls ``smile`` and ``s`` the same answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

Dimensions = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: ``factor`` turns a value into the base units of its ``dimensions`` (angles: degrees).

    A noun that is no known unit (``apples``) is a dimension of its own.
    """

    name: str
    factor: Fraction
    dimensions: Dimensions


_Entry = tuple[Fraction, str, int]
"""Factor, dimension and exponent of one name."""


def _words() -> dict[str, _Entry]:
    """Return names in any case -> what they measure."""
    written = {
        "length": "m meter metre=1; km kilometer kilometre=1000; cm centimeter centimetre=1/100; dm=1/10; mm millimeter "
        "millimetre=1/1000; nanometer nanometre=1/1000000000; micron micrometer micrometre=1/1000000; in inch inches=127/5000; "
        "ft foot feet=381/1250; yd yard=1143/1250; mi mile=201168/125",
        "mass": "kg kilogram kilo=1; g gram gm=1/1000; mg milligram=1/1000000; t tonne=1000; lb pound=45359237/100000000; "
        "oz ounce=45359237/1600000000",
        "time": "s sec second=1; ms millisecond=1/1000; min minute=60; h hr hour=3600; day=86400; week=604800; year yr=31557600; "
        "month=2629800; decade=315576000; century centuries=3155760000",
        "money": "dollar usd buck=1; cent=1/100",
        "yuan": "yuan rmb=1",
        "euro": "euro eur=1",
        "sterling": "gbp=1; pence=1/100",
        "rupee": "rupee rs=1",
        "yen": "yen jpy=1",
        "angle": "degree deg=1",
        "data": "bit=1; byte=8; kb=8000; mb=8000000; gb=8000000000; tb=8000000000000",
        "morning": "am=1",
        "afternoon": "pm=1",
        "person": "people person persons man men=1",
        "force": "n newton=1",
        "energy": "j joule=1; kj kilojoule=1000; cal calorie=523/125; kcal=523000/125; kwh=3600000",
        "power": "w watt=1; kw kilowatt=1000; megawatt=1000000",
        "voltage": "v volt=1",
        "current": "amp ampere=1",
        "charge": "coulomb=1",
        "resistance": "ohm=1",
        "capacitance": "farad=1",
        "magnetism": "tesla=1",
        "temperature": "kelvin=1",
        "celsius": "celsius=1",
        "fahrenheit": "fahrenheit=1",
        "frequency": "hz hertz=1; khz=1000; mhz=1000000",
        "pressure": "pascal=1; atm=101325",
        "amount": "mol mole=1",
        "speed": "mph=100584/225000; kph kmph kmh kmhr=5/18",
    }
    table: dict[str, _Entry] = {}
    for dimension, groups in written.items():
        for group in groups.split(";"):
            names, factor = group.split("=")
            for name in names.split():
                table[name] = (Fraction(factor), dimension, 1)
    litre = Fraction(1, 1000)
    volumes = {
        "l liter litre": litre,
        "ml milliliter millilitre cc": litre / 1000,
        "gallon gal": litre * Fraction("3.785411784"),
        "quart qt": litre * Fraction("0.946352946"),
        "pint pt": litre * Fraction("0.473176473"),
        "cup": litre * Fraction("0.2365882365"),
    }
    for names, volume in volumes.items():
        for name in names.split():
            table[name] = (volume, "length", 3)
    table["mpg"] = (Fraction("1609.344") / volumes["gallon gal"], "length", -2)
    table["acre"] = (Fraction("4046.8564224"), "length", 2)
    table["hectare"] = (Fraction(10000), "length", 2)
    return table


def _symbols() -> dict[str, _Entry]:
    """Return the symbols whose case counts, with their prefixes: mW is no MW."""
    bases: dict[str, _Entry] = {
        "m": (Fraction(1), "length", 1), "g": (Fraction(1, 1000), "mass", 1), "s": (Fraction(1), "time", 1), "L": (Fraction(1, 1000), "length", 3),
        "A": (Fraction(1), "current", 1), "V": (Fraction(1), "voltage", 1), "W": (Fraction(1), "power", 1), "J": (Fraction(1), "energy", 1),
        "N": (Fraction(1), "force", 1), "Pa": (Fraction(1), "pressure", 1), "Hz": (Fraction(1), "frequency", 1), "C": (Fraction(1), "charge", 1),
        "K": (Fraction(1), "temperature", 1), "F": (Fraction(1), "capacitance", 1), "T": (Fraction(1), "magnetism", 1), "mol": (Fraction(1), "amount", 1),
        "ohm": (Fraction(1), "resistance", 1), "eV": (Fraction("1.602176634e-19"), "energy", 1),
    }  # fmt: skip
    prefixes = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9}
    table: dict[str, _Entry] = {"Nm": (Fraction(1), "energy", 1)}
    for base, (factor, dimension, exponent) in bases.items():
        for prefix, power in prefixes.items():
            table[prefix + base] = (factor * Fraction(10) ** power, dimension, exponent)
    return table


_WORDS, _SYMBOLS = _words(), _symbols()
_DERIVED = {
    "speed": [("length", 1), ("time", -1)],
    "frequency": [("time", -1)],
    "force": [("mass", 1), ("length", 1), ("time", -2)],
    "pressure": [("mass", 1), ("length", -1), ("time", -2)],
    "energy": [("mass", 1), ("length", 2), ("time", -2)],
    "power": [("mass", 1), ("length", 2), ("time", -3)],
    "charge": [("current", 1), ("time", 1)],
    "voltage": [("mass", 1), ("length", 2), ("time", -3), ("current", -1)],
    "resistance": [("mass", 1), ("length", 2), ("time", -3), ("current", -2)],
}
"""Dimensions that are products of others; their units' factors are in kilograms, metres, seconds and amperes."""
_AMBIGUOUS = frozenset({"in", "s", "m", "g", "h", "t", "l", "n", "j", "w", "v", "rs", "a", "c", "k", "f", "pa"})
"""Units that are also variables or words: units only where a space and nothing but the answer's end surrounds them."""

_MODIFIERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}

_PRODUCT = re.compile(r"\\(?:cdot|times)")
_FACTOR = re.compile(r"([A-Za-z]+)\s*(?:(?:\^|\*\*)?\s*[({]?\s*(-?\d{1,2})\s*[)}]?)?")


def known(name: str) -> bool:
    """Return whether a word is a unit and cannot be mistaken for a product of variables."""
    return name.lower() in _MODIFIERS or (_lookup(name) is not None and name.lower() not in _AMBIGUOUS)


def possible(name: str) -> bool:
    """Return whether a word may be a unit where it stands after a number and a space."""
    return _lookup(name) is not None


def _lookup(name: str) -> _Entry | None:
    found, word = _SYMBOLS.get(name), name.lower()
    if found is not None or (len(word) == 1 and name.isupper()):
        return found
    return _WORDS.get(word) or (_WORDS.get(word[:-1]) if len(word) > 2 and word.endswith("s") else None)


@lru_cache(maxsize=1024)
def read(text: str) -> Unit:
    """Return the unit that words such as ``cm^2``, ``miles per hour``, ``square feet`` or ``apples`` mean."""
    name = " ".join(_PRODUCT.sub("*", text).replace("\\", "").replace(".", " ").split())
    factor, dimensions = Fraction(1), dict[str, int]()
    sign, power = 1, 1
    rest = name
    while rest:
        rest = rest.lstrip(" *")
        if rest.startswith("/"):
            sign, rest = -1, rest[1:]
            continue
        found = _FACTOR.match(rest)
        if found is None:
            return Unit(name, Fraction(1), ((name.lower(), 1),))
        word, rest = found.group(1), rest[found.end() :]
        lowered = word.lower()
        if word in ("per", "each", "an", "a", "of") or lowered in _MODIFIERS:
            if word == "per":
                sign = -1
            power = _MODIFIERS.get(lowered, power)
            continue
        exponent = int(found.group(2) or power) * sign
        one = _lookup(word)
        if one is None:
            # A plural and its singular are one noun.
            one = (Fraction(1), lowered[:-1] if len(lowered) > 3 and lowered.endswith("s") else lowered, 1)
        parts = _DERIVED.get(one[1], [(one[1], one[2])])
        if abs(exponent) > 12:
            return Unit(name, Fraction(1), ((name.lower(), 1),))
        factor *= one[0] ** exponent
        for dimension, times in parts:
            dimensions[dimension] = dimensions.get(dimension, 0) + times * exponent
        power = 1
    return Unit(name, factor, tuple(sorted((d, n) for d, n in dimensions.items() if n)))


def modulus(name: str) -> Unit:
    """Return the modulus of a residue, which is compared as units are."""
    return Unit(f"mod {name}", Fraction(1), ((f"modulo {name}", 1),))


def measures(unit: Unit) -> bool:
    """Return whether a unit is one of the table's, by its own name, so that it may begin ``1 hour 30 minutes``."""
    return _lookup(unit.name) is not None


DEGREE = read("degree")
DOLLAR = read("dollar")
EURO = read("euro")
POUND_STERLING = read("gbp")
RUPEE = read("rupee")
