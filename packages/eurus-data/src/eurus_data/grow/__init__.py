"""Growing preference trees: the ladder of actors, one tree, and the stage that grows many."""

from eurus_data.grow.ladder import Rung
from eurus_data.grow.stage import Grow
from eurus_data.grow.tree import Limits, Opened, grow_tree

__all__ = ["Grow", "Limits", "Opened", "Rung", "grow_tree"]
