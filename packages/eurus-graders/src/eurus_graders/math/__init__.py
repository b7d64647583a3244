"""The math grader: reading answers in LaTeX, plain text and Python's printing, and telling whether two are the same."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_graders.math.equal.compare import equivalent as equivalent
    from eurus_graders.math.equal.keys import key as key
    from eurus_graders.math.grader import MathGrader as MathGrader

__getattr__, __all__ = exports(
    __name__,
    {
        "equal.compare": ["equivalent"],
        "equal.keys": ["key"],
        "grader": ["MathGrader"],
    },
)
