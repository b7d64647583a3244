"""The kinds that end a story: what is shared out, packed, or paid for."""

from __future__ import annotations

from eurus_data.sources.generated import operands
from eurus_data.sources.generated.kind import Kind
from eurus_data.sources.generated.worlds import Wording

ENDINGS = (
    Kind(
        "share",
        "closes",
        operands.divisor,
        lambda v, n: v // n[0],
        code="{v} // {a}",
        variable="each",
        note="divide by {a}",
        wording=Wording(
            (
                "{they} puts them equally into {a} {containers}.",
                "{they} splits them equally over {a} {containers}.",
            ),
            "How many {things} are in each {container}?",
        ),
    ),
    Kind(
        "pack",
        "closes",
        operands.divisor,
        lambda v, n: v // n[0],
        code="{v} // {a}",
        variable="{containers}",
        note="divide by {a}",
        wording=Wording(
            ("{they} packs them into {containers} of {a}.", "{they} puts {a} into each {container}."),
            "How many {containers} does {name} fill?",
        ),
    ),
    Kind(
        "remainder",
        "closes",
        operands.divisor_with_rest,
        lambda v, n: v % n[0],
        code="{v} % {a}",
        variable="rest",
        note="remainder by {a}",
        wording=Wording(("{they} fills as many {containers} of {a} as possible.",), "How many {things} are left over?"),
    ),
    Kind(
        "price",
        "closes",
        operands.between(2, 9),
        lambda v, n: v * n[0],
        code="{v} * {a}",
        variable="cost",
        note="multiply by {a}",
        wording=Wording(
            ("Each of them costs {a} dollars.", "They cost {a} dollars each."),
            "How many dollars do {name}'s {things} cost?",
        ),
    ),
    Kind(
        "revenue",
        "closes",
        operands.between(2, 9),
        lambda v, n: v * n[0],
        code="{v} * {a}",
        variable="income",
        note="multiply by {a}",
        wording=Wording(("{they} sells them for {a} dollars each.",), "How many dollars does {name} get?"),
    ),
    Kind(
        "change",
        "closes",
        operands.banknote,
        lambda v, n: n[0] - v,
        code="{a} - {v}",
        variable="change",
        note="subtract from {a}",
        wording=Wording(("{name} pays for all of them with {a} dollars.",), "How many dollars does {name} get back?"),
        after="price",
    ),
)
