"""What eurus-eval offers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from eurus_core import Component, hookimpl

if TYPE_CHECKING:
    from eurus_core.runs import Run


@hookimpl
def eurus_stages() -> Iterable[Component]:
    yield Component(
        "evaluate", "eurus_eval.stages.evaluate:Evaluate", "Ask a model the problems and grade its answers."
    )
    yield Component("compare", "eurus_eval.stages.compare:Compare", "Compare evaluations of the same problems, paired.")
    yield Component(
        "best-of-n", "eurus_eval.stages.best_of_n:BestOfN", "Pick one of N samples: random, majority, scorer, oracle."
    )


@hookimpl
def eurus_commands() -> Iterable[Component]:
    yield Component("report", "eurus_eval.commands:report", "Render a run's report.html again.")


@hookimpl
def eurus_recipes() -> Iterable[Component]:
    yield Component(
        "demo", "eurus_eval:recipes/demo.toml", "From word problems to a better policy, in about 15 minutes."
    )
    yield Component("demo-full", "eurus_eval:recipes/demo-full.toml", "Three objectives, two reward losses, best of 8.")
    yield Component(
        "answers-only", "eurus_eval:recipes/answers-only.toml", "As demo, for problems that have only answers."
    )


@hookimpl
def eurus_run_finished(run: Run, failed: bool) -> Path | None:
    """Write ``report.html`` of whatever finished; a run that broke off says so on it."""
    from eurus_eval.report.page import write_page

    return write_page(run.folder)
