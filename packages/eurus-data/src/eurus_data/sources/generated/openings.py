"""The kinds that a story may open with: they need no amount before them."""

from __future__ import annotations

from eurus_data.sources.generated import operands
from eurus_data.sources.generated.kind import HOLDS, Kind
from eurus_data.sources.generated.worlds import Wording

OPENINGS = (
    Kind(
        "groups",
        "opens",
        lambda rng, v: (rng.randint(2, 9), rng.randint(3, 12)),
        lambda v, n: n[0] * n[1],
        code="{a} * {b}",
        variable="{things}",
        note="multiply {a} by {b}",
        wording=Wording(
            (
                "{name} {has} {a} {containers} with {b} {things} each.",
                "{name} {has} {a} {containers} of {b} {things}.",
            ),
            HOLDS,
        ),
    ),
    Kind(
        "rate",
        "opens",
        lambda rng, v: (rng.randint(3, 15), rng.randint(2, 9)),
        lambda v, n: n[0] * n[1],
        code="{a} * {b}",
        variable="{things}",
        note="multiply {a} by {b}",
        wording=Wording(
            ("{name} {gains} {a} {things} a day for {b} days.", "For {b} days {name} {gains} {a} {things} a day."),
            HOLDS,
        ),
    ),
    Kind(
        "weeks",
        "opens",
        lambda rng, v: (rng.randint(2, 9), rng.randint(2, 6)),
        lambda v, n: n[0] * 7 * n[1],
        code="{a} * 7 * {b}",
        variable="{things}",
        note="multiply {a} by 7 days and {b} weeks",
        wording=Wording(("{name} {gains} {a} {things} a day for {b} weeks.",), HOLDS),
    ),
    Kind(
        "dozens",
        "opens",
        operands.between(2, 12),
        lambda v, n: n[0] * 12,
        code="{a} * 12",
        variable="{things}",
        note="multiply {a} dozen by 12",
        wording=Wording(("{name} {has} {a} dozen {things}.",), HOLDS),
    ),
    Kind(
        "ratio",
        "opens",
        operands.ratio,
        lambda v, n: n[2] * n[0] // (n[0] + n[1]),
        code="{c} * {a} // ({a} + {b})",
        variable="{things}",
        note="take {a} of {a} + {b} parts",
        wording=Wording(("{name} and {other} share {c} {things} in the ratio {a} to {b}.",), HOLDS),
        meets=True,
    ),
)
