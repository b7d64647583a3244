"""Graders: whether an answer is right, by which rule, and why. Model text is never evaluated in this process."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_graders.answers import AnswerGrader as AnswerGrader
    from eurus_graders.choice import ChoiceGrader as ChoiceGrader
    from eurus_graders.code import CodeGrader as CodeGrader
    from eurus_graders.grading import grade as grade
    from eurus_graders.judge import JudgeGrader as JudgeGrader
    from eurus_graders.math.equal.compare import equivalent as equivalent
    from eurus_graders.math.grader import MathGrader as MathGrader
    from eurus_graders.math.states import states as states
    from eurus_graders.text import TextGrader as TextGrader

__getattr__, __all__ = exports(
    __name__,
    {
        "answers": ["AnswerGrader"],
        "choice": ["ChoiceGrader"],
        "code": ["CodeGrader"],
        "grading": ["grade"],
        "judge": ["JudgeGrader"],
        "math.equal.compare": ["equivalent"],
        "math.grader": ["MathGrader"],
        "math.states": ["states"],
        "text": ["TextGrader"],
    },
)
