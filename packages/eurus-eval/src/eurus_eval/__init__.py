"""Judging: accuracy with intervals, paired tests, best-of-N, and the page that shows a run."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_eval.report.page import write_page as write_page
    from eurus_eval.samples import by_problem as by_problem
    from eurus_eval.samples import read_samples as read_samples
    from eurus_eval.samples import write_samples as write_samples
    from eurus_eval.stages.best_of_n import BestOfN as BestOfN
    from eurus_eval.stages.compare import Compare as Compare
    from eurus_eval.stages.evaluate import Evaluate as Evaluate

__getattr__, __all__ = exports(
    __name__,
    {
        "report.page": ["write_page"],
        "samples": ["by_problem", "read_samples", "write_samples"],
        "stages.best_of_n": ["BestOfN"],
        "stages.compare": ["Compare"],
        "stages.evaluate": ["Evaluate"],
    },
)
