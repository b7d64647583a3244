"""The math grader: reading answers in LaTeX, plain text and Python's printing, and telling whether two are the same."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_data.graders.math.compare import equivalent as equivalent
    from eurus_data.graders.math.grader import MathGrader as MathGrader
    from eurus_data.graders.math.keys import key as key

__getattr__, __all__ = exports(
    __name__,
    {
        "compare": ["equivalent"],
        "grader": ["MathGrader"],
        "keys": ["key"],
    },
)
