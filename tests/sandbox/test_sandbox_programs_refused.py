"""What code is told that would start a program or a process, and which parts of multiprocessing work without one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eurus_sandbox import Sandbox, SandboxError, Settings

POOL = "from concurrent.futures import ProcessPoolExecutor\nwith ProcessPoolExecutor(2) as pool:\n    print(list(pool.map(abs, [-1])))"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=(), timeout_seconds=20) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("!pip install otter", ": pip install otter"),
        ("import subprocess\nsubprocess.run(['ls', '-l'])", ": ls"),
        ("import subprocess\nsubprocess.check_output('ls -l', shell=True)", ": /bin/sh"),
        ("import subprocess\nsubprocess.Popen('ls')", ": ls"),
        ("import os\nos.popen('ls').read()", ": /bin/sh"),
        ("import os\nos.execvp('/bin/ls', ['ls'])", ": /bin/ls"),
        ("import os\nos.posix_spawn('/bin/ls', ['ls'], {})", ": /bin/ls"),
        ("import os\nos.fork()", ", nor other processes: use a loop, or threads, in place of multiprocessing"),
        ("import os\nos.spawnlp(os.P_WAIT, 'ls', 'ls')", ", nor other processes"),
        ("from multiprocessing import Process\nProcess(target=print).start()", ", nor other processes"),
        ("from multiprocessing import Pool\nPool(2).map(abs, [-1])", ", nor other processes"),
        ("import multiprocessing\nmultiprocessing.Manager()", ", nor other processes"),
        ("import multiprocessing as m\nm.get_context('spawn').Process(target=print).start()", ""),
        (POOL, ", nor other processes"),
        (
            "import asyncio\nasync def main():\n    await asyncio.create_subprocess_exec('ls')\nasyncio.run(main())",
            ": ls",
        ),
    ],
)
def test_code_that_starts_a_program_is_told_in_a_sentence_that_none_can_be_started(
    sandbox: Sandbox, code: str, what: str
) -> None:
    with sandbox.session() as session:
        seen = session.run(code)
        assert seen.status == "error"
        assert seen.text.splitlines()[-1].startswith(f"PermissionError: no programs can be started here{what}")
        assert "no_programs.py" not in seen.text


def test_a_shell_command_says_so_and_lets_the_code_go_on_as_a_shell_would(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("import os\nstatus = os.system('clear screen')\nprint('on', status >> 8)")
        assert (seen.status, seen.text) == ("ok", "no programs can be started here: clear\non 126")
    assert sandbox.check_stdio("import os\nos.system('clear')\nprint(1)", [("", "1")]).correct


def test_a_judged_program_is_told_too(sandbox: Sandbox) -> None:
    verdict = sandbox.check_stdio(POOL, [("", "[1]")])
    assert verdict.outcome == "incorrect"
    assert "no programs can be started here" in verdict.why


@pytest.mark.parametrize(
    "code",
    [
        "from multiprocessing.pool import ThreadPool\nprint(ThreadPool(2).map(abs, [-1, 1]))",
        "from multiprocessing.dummy import Pool\nprint(Pool(2).map(abs, [-1, 1]))",
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(2) as e:\n    print(list(e.map(abs, [-1, 1])))",
        "import multiprocessing as m\nlock = m.RLock()\nwith lock, lock:\n    print([1, 1])",
        "import multiprocessing as m\ns = m.Semaphore(1)\nprint([int(s.acquire()), int(not s.acquire(False))])",
        "import multiprocessing as m\nq = m.Queue()\nq.put(1)\nprint([q.get(timeout=5), 1])",
        "import multiprocessing as m\nprint([min(1, m.cpu_count())] * 2)",
    ],
)
def test_threads_and_their_locks_work_under_multiprocessing_s_names(sandbox: Sandbox, code: str) -> None:
    with sandbox.session() as session:
        assert session.run(code).text == "[1, 1]"


def test_a_lock_is_let_go_by_its_owner_alone_and_no_more_than_it_was_taken(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert "AssertionError" in session.run("import multiprocessing as m\nm.RLock().release()").text
        assert "ValueError" in session.run("m.BoundedSemaphore(1).release()").text


def test_tables_preload_pandas_where_they_are_asked_for() -> None:
    pytest.importorskip("pandas")
    table = "import pandas as pd\nframe = pd.DataFrame({'a': [1, 2], 'b': ['x', 'x']})\n"
    with Sandbox(preload=(), tables=True, timeout_seconds=20) as sandbox:
        with sandbox.session() as session:
            assert session.run("import sys\n'pandas' in sys.modules").text == "Out: True"
            assert session.run(f"{table}int(frame.groupby('b').a.sum().x)").text == "Out: 3"
        assert sandbox.check_stdio(f"{table}print(frame.a.sum())", [("", "3")]).correct
        equal = "import pandas as pd\npd.testing.assert_frame_equal(f(), pd.DataFrame({'a': [%d, 2], 'b': ['x', 'x']}))"
        program = f"{table}def f():\n    return frame"
        assert sandbox.check_asserts(program, [equal % 1]).correct
        assert sandbox.check_asserts(program, [equal % 3]).outcome == "incorrect"
    assert "pandas" not in Settings().modules


def test_tables_without_pandas_name_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eurus_sandbox.settings.TABLES", "pandas_that_nobody_has")
    monkeypatch.setattr("eurus_sandbox.server.TABLES", "pandas_that_nobody_has")
    with (
        pytest.raises(SandboxError, match=r"Run: pip install .*eurus-sandbox.*tables.*, or set tables = false"),
        Sandbox(tables=True),
    ):
        pass
