"""What eurus-sandbox offers."""

from collections.abc import Iterable

from eurus_core import Component, RunOption, hookimpl


@hookimpl
def eurus_commands() -> Iterable[Component]:
    yield Component("sandbox", "eurus_sandbox.command:sandbox", "Show what confines model code; run a program in it.")


@hookimpl
def eurus_run_options() -> Iterable[RunOption]:
    yield RunOption(
        "--sandbox-min",
        "minimum_tier",
        ("T0", "T1", "T2", "T3"),
        "The lowest sandbox tier in which model code may run; see eurus sandbox doctor. Default: the recipe's, else T2.",
    )


@hookimpl
def eurus_tools() -> Iterable[Component]:
    yield Component("python", "eurus_sandbox.tool:PythonTool", "A stateful, confined Python interpreter.")
