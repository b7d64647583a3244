"""Graders: whether an answer is right, by which rule, and why. Model text is never evaluated in this process."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_data.graders.answers import AnswerGrader as AnswerGrader
    from eurus_data.graders.choice import ChoiceGrader as ChoiceGrader
    from eurus_data.graders.code import CodeGrader as CodeGrader
    from eurus_data.graders.grading import grade as grade
    from eurus_data.graders.judge import JudgeGrader as JudgeGrader
    from eurus_data.graders.math import MathGrader as MathGrader
    from eurus_data.graders.math import equivalent as equivalent
    from eurus_data.graders.text import TextGrader as TextGrader

__getattr__, __all__ = exports(
    __name__,
    {
        "answers": ["AnswerGrader"],
        "choice": ["ChoiceGrader"],
        "code": ["CodeGrader"],
        "grading": ["grade"],
        "judge": ["JudgeGrader"],
        "math": ["MathGrader", "equivalent"],
        "text": ["TextGrader"],
    },
)
