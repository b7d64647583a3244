"""A pytest plugin for authors of plugins: contracts to subclass, ``assert_light``, and an isolated ``eurus``.

    from eurus_core.testing import SourceContract

    class TestMySource(SourceContract):
        def part(self):
            return MySource(path="tests/rows.jsonl")

Subclassing a contract runs what every part of that kind must do. Installed with eurus-core; pytest finds it by itself.
"""

import pytest

_ROOMS = ("command", "growing", "learning", "part", "reviewing", "running")
pytest.register_assert_rewrite(*(f"{__name__}.{room}" for room in _ROOMS))

from eurus_core.testing.command import assert_light, eurus  # noqa: E402 - asserts are rewritten at the first import
from eurus_core.testing.growing import FormatContract, GraderContract, SourceContract, ToolContract, judged  # noqa: E402
from eurus_core.testing.learning import BackendContract, ObjectiveContract, ScorerContract  # noqa: E402
from eurus_core.testing.part import PartContract  # noqa: E402
from eurus_core.testing.reviewing import CriticContract, FunctionContract  # noqa: E402
from eurus_core.testing.running import CommandContract, RecipeContract, StageContract  # noqa: E402

__all__ = [
    "BackendContract",
    "CommandContract",
    "CriticContract",
    "FormatContract",
    "FunctionContract",
    "GraderContract",
    "ObjectiveContract",
    "PartContract",
    "RecipeContract",
    "ScorerContract",
    "SourceContract",
    "StageContract",
    "ToolContract",
    "assert_light",
    "eurus",
    "judged",
]
