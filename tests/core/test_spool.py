"""What comes in any order is read in its own."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from eurus_core.files.spool import Spool


@given(values=st.lists(st.text() | st.lists(st.integers())), seed=st.randoms())
def test_values_come_back_by_number_in_whatever_order_they_came(tmp_path_factory, values, seed):
    numbered = [*enumerate(values)]
    seed.shuffle(numbered)
    with Spool(tmp_path_factory.mktemp("spool")) as spool:
        for number, value in numbered:
            spool.add(number, value)
        assert len(spool) == len(values)
        assert [*spool] == values


def test_nothing_is_left_in_the_folder(tmp_path: Path):
    with Spool(tmp_path) as spool:
        spool.add(0, "half a surrogate: \ud800")
        assert [*spool] == ["half a surrogate: \ud800"]
        assert not [*tmp_path.iterdir()]
