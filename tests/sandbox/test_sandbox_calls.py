"""Functions that answer outside: what travels, what a call costs the cell, and that a replay asks nothing again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eurus_core.parts.contracts import Function
from eurus_sandbox import AsyncSandbox, Sandbox
from eurus_sandbox.tool import PythonTool

LIGHT: dict[str, Any] = {"preload": (), "memory_mb": 128}
ASKED: list[str] = []


def search(query: str, results: int = 1) -> str:
    """Return what is known about the query."""
    ASKED.append(query)
    return f"{len(ASKED)} about {query}" * results


async def slow(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


def broken(kind: str) -> object:
    if kind == "object":
        return object()
    if kind == "flood":
        return "x" * (1 << 20)
    raise {"key": KeyError("no such page"), "own": Broken("a fault of its own")}[kind]


class Broken(Exception):
    pass


def echo(*values: object) -> object:
    return list(values)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(**LIGHT, tools=[search, slow, broken, echo], tool_seconds=1.5, timeout_seconds=1.0) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def nothing_asked() -> None:
    ASKED.clear()


def test_calls_past_the_most_are_refused_and_buy_no_time(sandbox: Sandbox) -> None:
    # frames written by hand, each 60 kB, until the deadline of a second
    flood = """
import json, os, struct
body = json.dumps({"call": "search", "arguments": "A" * 60_000}).encode()
frame = struct.pack("=I", len(body)) + body
while True:
    rest = memoryview(frame)
    while rest:
        rest = rest[os.write(3, rest) :]
    os.read(3, 1 << 16)
"""
    with sandbox.session() as session:
        started = time.monotonic()
        assert session.run(flood).status == "timeout"
        assert time.monotonic() - started < 2.5
    assert ASKED == []


def test_a_call_is_answered_from_outside(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert session.run("x = search('otters', results=2)\nx").text == "Out: '1 about otters1 about otters'"
    assert ASKED == ["otters"]


def test_code_sees_the_name_the_signature_and_the_words(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("print(search.__name__, search.__doc__)").text
    assert seen == "search search(query: 'str', results: 'int' = 1) -> 'str'\n\nReturn what is known about the query."


def test_literals_of_every_kind_travel_and_nothing_else_does(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        text = session.run("print(echo(None, True, -1.5, 10**30, (1, [2]), {'a': {3}}, b'x', float('inf')))").text
        assert text == f"[None, True, -1.5, {10**30}, (1, [2]), {{'a': {{3}}}}, b'x', inf]"
        assert session.run("echo(print)").text.endswith(
            "NotLiteral: only literals travel, and a builtin_function_or_method is none"
        )
        assert "the most is 32768" in session.run("echo('x' * 100_000)").text
        assert session.run("broken('object')").text.endswith("answered with a object, and only literals travel")
        assert "the most is 262144" in session.run("broken('flood')").text


def test_a_wrong_call_and_a_failing_function_raise_in_the_cell_which_can_catch_it(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert session.run("search()").text.endswith("TypeError: search(): missing a required argument: 'query'")
        caught = "try:\n    broken('key')\nexcept KeyError as error:\n    print('caught', error)"
        assert session.run(caught).text == "caught \"'no such page'\""
        assert session.run("broken('own')").text.endswith("RuntimeError: Broken: a fault of its own")
        assert session.run("1 + 1").text == "Out: 2"


def test_waiting_for_an_answer_is_no_time_of_the_cell(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("slow(1.2)", timeout_seconds=0.6)
        assert (seen.text, seen.status) == ("Out: 1.2", "ok")
        assert seen.seconds < 0.6


def test_the_clock_goes_on_where_it_was_before_the_call(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("import time\ntime.sleep(0.4)\nslow(0.5)\ntime.sleep(0.4)", timeout_seconds=0.6)
        assert seen.status == "timeout"
        assert session.run("slow(0.0)").text == "Out: 0.0"


def test_a_function_that_does_not_answer_is_a_timeout_error_in_the_cell(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("slow(60.0)")
        assert seen.text.endswith("TimeoutError: slow() did not answer within 1.5 s")
        assert seen.status == "error"


def test_threads_of_a_cell_stand_still_while_it_waits(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run(
            "import threading, time\nticks = 0\ndef tick():\n    global ticks\n    while True:\n        ticks += 1\n"
            "        time.sleep(0.01)\nthreading.Thread(target=tick, daemon=True).start()\nslow(1.0)\nticks"
        )
        assert int(seen.text.removeprefix("Out: ")) < 50


def test_a_branch_is_answered_from_the_record(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("x = search('a')\ny = search('b')")
        with session.branch() as twin:
            assert twin.deterministic
            assert twin.run("x, y").text == "Out: ('1 about a', '2 about b')"
            assert twin.run("search('c')").text == "Out: '3 about c'"
    assert ASKED == ["a", "b", "c"]


def test_a_replay_that_calls_otherwise_asks_and_is_not_deterministic(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("import time\nx = search(str(time.time_ns()))")
        with session.branch() as twin:
            assert twin.deterministic is False
    assert len(ASKED) == 2


def test_a_killed_session_goes_on_with_the_answers_it_had(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("x = search('a')")
        assert session.run("sum(range(10**13))", timeout_seconds=0.2).status == "killed"
        assert session.run("x").text == "Out: '1 about a'"
    assert ASKED == ["a"]


def test_a_session_has_only_the_functions_it_was_given(sandbox: Sandbox) -> None:
    with sandbox.session(tools=["echo"]) as session:
        assert session.run("echo(1)").text == "Out: [1]"
        assert "NameError: name 'search' is not defined" in session.run("search('x')").text
        forged = "echo.__globals__['_ask'](3, 'search', '[{\"tuple\": [\"x\"]}, {\"dict\": []}]')"
        assert "no function 'search' is offered here" in session.run(forged).text
    assert ASKED == []


@pytest.mark.parametrize(
    "arguments", ['"not json"', '"[]"', '"{}"', '"7"', "None", "7", '"[[1, 2, 3]]"', '"{\\"object\\": [1]}"']
)
def test_arguments_that_no_honest_stub_sends_are_refused(sandbox: Sandbox, arguments: str) -> None:
    with sandbox.session() as session:
        assert session.run(f"echo.__globals__['_ask'](3, 'search', str({arguments}))").status == "error"
        assert session.run("echo(1)").text == "Out: [1]"
    assert ASKED == []


def test_a_process_that_asks_twice_at_once_harms_itself_only(sandbox: Sandbox) -> None:
    ask = "{'call': 'slow', 'arguments': '[{\"tuple\": [0.5]}, {\"dict\": []}]'}"
    with sandbox.session() as session, sandbox.session() as other:
        seen = session.run(f"for _ in range(2): echo.__globals__['write_frame'](3, {ask})")
        assert seen.status in ("ok", "error", "killed")
        assert other.run("echo(1)").text == "Out: [1]"


def test_a_cell_may_make_so_many_calls(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("for i in range(1000): echo(i)")
        assert seen.text.endswith("RuntimeError: a cell may make 100 calls")
        assert session.run("i").text == "Out: 100"


def test_cells_run_while_others_wait_for_answers() -> None:
    async def main() -> float:
        async with AsyncSandbox(**LIGHT, tools=[slow], cells_at_once=1) as sandbox:
            started = time.monotonic()
            sessions = [sandbox.session() for _ in range(6)]
            await asyncio.gather(*(session.run("slow(0.8)") for session in sessions))
            return time.monotonic() - started

    assert asyncio.run(main()) < 3  # one after the other: 4.8 s


def test_a_session_closed_while_it_waits_leaves_its_core_to_others() -> None:
    async def main() -> str:
        async with AsyncSandbox(**LIGHT, tools=[slow], cells_at_once=1) as sandbox:
            waiting = asyncio.create_task(sandbox.session().run("slow(20.0)"))
            await asyncio.sleep(0.5)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert sandbox._cells._value == 1
            async with sandbox.session() as session:
                return (await session.run("6 * 7")).text

    assert asyncio.run(main()) == "Out: 42"


def test_a_cell_cancelled_twice_while_its_function_gives_up_leaves_nothing_to_the_next_session() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(20)
        finally:
            await asyncio.sleep(0.3)

    async def main() -> tuple[str, int]:
        async with AsyncSandbox(**LIGHT, tools=[stubborn], cells_at_once=1) as sandbox:
            waiting = asyncio.create_task(sandbox.session().run("stubborn()"))
            await asyncio.sleep(1)
            for _ in range(2):
                waiting.cancel()
                await asyncio.sleep(0.05)
            await asyncio.wait([waiting])
            async with sandbox.session() as session:
                shown = await asyncio.wait_for(session.run("6 * 7"), 30)
            await asyncio.sleep(0.5)
            return shown.text, sandbox._cells._value

    assert asyncio.run(main()) == ("Out: 42", 1)


def test_a_tool_without_a_name_is_refused_with_a_way_to_name_it() -> None:
    with pytest.raises(ValueError, match="name it"):
        Sandbox(tools=[lambda: 1])


class Pages(Function):
    """Knows no page ``missing``, and is not reached at first."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Callable[..., str]]:
        def page(name: str) -> str:
            ASKED.append(name)
            if name == "missing":
                raise LookupError("no such page")
            if ASKED.count(name) == 1:
                raise ConnectionError("nobody there")
            return f"all about {name}"

        yield page


def test_a_growth_asks_once_for_what_is_known_or_not_and_again_for_what_was_not_reached() -> None:
    cell = "for name in 'missing', 'owls':\n    try: print(page(name))\n    except Exception as error: print(error)"

    async def main() -> list[str]:
        async with PythonTool(tools=(Pages(),), **LIGHT).open() as workbench:
            seen = []
            for _ in range(3):
                session = await workbench.session(("page",))
                seen.append((await session.run(cell)).text)
                await session.close()
            return seen

    assert asyncio.run(main()) == [
        "no such page\nnobody there",
        "no such page\nall about owls",
        "no such page\nall about owls",
    ]
    assert ASKED == ["missing", "owls", "owls"]
