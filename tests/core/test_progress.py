"""Progress in words, on a terminal and elsewhere."""

from __future__ import annotations

import io

from eurus_core.progress import Progress, shown


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_shows_done_rate_and_time_left():
    clock = Clock()
    progress = Progress("grow", 64, "trees", stream=io.StringIO(), clock=clock)
    clock.now = 4.0
    progress.advance(8, loss=0.25)
    assert progress.line() == "grow 8/64 trees, 2.0 a second, 28 s left, loss 0.25"


def test_what_was_there_before_is_no_part_of_the_rate():
    clock = Clock()
    progress = Progress("grow", 64, "trees", stream=io.StringIO(), clock=clock)
    progress.resume_at(32)
    clock.now = 4.0
    progress.advance(1)
    assert progress.line() == "grow 33/64 trees, 4.0 s each, 2 min 04 s left"


def test_a_log_gets_whole_lines_and_not_many():
    clock, stream, events = Clock(), io.StringIO(), []
    with Progress("train", 100, "steps", stream=stream, clock=clock, on_line=events.append) as progress:
        for _ in range(100):
            clock.now += 0.5
            progress.advance()
    lines = stream.getvalue().splitlines()
    assert 4 <= len(lines) <= 6
    assert lines[-1] == "train 100/100 steps, 2.0 a second, took 50 s"
    assert events[-1] == {"label": "train", "done": 100, "total": 100}


def test_what_is_over_soon_is_not_told():
    clock, stream = Clock(), io.StringIO()
    for seconds in (9, 11):
        with Progress("packing", 1, "steps", patience=10.0, stream=stream, clock=clock) as progress:
            clock.now += seconds
            progress.advance()
    assert stream.getvalue().splitlines() == ["packing 1/1 steps, 11.0 s each, took 11 s"]


def test_items_pass_in_silence_where_they_are_soon_through(capsys):
    assert list(shown(range(3), "packing", "steps")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_the_last_line_once_though_the_last_step_took_long():
    clock, stream = Clock(), io.StringIO()
    with Progress("train", 2, "steps", stream=stream, clock=clock) as progress:
        for _ in range(2):
            clock.now += 20
            progress.advance()
    assert stream.getvalue().splitlines() == [
        "train 1/2 steps, 20.0 s each, 20 s left",
        "train 2/2 steps, 20.0 s each, took 40 s",
    ]


def test_a_terminal_gets_one_line_that_is_rewritten():
    clock, stream = Clock(), Terminal()
    with Progress("grow", 2, stream=stream, clock=clock) as progress:
        clock.now += 1
        progress.advance()
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().startswith("\rgrow 1/2")


def test_without_a_total_there_is_no_end_to_name():
    clock = Clock()
    progress = Progress("read", stream=io.StringIO(), clock=clock)
    clock.now = 2.0
    progress.advance(10)
    assert progress.line() == "read 10, 5.0 a second"


def test_where_there_was_nothing_to_do_nothing_is_told():
    stream = io.StringIO()
    with Progress("tokenise", stream=stream, clock=Clock()):
        pass
    assert stream.getvalue() == ""
