"""What eurus-data offers."""

from collections.abc import Iterable

from eurus_core import Component, RunOption, hookimpl


@hookimpl
def eurus_commands() -> Iterable[Component]:
    yield Component("data", "eurus_data.commands:data", "Grow preference trees and look at them.")
    yield Component(
        "sandbox", "eurus_data.sandbox.command:sandbox", "Show what confines model code; run a program in it."
    )
    yield Component("grade", "eurus_data.graders.command:grade", "Judge predictions against references.")


@hookimpl
def eurus_run_options() -> Iterable[RunOption]:
    yield RunOption(
        "--sandbox-min",
        "minimum_tier",
        ("T0", "T1", "T2", "T3"),
        "The lowest sandbox tier in which model code may run; see eurus sandbox doctor. Default: the recipe's, else T2.",
    )


@hookimpl
def eurus_stages() -> Iterable[Component]:
    yield Component("grow", "eurus_data.grow:Grow", "Grow one preference tree per problem.")


@hookimpl
def eurus_sources() -> Iterable[Component]:
    yield Component("arithmetic", "eurus_data.sources.arithmetic:Arithmetic", "Generated word problems, levels 1 to 5.")
    yield Component("gsm8k", "eurus_data.sources.gsm8k:GSM8K", "Grade-school math, from its published files.")
    yield Component("math", "eurus_data.sources.math:MATH", "Competition math, from its published files.")
    yield Component("jsonl", "eurus_data.sources.jsonl:JSONL", "Your own problems, one per line.")


@hookimpl
def eurus_tools() -> Iterable[Component]:
    yield Component("python", "eurus_data.tools.python:PythonTool", "A stateful, confined Python interpreter.")


@hookimpl
def eurus_functions() -> Iterable[Component]:
    yield Component(
        "wikipedia_search",
        "eurus_data.tools.wikipedia:WikipediaSearch",
        "Searches Wikipedia, or a corpus in its place.",
    )


@hookimpl
def eurus_graders() -> Iterable[Component]:
    yield Component("math", "eurus_data.graders.math:MathGrader", "Compares numbers and expressions by value.")
    yield Component("code", "eurus_data.graders.code:CodeGrader", "Runs a program on its tests, confined.")
    yield Component("choice", "eurus_data.graders.choice:ChoiceGrader", "Reads which lettered option was picked.")
    yield Component("text", "eurus_data.graders.text:TextGrader", "Compares normalised words, numbers and dates.")
    yield Component("judge", "eurus_data.graders.judge:JudgeGrader", "Asks a model; its verdicts are marked as such.")


@hookimpl
def eurus_critics() -> Iterable[Component]:
    yield Component("rules", "eurus_data.critics.rules:RuleCritic", "Reads the observation and says what is wrong.")
    yield Component("model", "eurus_data.critics.model:ModelCritic", "Asks a model behind any backend.")


@hookimpl
def eurus_backends() -> Iterable[Component]:
    yield Component("reference", "eurus_data.assist.reference:ReferenceBackend", "Writes actions from ground truth.")
