"""The words of generated problems: who has what, how it is gained and lost, and what it is packed in.

A world gives the nouns and verbs; :mod:`eurus_data.sources.generated.kinds` gives the arithmetic and the sentences around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Subject:
    """Who has the things. ``pronoun`` opens a later sentence about the same subject; ``owns`` is False for vehicles and vessels."""

    name: str
    pronoun: str
    owns: bool = True


@dataclass(frozen=True, slots=True)
class Wording:
    """Sentences of one kind of operation, and the question that asks for its result."""

    sentences: tuple[str, ...]
    question: str


@dataclass(frozen=True, slots=True)
class World:
    """A setting. ``subjects`` are two groups whose pronouns cannot be confused: a comparison crosses from one to the other."""

    name: str
    things: tuple[str, ...]
    gains: tuple[str, ...]
    loses: tuple[str, ...]
    subjects: tuple[tuple[Subject, ...], tuple[Subject, ...]]
    containers: tuple[tuple[str, str], ...] = ()  # singular, plural
    has: str = "has"
    have: str = "have"
    without: frozenset[str] = frozenset()  # kinds that make no sense here
    wording: Mapping[str, Wording] = field(default_factory=dict)  # by kind, where the common sentences do not fit


WOMEN = tuple(
    Subject(name, "she")
    for name in ("Mia", "Anna", "Lena", "Sara", "Emma", "Nora", "Ruth", "Ella", "Jane", "Lucy", "Maya", "Rosa")
)
MEN = tuple(
    Subject(name, "he")
    for name in ("Tom", "Ben", "Sam", "Max", "Leo", "Paul", "Adam", "Luke", "Jack", "Omar", "Ivan", "Noah")
)
BUSES = (
    tuple(Subject(f"the {colour} bus", "the bus", owns=False) for colour in ("red", "green", "black", "short", "late")),
    tuple(
        Subject(f"the {colour} tram", "the tram", owns=False) for colour in ("blue", "white", "brown", "long", "early")
    ),
)
TANKS = (
    tuple(Subject(f"the {size} tank", "the tank", owns=False) for size in ("big", "round", "new", "gray", "tall")),
    tuple(
        Subject(f"the {size} barrel", "the barrel", owns=False) for size in ("old", "small", "low", "wooden", "blue")
    ),
)

PACKING = frozenset({"share", "pack", "remainder"})
TRADE = frozenset({"price", "revenue", "change"})

WORLDS: dict[str, World] = {
    world.name: world
    for world in (
        World(
            "toys",
            things=("marbles", "stickers", "cards", "shells", "beads", "stamps", "blocks", "coins"),
            gains=("finds", "buys", "gets"),
            loses=("gives away", "loses", "trades away"),
            subjects=(WOMEN, MEN),
            containers=(("bag", "bags"), ("box", "boxes"), ("jar", "jars")),
        ),
        World(
            "bakery",
            things=("muffins", "cookies", "rolls", "pies", "cakes", "buns"),
            gains=("bakes", "makes"),
            loses=("sells", "gives away", "drops"),
            subjects=(WOMEN, MEN),
            containers=(("tray", "trays"), ("box", "boxes"), ("bag", "bags")),
        ),
        World(
            "garden",
            things=("apples", "pears", "plums", "tomatoes", "carrots", "roses", "lemons"),
            gains=("picks", "gathers", "buys"),
            loses=("gives away", "sells", "uses"),
            subjects=(WOMEN, MEN),
            containers=(("basket", "baskets"), ("crate", "crates"), ("bowl", "bowls")),
        ),
        World(
            "school",
            things=("pencils", "pens", "books", "crayons", "erasers", "folders"),
            gains=("buys", "gets", "collects"),
            loses=("lends out", "gives away", "loses"),
            subjects=(WOMEN, MEN),
            containers=(("drawer", "drawers"), ("box", "boxes"), ("shelf", "shelves")),
        ),
        World(
            "savings",
            things=("dollars",),
            gains=("earns", "saves", "gets"),
            loses=("spends", "pays", "gives away"),
            subjects=(WOMEN, MEN),
            without=TRADE | {"groups", "dozens", "pack", "remainder"},
            wording={
                "share": Wording(
                    ("{they} splits the money equally among {a} friends.",), "How many dollars does each friend get?"
                ),
            },
        ),
        World(
            "bus",
            things=("passengers", "tourists", "students"),
            gains=("picks up", "takes on"),
            loses=("drops off", "lets out"),
            subjects=BUSES,
            containers=(("row", "rows"),),
            has="carries",
            have="carry",
            without=PACKING | TRADE | {"rate", "weeks", "dozens", "average"},
        ),
        World(
            "tank",
            things=("liters", "gallons"),
            gains=("takes in", "gains"),
            loses=("loses", "leaks"),
            subjects=TANKS,
            has="holds",
            have="hold",
            without=PACKING | TRADE | {"groups", "dozens"},
        ),
    )
}
