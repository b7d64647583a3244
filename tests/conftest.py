"""What all tests share: where the public data lies, and a seeded hypothesis."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs deaf to Ctrl-C, and what they start, too: tests of Ctrl-C would wait in vain.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("eurus", deadline=None, derandomize=True)
settings.load_profile("eurus")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give long tests an hour. No test waits for ever: what hangs fails and names the line."""
    for item in items:
        if item.get_closest_marker("timeout") is None and any(map(item.get_closest_marker, ("slow", "gpu"))):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Return the folder of public data; skip where it is missing."""
    folder = Path(os.environ.get("EURUS_REALDATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no public data at {folder}; set EURUS_REALDATA")
    return folder
