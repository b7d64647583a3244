"""What eurus-data offers."""

from collections.abc import Iterable

from eurus_core import Component, hookimpl


@hookimpl
def eurus_commands() -> Iterable[Component]:
    yield Component("data", "eurus_data.commands:data", "Grow preference trees and look at them.")


@hookimpl
def eurus_stages() -> Iterable[Component]:
    yield Component("grow", "eurus_data.grow:Grow", "Grow one preference tree per problem.")


@hookimpl
def eurus_sources() -> Iterable[Component]:
    yield Component(
        "arithmetic", "eurus_data.sources.generated.arithmetic:Arithmetic", "Generated word problems, levels 1 to 5."
    )
    yield Component("gsm8k", "eurus_data.sources.gsm8k:GSM8K", "Grade-school math, from its published files.")
    yield Component("math", "eurus_data.sources.math:MATH", "Competition math, from its published files.")
    yield Component("jsonl", "eurus_data.sources.jsonl:JSONL", "Your own problems, one per line.")


@hookimpl
def eurus_functions() -> Iterable[Component]:
    yield Component(
        "wikipedia_search",
        "eurus_data.functions.wikipedia:WikipediaSearch",
        "Searches Wikipedia, or a corpus in its place.",
    )


@hookimpl
def eurus_critics() -> Iterable[Component]:
    yield Component("rules", "eurus_data.critics.rules:RuleCritic", "Reads the observation and says what is wrong.")
    yield Component("model", "eurus_data.critics.model:ModelCritic", "Asks a model behind any backend.")


@hookimpl
def eurus_backends() -> Iterable[Component]:
    yield Component("reference", "eurus_data.assist.reference:ReferenceBackend", "Writes actions from ground truth.")
