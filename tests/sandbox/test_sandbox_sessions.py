"""Sessions: state, deadlines, branches, and what is left behind (nothing)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eurus_core.records import Observation
from eurus_core.records.codec import from_json, to_json
from eurus_sandbox import AsyncSandbox, Sandbox, SandboxError
from eurus_sandbox.tool import PythonTool

LIGHT: dict[str, Any] = {"preload": (), "memory_mb": 128}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=("numpy",), memory_mb=256) as sandbox:
        yield sandbox


def children(pid: int | None) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(true: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not (done := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return done


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_state_lives_through_cells_and_an_error(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("x = 2")
        assert session.run("x, undefined").status == "error"
        assert session.run("x * 21").text == "Out: 42"


def test_sessions_do_not_share_state(sandbox: Sandbox) -> None:
    with sandbox.session() as one, sandbox.session() as other:
        one.run("x = 2")
        assert "NameError" in other.run("x").text


def test_the_observation_names_the_tier_and_the_time_and_is_a_record(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("import time; time.sleep(0.2); 7")
    assert seen.tier == sandbox.tier
    assert 0.2 <= seen.seconds < 60
    assert from_json(Observation, to_json(seen)) == seen


def test_python_code_that_runs_late_is_interrupted_and_its_state_lives(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("n = 0\nwhile True: n += 1", timeout_seconds=0.3)
        assert seen.status == "timeout"
        assert seen.text.splitlines()[-1] == "[Interrupted: the code ran past 0.3 s.]"
        assert session.run("n > 1000").text == "Out: True"


def test_a_loop_in_c_is_killed_and_the_next_cell_finds_the_state_before_it(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("x = 5")
        seen = session.run("x = 6\nsum(range(10**13))", timeout_seconds=0.3)
        assert seen.status == "killed"
        assert seen.text == "[Killed: the code ran past 0.3 s and did not stop when interrupted.]"
        assert session.deterministic is None
        assert session.run("x").text == "Out: 5"  # replayed
        assert session.deterministic is None  # but for the last cell


def test_running_out_of_memory_is_an_error_that_the_state_survives(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("y = 3\na = []\nwhile True: a.append(bytearray(1 << 20))")
        assert seen.status == "memory"
        assert seen.text.splitlines()[-1].startswith("MemoryError")
        assert session.run("y, len(a) > 100").text == "Out: (3, True)"
        assert session.run("del a\nlen(bytearray(1 << 26))").text == f"Out: {1 << 26}"


def test_small_objects_filling_the_memory_still_leave_room_to_say_so(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("a = []\nwhile True: a.append(object())", timeout_seconds=30)
        assert seen.status == "memory"
        assert "Cell In[1], line 2" in seen.text


def test_a_branch_has_the_same_state_and_goes_its_own_way(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("x = [1]")
        with session.branch() as twin:
            assert twin.deterministic
            assert session.deterministic
            twin.run("x.append(2)")
            assert twin.deterministic is None
            assert twin.run("x").text == "Out: [1, 2]"
            assert session.run("x").text == "Out: [1]"


def test_a_branch_draws_the_same_random_numbers_and_hashes(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        first = session.run(
            "import random, numpy as np\nrandom.random(), np.random.rand(), hash('word'), {'b', 'a', 'c'}"
        )
        assert first.status == "ok"
        with session.branch() as twin:
            assert twin.deterministic
            assert twin.run("random.random()").text == session.run("random.random()").text


def test_a_branch_whose_replay_shows_something_else_is_not_deterministic(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("import time\ntime.time_ns()")
        assert session.deterministic is None
        with session.branch() as twin:
            assert twin.deterministic is False
            twin.run("1")
            assert twin.deterministic is False
        assert session.deterministic is False


def test_a_state_that_no_replay_was_compared_with_is_not_called_deterministic(sandbox: Sandbox) -> None:
    with sandbox.session() as session, session.branch() as twin:
        assert session.deterministic is None
        assert twin.deterministic is None


def test_a_cell_that_was_interrupted_is_replayed_up_to_its_interrupt(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("x = 1\nimport time\ntime.sleep(60)", timeout_seconds=0.3)
        with session.branch() as twin:
            assert twin.run("x").text == "Out: 1"


def test_the_longest_idle_session_is_put_to_sleep_and_wakes_in_its_state() -> None:
    with Sandbox(**LIGHT, idle_sessions=2, cells_at_once=1) as sandbox:
        sessions = [sandbox.session() for _ in range(5)]
        for number, session in enumerate(sessions):
            session.run(f"x = {number}")
        assert wait_until(lambda: len(children(sandbox.zygote_pid)) == 2)
        assert [session.run("x").text for session in sessions] == [f"Out: {number}" for number in range(5)]
        assert all(session.deterministic is not False for session in sessions)


def test_idle_sessions_that_hold_too_much_memory_are_put_to_sleep_and_wake_in_their_state() -> None:
    with Sandbox(**LIGHT, idle_mb=60, cells_at_once=1) as sandbox:
        sessions = [sandbox.session() for _ in range(4)]
        for number, session in enumerate(sessions):
            session.run(f"x = bytearray(b'{number}') * (25 << 20)")
        assert wait_until(lambda: len(children(sandbox.zygote_pid)) == 2)
        assert [session.run("x[-1:]").text for session in sessions] == [f"Out: bytearray(b'{n}')" for n in range(4)]
        assert all(session.deterministic is not False for session in sessions)


def test_memory_shared_with_nobody_counts_as_held() -> None:
    with Sandbox(**LIGHT, idle_mb=20, cells_at_once=1) as sandbox, sandbox.session() as session:
        session.run("import mmap\nx = mmap.mmap(-1, 30 << 20)\nx[:] = bytes(30 << 20)")
        assert wait_until(lambda: children(sandbox.zygote_pid) == [])
        assert session.run("len(x)").text == f"Out: {30 << 20}"


def test_a_session_has_room_for_threads(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        shown = session.run(
            "import threading\nover = threading.Event()\nthreads = [threading.Thread(target=lambda: (bytes(1000), over.wait())) for _ in range(20)]\n"
            "for thread in threads: thread.start()\nover.set()\nlen(threads)"
        )
        assert shown.text == "Out: 20"


def test_threads_left_behind_stand_still_between_cells(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run(
            "import threading, time\nticks = 0\ndef tick():\n    global ticks\n    while True:\n        ticks += 1\n"
            "        time.sleep(0.01)\nthreading.Thread(target=tick, daemon=True).start()"
        )
        before = int(session.run("ticks").text.removeprefix("Out: "))
        time.sleep(1)
        assert int(session.run("ticks").text.removeprefix("Out: ")) < before + 50


def test_a_closed_session_says_so(sandbox: Sandbox) -> None:
    session = sandbox.session()
    session.run("1")
    session.close()
    with pytest.raises(SandboxError, match=r"session is closed. Take a new one"):
        session.run("1")


def test_a_sandbox_that_is_not_open_says_so() -> None:
    with pytest.raises(SandboxError, match="not open"):
        Sandbox(**LIGHT).session().run("1")


def test_a_module_that_cannot_be_preloaded_is_named() -> None:
    with pytest.raises(SandboxError, match="No module named 'no_such_module'"), Sandbox(preload=("no_such_module",)):
        pass


def test_a_cell_too_long_to_send_is_refused(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert session.run("x = 1").status == "ok"
        assert session.run("#" * (1 << 21)).text.startswith("[Not run: a cell of 2097152 characters")
        assert session.run("x" + " " * 500_000).text == "Out: 1"


def test_a_dead_zygote_is_an_error_with_its_reason_and_is_started_again() -> None:
    with Sandbox(**LIGHT) as sandbox, sandbox.session() as session:
        session.run("x = 4")
        assert sandbox.zygote_pid is not None
        zygote, idle = sandbox.zygote_pid, children(sandbox.zygote_pid)
        os.kill(zygote, signal.SIGKILL)
        assert wait_until(lambda: all(gone(pid) for pid in (zygote, *idle)))
        assert session.run("x").text == "Out: 4"  # idle when it died: nothing is lost
        with pytest.raises(SandboxError, match=r"zygote \(process \d+\) was killed by signal 9"):
            asyncio.run(run_while_the_zygote_dies(sandbox, session.run))
        assert session.run("x + 1").text == "Out: 5"


def test_a_zygote_that_hangs_is_ended_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eurus_sandbox.server.FORK_SECONDS", 0.5)
    with Sandbox(**LIGHT) as sandbox, sandbox.session() as session:
        assert sandbox.zygote_pid is not None
        os.kill(sandbox.zygote_pid, signal.SIGSTOP)
        with pytest.raises(SandboxError, match=r"did not fork within 0.5 s"):
            session.run("6 * 7")
        assert session.run("6 * 7").text == "Out: 42"


def test_a_forked_process_is_told_that_the_sandbox_stayed_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eurus_sandbox.blocking.LOOK_SECONDS", 0.1)
    with Sandbox(**LIGHT) as sandbox:
        reading, writing = os.pipe()
        if not (child := os.fork()):
            try:
                sandbox.session().run("1")
            except SandboxError as error:
                os.write(writing, str(error).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as words:
            assert "A process that was forked has none" in words.read()
        os.waitpid(child, 0)


async def run_while_the_zygote_dies(sandbox: Sandbox, run: Callable[[str], Observation]) -> Observation:
    zygote = sandbox.zygote_pid
    assert zygote is not None
    asyncio.get_running_loop().call_later(0.5, os.kill, zygote, signal.SIGKILL)
    return await asyncio.to_thread(run, "import time\ntime.sleep(4)")


def test_three_hundred_sessions_leave_no_descriptor_and_no_process() -> None:
    with Sandbox(**LIGHT) as sandbox:

        def use(times: int) -> tuple[int, int, int]:
            for _ in range(times):
                with sandbox.session() as session:
                    session.run("1")
            assert wait_until(lambda: not children(sandbox.zygote_pid))
            zygote = sandbox.zygote_pid
            resident = int(Path(f"/proc/{zygote}/statm").read_text().split()[1])
            return len(os.listdir("/proc/self/fd")), len(os.listdir(f"/proc/{zygote}/fd")), resident

        ours, theirs, pages = use(20)
        assert use(300)[:2] == (ours, theirs)
        assert use(1)[2] < pages * 1.05


@pytest.mark.slow
def test_twenty_thousand_sessions_are_flat() -> None:
    with Sandbox(**LIGHT) as sandbox:
        sizes = []
        for _ in range(20):
            for _ in range(1000):
                with sandbox.session() as session:
                    assert session.run("x = 1\nx").text == "Out: 1"
            assert wait_until(lambda: not children(sandbox.zygote_pid))
            zygote = f"/proc/{sandbox.zygote_pid}"
            pages = [int(Path(f"{process}/statm").read_text().split()[1]) for process in (zygote, "/proc/self")]
            sizes.append((len(os.listdir("/proc/self/fd")), len(os.listdir(f"{zygote}/fd")), *pages))
        assert {size[:2] for size in sizes} == {sizes[0][:2]}
        assert all(later <= 1.05 * earlier for earlier, later in zip(sizes[2], sizes[-1], strict=True))


HARNESS = """
import sys, threading, time
from eurus_sandbox import Sandbox
with Sandbox(preload=(), memory_mb=128) as sandbox:
    idle = sandbox.session()
    idle.run("1")
    busy = sandbox.session()
    threading.Timer(0.3, lambda: print(sandbox.zygote_pid, flush=True)).start()
    busy.run("while True: pass", timeout_seconds=60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_parent_that_ends_in_the_middle_of_a_cell_leaves_no_orphan(number: signal.Signals) -> None:
    harness = subprocess.Popen([sys.executable, "-c", HARNESS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with harness:
        assert harness.stdout is not None
        zygote = int(harness.stdout.readline())
        sessions = children(zygote)
        assert len(sessions) == 2
        folder = Path(os.readlink(f"/proc/{zygote}/cwd")).parent.parent
        assert folder.name.startswith("eurus-sandbox-")
        harness.send_signal(number)
        harness.wait(10)
    assert wait_until(lambda: all(gone(pid) for pid in (zygote, *sessions)))
    assert wait_until(lambda: not folder.exists())


def test_a_parent_that_ends_while_its_zygote_imports_leaves_nothing(tmp_path: Path) -> None:
    start = "from eurus_sandbox import Sandbox\nSandbox(preload=('sympy',)).__enter__()"
    with subprocess.Popen([sys.executable, "-c", start], env={**os.environ, "TMPDIR": str(tmp_path)}) as harness:
        tasks = Path(f"/proc/{harness.pid}/task")
        assert wait_until(lambda: any(file.read_text() for file in tasks.glob("*/children")), 20)
        harness.kill()
    assert wait_until(lambda: not list(tmp_path.iterdir()), 20)


def test_many_trajectories_share_few_processes() -> None:
    async def trajectory(sandbox: AsyncSandbox, number: int) -> str:
        async with sandbox.session() as session:
            await session.run(f"x = {number}")
            await asyncio.sleep(0)
            twin = await session.branch()
            await twin.run("x = -x")
            seen = [(await session.run("x")).text, (await twin.run("x")).text]
            await twin.close()
            return " ".join(seen)

    async def main() -> list[str]:
        async with AsyncSandbox(**LIGHT, idle_sessions=4, cells_at_once=2) as sandbox:
            return await asyncio.gather(*(trajectory(sandbox, number) for number in range(40)))

    assert asyncio.run(main()) == [f"Out: {number} Out: {-number}" for number in range(40)]


def test_waiting_for_a_core_does_not_count_against_the_deadline() -> None:
    async def main() -> list[str]:
        async with AsyncSandbox(**LIGHT, cells_at_once=1, timeout_seconds=1.0) as sandbox:
            sessions = [sandbox.session() for _ in range(4)]
            seen = await asyncio.gather(*(session.run("import time; time.sleep(0.5)") for session in sessions))
            return [one.status for one in seen]

    assert asyncio.run(main()) == ["ok"] * 4


def test_a_cancelled_cell_is_killed_and_the_session_goes_on_from_before_it() -> None:
    async def main() -> str:
        async with AsyncSandbox(**LIGHT) as sandbox, sandbox.session() as session:
            await session.run("x = 1")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.run("x = 2\nwhile True: pass"), 0.3)
            return (await session.run("x")).text

    assert asyncio.run(main()) == "Out: 1"


def test_a_session_closed_in_the_middle_of_a_cell_ends_it_at_once() -> None:
    async def main() -> tuple[str, float]:
        async with AsyncSandbox(**LIGHT) as sandbox:
            session = sandbox.session()
            running = asyncio.create_task(session.run("while True: pass", timeout_seconds=600))
            await asyncio.sleep(0.3)
            await session.close()
            seen = await running
            return seen.status, seen.seconds

    status, seconds = asyncio.run(main())
    assert status == "killed"
    assert seconds < 300


def test_the_python_tool_hands_out_sessions_that_speak_observations() -> None:
    async def main() -> tuple[Observation, Observation]:
        async with PythonTool(preload=(), memory_mb=128).open() as workbench:
            session = await workbench.session()
            await session.run("x = 2")
            twin = await session.branch()
            seen = await session.run("x * 21"), await twin.run("x")
            await twin.close()
            await session.close()
            return seen

    answer, twin_answer = asyncio.run(main())
    assert (answer.text, answer.status) == ("Out: 42", "ok")
    assert twin_answer.text == "Out: 2"


def test_the_python_tool_refuses_a_key_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="memory_gb"):
        PythonTool.model_validate({"memory_gb": 1})
