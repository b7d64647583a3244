"""From a recipe to a folder of results: recipes and their layers, the plan, and the run that carries it out."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_core.runs.folder import stage_folders as stage_folders
    from eurus_core.runs.planning import Plan as Plan
    from eurus_core.runs.planning import Step as Step
    from eurus_core.runs.planning import plan as plan
    from eurus_core.runs.recipes import Recipe as Recipe
    from eurus_core.runs.run import Run as Run

__getattr__, __all__ = exports(
    __name__, {"folder": ["stage_folders"], "planning": ["Plan", "Step", "plan"], "recipes": ["Recipe"], "run": ["Run"]}
)
