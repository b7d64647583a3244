"""The kinds of operation by name, in the order of a story: a draw by seed depends on it."""

from __future__ import annotations

from eurus_data.sources.generated.changes import CHANGES
from eurus_data.sources.generated.endings import ENDINGS
from eurus_data.sources.generated.kind import Kind
from eurus_data.sources.generated.openings import OPENINGS

KINDS: dict[str, Kind] = {kind.name: kind for kind in (*OPENINGS, *CHANGES, *ENDINGS)}
