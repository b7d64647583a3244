"""The guard: deadlines that count computing, memory that is bounded, and a worker that comes back."""

import asyncio
import os
import resource
import signal
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eurus_core.records import Problem, Reference, turns
from eurus_core.testing import judged
from eurus_graders import MathGrader, equivalent, grade
from eurus_graders.guard import Exceeded, Guard, shared

GRADER = MathGrader(timeout_seconds=1.0)
SOUP = [
    "\\frac",
    "\\sqrt",
    "\\left(",
    "\\right)",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "^",
    "_",
    "!",
    "%",
    "$",
    "&",
    "\\pi",
    "\\infty",
    "\\cup",
    "\\sin",
    "\\log",
    "\\int",
    "\\sum_{i=0}^{n}",
    "\\text{a}",
    "1e9",
    "10**10",
    "9^9",
    "9!!",
    "123456789",
    "0.3333",
    "x",
    "y",
    "=",
    "<",
    "\\le",
    ",",
    ";",
    ":",
    "|",
    "\\pm",
    "i",
    "e",
    "pi",
    "sqrt(",
    "Matrix([[",
    "]])",
    "Fraction(",
    "1/3",
    "factorial(",
    "2**",
    "\\binom{9}{4}",
    "\\overline{3}",
    "'",
    '"',
    "\\\\",
    "\\begin{pmatrix}",
    "\\end{pmatrix}",
    "lambda",
    "import",
    "__",
    ".",
    "-",
    "+",
    "*",
    "/",
    "//",
    "√",
    "½",
    "²",
    "×",
    "−",
    "°",
    "and",
    "or",
    "\x00",
    "�",
    "\n",
]


@pytest.fixture
def guard():
    guard = Guard(memory_mb=256)
    yield guard
    guard.close()


def test_a_call_past_its_deadline_is_killed_and_the_next_one_works(guard: Guard) -> None:
    started = time.perf_counter()
    with pytest.raises(Exceeded) as caught:
        guard.call(0.2, pow, 7, 10**8)  # one multiplication after another in C: no signal handler would ever run
    assert (caught.value.outcome, caught.value.rule) == ("timeout", "deadline")
    assert time.perf_counter() - started < 20  # on a machine where others compute, too
    assert guard.call(1, pow, 2, 10) == 1024


def test_waiting_counts_nothing_against_a_deadline(guard: Guard) -> None:
    pid, started = guard.call(1, os.getpid), time.monotonic()
    guard.call(0.2, time.sleep, 0.6)  # three deadlines of wall-clock time, next to no computing
    assert time.monotonic() - started >= 0.6
    assert guard.call(1, os.getpid) == pid


def test_memory_is_bounded_on_top_of_what_the_worker_has(guard: Guard) -> None:
    assert len(guard.call(5, bytes, 32 << 20)) == 32 << 20
    with pytest.raises(Exceeded) as caught:
        guard.call(5, bytes, 512 << 20)
    assert (caught.value.outcome, caught.value.rule) == ("limit", "memory")


def test_a_worker_that_something_killed_is_replaced(guard: Guard) -> None:
    pid = guard.call(1, os.getpid)
    assert guard.call(1, os.getpid) == pid
    with pytest.raises(Exceeded) as caught:
        guard.call(1, os.kill, pid, signal.SIGKILL)
    assert caught.value.outcome == "limit"
    assert guard.call(1, os.getpid) != pid


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_worker_that_was_killed_between_two_calls_costs_neither(guard: Guard, size: int) -> None:
    pid = guard.call(1, os.getpid)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert guard.call(5, len, bytes(size)) == size


def test_the_guard_works_where_sessions_hold_a_thousand_descriptors(guard: Guard) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2048)), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert guard.call(1, pow, 2, 10) == 1024
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_error_of_ours_is_told_with_its_traceback(guard: Guard) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        guard.call(1, divmod, 1, 0)


def test_threads_that_share_a_guard_get_their_own_replies(guard: Guard) -> None:
    found: dict[int, int] = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: guard.call(5, pow, n, 2)})) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: n * n for n in range(20)}


def test_a_forked_child_has_a_guard_of_its_own() -> None:
    mine = shared().call(1, os.getpid)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(shared().call(1, os.getpid)).encode())
        shared().close()
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(read, 32)) != mine
    assert shared().call(1, os.getpid) == mine
    os.close(read)
    os.close(write)


def test_a_grader_words_a_deadline_as_a_timeout() -> None:
    tiny = MathGrader(timeout_seconds=1e-5)
    terms = [rf"\sin({n})\sqrt{{{n}}}" for n in range(2, 140)]
    one, other = "+".join(terms), "+".join(reversed(terms))
    assert grade(one, other, GRADER).outcome != "timeout"
    assert grade(one, other, tiny).outcome == "timeout"
    problem = Problem("p", "Math_CoT", "test", "?", Reference(answer=one))
    assert judged(tiny, problem, turns.parse(rf"\boxed{{{other}}}"), None).outcome == "timeout"


def check(prediction: str, reference: str) -> None:
    started = time.perf_counter()
    if reference.strip():
        assert grade(prediction, reference, GRADER).rule
    assert time.perf_counter() - started < 120
    found, back = equivalent(prediction, reference), equivalent(reference, prediction)
    assert found.correct == back.correct, (prediction, reference, found, back)
    hash(GRADER.key(prediction))


TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(SOUP), max_size=14).map("".join),
    st.lists(st.sampled_from(SOUP), max_size=8).map(" ".join),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, TEXTS)
def test_no_text_raises_hangs_or_depends_on_the_side_it_stands_on(prediction: str, reference: str) -> None:
    check(prediction, reference)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, TEXTS)
def test_none_of_ten_thousand_texts_raises_hangs_or_depends_on_its_side(prediction: str, reference: str) -> None:
    check(prediction, reference)


def test_the_event_loop_goes_on_while_a_hard_answer_is_compared() -> None:
    terms = [rf"\sin({n})\sqrt{{{n}}}" for n in range(2, 140)]
    problem = Problem("p", "Math_CoT", "test", "?", Reference(answer="+".join(terms)))

    async def beats() -> int:
        async with GRADER.open() as grading:
            judging = asyncio.create_task(grading.grade(problem, turns.parse("+".join(reversed(terms))), None))
            count = 0
            while not judging.done():
                await asyncio.sleep(0.001)
                count += 1
            return count

    assert asyncio.run(beats()) > 3


def test_a_plain_answer_is_judged_without_leaving_the_loop() -> None:
    problem = Problem("p", "Math_CoT", "test", "?", Reference(answer="18"))

    async def judge() -> str:
        async with GRADER.open() as grading:
            verdict = grading.grade(problem, turns.parse("She has 9 * 2. The answer is 18.0."), None)
            try:
                verdict.send(None)  # type: ignore[attr-defined] # a coroutine that waits for nothing ends at its first step
            except StopIteration as ended:
                return str(ended.value.outcome)
            return "it waited"

    assert asyncio.run(judge()) == "correct"
