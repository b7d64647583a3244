"""Preference trees from published rows: UltraInteract's, TRL's, UltraFeedback's, and whatever plugins add."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_core.formats.reading import open_trees as open_trees
    from eurus_core.formats.reading import read_rows as read_rows

__getattr__, __all__ = exports(
    __name__,
    {
        "reading": ["open_trees", "read_rows"],
    },
)
