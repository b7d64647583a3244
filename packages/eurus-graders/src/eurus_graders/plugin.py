"""What eurus-graders offers."""

from collections.abc import Iterable

from eurus_core import Component, hookimpl


@hookimpl
def eurus_commands() -> Iterable[Component]:
    yield Component("grade", "eurus_graders.command:grade", "Judge predictions against references.")


@hookimpl
def eurus_graders() -> Iterable[Component]:
    yield Component("math", "eurus_graders.math:MathGrader", "Compares numbers and expressions by value.")
    yield Component("code", "eurus_graders.code:CodeGrader", "Runs a program on its tests, confined.")
    yield Component("choice", "eurus_graders.choice:ChoiceGrader", "Reads which lettered option was picked.")
    yield Component("text", "eurus_graders.text:TextGrader", "Compares normalised words, numbers and dates.")
    yield Component("judge", "eurus_graders.judge:JudgeGrader", "Asks a model; its verdicts are marked as such.")
