"""What is kept of a cell's output, and the frames between parent and child."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.records.turns import NO_OUTPUT
from eurus_sandbox.output import Capture, clean, observed
from eurus_sandbox.wire import MOST_BYTES_FROM_CHILD, BrokenFrame, Frames, pack


def captured(chunks: list[bytes], most_chars: int) -> str:
    capture = Capture(most_chars)
    for chunk in chunks:
        capture.add(chunk)
    return capture.text()


def test_short_output_is_kept_whole() -> None:
    assert captured([b"one\n", b"two\n"], 100) == "one\ntwo\n"


def test_long_output_keeps_three_quarters_of_head_and_a_quarter_of_tail() -> None:
    # 1,000 characters, 8 kept: 6 of the head, 2 of the tail, 992 cut
    text = captured([b"a" * 500, b"b" * 500], 8)
    assert text == "aaaaaa\n[... 992 characters cut ...]\nbb"


@given(st.lists(st.binary(max_size=50)), st.integers(4, 200))
def test_what_is_kept_never_exceeds_its_bound(chunks: list[bytes], most_chars: int) -> None:
    mark = len("\n[... 1000000 characters cut ...]\n")
    assert len(captured(chunks, most_chars)) <= most_chars + mark


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cc", "Cs"]), max_size=100))
def test_plain_text_within_the_bound_is_untouched_however_it_is_cut_into_chunks(text: str) -> None:
    data = text.encode()
    assert captured([data[i : i + 3] for i in range(0, len(data), 3)], 400) == text


@given(st.binary())
def test_cleaned_text_holds_no_control_character_but_tab_and_newline(data: bytes) -> None:
    assert all(character in "\t\n" or unicodedata.category(character) != "Cc" for character in clean(data))


def test_the_one_byte_form_of_an_escape_sequence_is_stripped_too() -> None:
    assert clean("\x9b31mred".encode()) == "31mred"


def test_colours_titles_and_nul_are_stripped() -> None:
    assert clean(b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07end\x00\r\n") == "red end\n"


def test_parts_that_say_nothing_leave_no_line() -> None:
    assert observed("printed\n", "") == "printed"
    assert observed("\n", "") == NO_OUTPUT
    assert observed("  indented\n", "[Killed.]") == "  indented\n[Killed.]"


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), max_size=5), st.integers(1, 7))
def test_frames_survive_any_chunking(messages: list[dict[str, object]], size: int) -> None:
    data = b"".join(map(pack, messages))
    frames, seen = Frames(), []
    for i in range(0, len(data), size):
        seen += frames.feed(data[i : i + size])
    assert seen == json.loads(json.dumps(messages))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        (MOST_BYTES_FROM_CHILD + 1).to_bytes(4, "little"),
        b"\x02\0\0\0[]",
        b"\x02\0\0\0{]",
        b"\x01\0\0\0\xff",
    ],
)
def test_a_frame_that_no_honest_child_sends_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenFrame):
        Frames().feed(data)
