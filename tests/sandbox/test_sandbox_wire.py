"""What comes out of a confined process is read in bounded time and memory, and whatever is wrong with it is a ValueError."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_sandbox.literals import Reference, decode, encode
from eurus_sandbox.wire import MOST_BYTES_OF_VALUE, BrokenFrame, Frames, pack

TAGS = [
    "int",
    "tuple",
    "set",
    "frozenset",
    "deque",
    "dict",
    "Counter",
    "OrderedDict",
    "defaultdict",
    "bytes",
    "bytearray",
    "complex",
    "range",
    "slice",
    "ellipsis",
    "Fraction",
    "Decimal",
    "date",
    "time",
    "datetime",
    "timedelta",
    "object",
    "array",
    "scalar",
    "unknown",
]
ATOMS: list[Any] = [None, True, 0, -1, 1 << 63, 1e308, float("nan"), float("inf")]
ATOMS += [
    "",
    "0x1",
    "1e999999999",
    "sNaN",
    "9" * 5000,
    "\ud800",
    "2020-01-01",
    "<f8",
    "<M8[ns]",
    "(1+,)i4",
    "AAAAAAAAAAA=",
]


def stand_in(reference: Reference) -> object:
    return reference.number


def none(value: object) -> None:
    raise AssertionError(f"{value!r} is a literal")


values = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(TAGS), inner, min_size=1, max_size=1),
    max_leaves=12,
)


@given(values)
def test_a_hostile_value_is_read_or_refused(value: object) -> None:
    try:
        text = encode(decode(json.dumps(value), stand_in), none)
    except ValueError:
        return
    assert sorted(encode(decode(text, stand_in), none)) == sorted(text)  # a set has no order


@pytest.mark.parametrize(
    "value",
    [
        {"Fraction": ["1e999999999"]},  # a billion digits
        {"Decimal": [0, [1], 0]},
        {"timedelta": [1e300, 0, 0]},
        {"array": ["(1+,)i4", [1], ""]},  # numpy reads that by ast.literal_eval, hence a SyntaxError
        {"array": ["|O", [1], "AAAAAAAAAAA="]},
        {"array": ["<f8", [1 << 40], ""]},
        {"scalar": ["<f8,<f8", [], "AAAAAAAAAAA="]},
    ],
)
def test_a_value_that_no_honest_side_writes_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(json.dumps(value), stand_in)


def test_arrays_of_every_plain_kind_cross() -> None:
    numpy = pytest.importorskip("numpy")
    for dtype in ("?", "i1", ">i4", "u8", "f2", "f8", "g", "c16", "S3", "U3", "M8[ns]", "M8[25s]", "m8[D]", "V4"):
        array = numpy.zeros((2, 0, 3), dtype), numpy.zeros(3, dtype)
        back = decode(encode(list(array), none), stand_in)
        assert [(one.dtype, one.shape) for one in back] == [(one.dtype, one.shape) for one in array]


def test_a_large_frame_is_a_few_strings() -> None:
    value = json.dumps([['a"b\\', 1]] * 100_000)
    assert Frames(2 * MOST_BYTES_OF_VALUE).feed(pack({"value": value})) == [{"value": value}]
    with pytest.raises(BrokenFrame, match="no text"):
        Frames(2 * MOST_BYTES_OF_VALUE).feed(pack({"value": [{}] * 100_000}))
    with pytest.raises(BrokenFrame, match="no text"):
        Frames(2 * MOST_BYTES_OF_VALUE).feed(pack({"value": [""] * 100_000}))
