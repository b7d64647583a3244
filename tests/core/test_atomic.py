"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from eurus_core.files.atomic import whole


def test_a_file_takes_its_name_when_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    with whole(file) as partial:
        partial.write_text("new")
        assert not file.exists()
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_there_stays_where_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")

    def write() -> None:
        with whole(file) as partial:
            partial.write_text("half")
            raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        write()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_a_kill_left_behind_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    (tmp_path / ".a.txt.partial").write_text("left behind, and longer")
    with whole(file) as partial:
        partial.write_text("new")
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]
