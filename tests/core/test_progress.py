"""Progress in words, on a terminal and elsewhere."""

from __future__ import annotations

import io

from eurus_core.stages.progress import Progress, shown


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
    for clock.now in (4.0, 8.0):
        progress.advance(8, loss=0.25)
    assert progress.line() == "grow 16/64 trees, 2.0 a second, 24 s left, loss 0.25"


def test_the_first_batch_holds_what_starting_costs_and_tells_no_rate():
    clock = Clock()
    progress = Progress("train", 10, "steps", stream=io.StringIO(), clock=clock)
    clock.now = 60.0  # of which 50 s are compiling
    progress.advance()
    assert progress.line() == "train 1/10 steps"
    clock.now = 70.0
    progress.advance()
    assert progress.line() == "train 2/10 steps, 10.0 s each, 80 s left"  # not 35 s each, 4 min 40 s left


def test_replies_that_come_together_are_one_batch():
    clock = Clock()
    progress = Progress("base", 96, "samples", stream=io.StringIO(), clock=clock)
    for at in range(32):
        clock.now = 40 + at / 100
        progress.advance()
    assert progress.line() == "base 32/96 samples"  # one by one they came at 100 a second
    clock.now = 56.31
    progress.advance()
    assert progress.line() == "base 33/96 samples"  # 31 more come with it
    progress.advance(31)
    assert progress.line() == "base 64/96 samples, 2.0 a second, 16 s left"  # 32 in 16 s


def test_what_the_store_gave_at_once_does_not_keep_the_time_left_from_being_told():
    clock = Clock()
    progress = Progress("grow", 288, "trees", stream=io.StringIO(), clock=clock)
    progress.advance(280)
    for clock.now in (5.0, 10.0):
        progress.advance()
    assert progress.line() == "grow 282/288 trees, 5.0 s each, 30 s left"


def test_what_was_there_before_is_no_part_of_the_rate():
    clock = Clock()
    progress = Progress("grow", 64, "trees", stream=io.StringIO(), clock=clock)
    progress.resume_at(32)
    for clock.now in (4.0, 8.0):
        progress.advance()
    assert progress.line() == "grow 34/64 trees, 4.0 s each, 2 min 00 s left"
    assert progress.line(last=True) == "grow 34/64 trees, 4.0 s each, 2 min 00 s left"


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
        "train 1/2 steps",
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
    for clock.now in (2.0, 4.0):
        progress.advance(10)
    assert progress.line() == "read 20, 5.0 a second"


def test_where_there_was_nothing_to_do_nothing_is_told():
    stream = io.StringIO()
    with Progress("tokenise", stream=stream, clock=Clock()):
        pass
    assert stream.getvalue() == ""
