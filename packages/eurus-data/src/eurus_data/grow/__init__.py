"""Growing preference trees: the ladder of actors, how one tree grows, and the stage that grows many."""

from eurus_data.grow.ladder import Rung
from eurus_data.grow.stage import Grow

__all__ = ["Grow", "Rung"]
