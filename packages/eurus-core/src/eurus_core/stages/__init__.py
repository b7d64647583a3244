"""What a stage is given and what it leaves: its context, the blocks of its report, its progress."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_core.stages.context import PLACES as PLACES
    from eurus_core.stages.context import Artefact as Artefact
    from eurus_core.stages.context import Context as Context
    from eurus_core.stages.progress import Progress as Progress
    from eurus_core.stages.report import StageReport as StageReport

__getattr__, __all__ = exports(
    __name__,
    {"context": ["PLACES", "Artefact", "Context"], "progress": ["Progress"], "report": ["StageReport"]},
)
