"""A sandbox where the machine gives less than it needs: each time an error that says so, and nothing left open."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eurus_sandbox import Sandbox, SandboxError, server

PROGRAM, TESTS = "print(int(input()) + 1)", [("1", "2")]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def room_for(files: int) -> Iterator[None]:
    """Let this process open so many files and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    fillers = []
    try:
        while True:
            try:
                fillers.append(os.dup(0))
            except OSError:
                break
        for filler in fillers[:files]:
            os.close(filler)
        yield
    finally:
        for filler in fillers[files:]:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_where_no_file_can_be_opened_a_judgement_says_so_and_leaves_none_open() -> None:
    with Sandbox(preload=()) as sandbox:
        assert sandbox.check_stdio(PROGRAM, TESTS).correct
        before = descriptors()
        for files in range(6):  # what it reads; two ends of its control, two of its output; its handle
            with room_for(files), pytest.raises(SandboxError, match="may open no more files"):
                sandbox.check_stdio(PROGRAM, TESTS)
            assert descriptors() == before
        with room_for(6):
            assert sandbox.check_stdio(PROGRAM, TESTS).correct
        assert descriptors() == before


def test_where_no_file_can_be_opened_a_session_says_so_and_goes_on_later() -> None:
    with Sandbox(preload=()) as sandbox, sandbox.session() as session:
        before = descriptors()
        for files in range(5):
            with room_for(files), pytest.raises(SandboxError, match="may open no more files"):
                session.run("1")
            assert descriptors() == before
        assert session.run("1 + 1").text == "Out: 2"


def test_a_zygote_that_never_gets_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_module_that_hangs.py").write_text("import time\ntime.sleep(600)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(server, "START_SECONDS", 0.5)
    before, started = descriptors(), time.monotonic()
    with (
        pytest.raises(SandboxError, match=r"not ready after 0\.5 s\. It imports a_module_that_hangs: .* Set preload"),
        Sandbox(preload=("a_module_that_hangs",)),
    ):
        pass
    assert time.monotonic() - started < 300
    assert descriptors() == before
