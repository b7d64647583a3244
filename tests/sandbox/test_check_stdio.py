"""Programs judged by what they print: plain Python semantics inside, the comparison outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from eurus_sandbox import AsyncSandbox, Sandbox
from eurus_sandbox.programs.stdio import difference


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=("numpy",), timeout_seconds=5, memory_mb=256) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    "program",
    [
        "print(int(input()) * 2)",
        "import sys\nprint(int(sys.stdin.readline()) * 2)",
        "import sys\nsys.stdout.write(str(int(sys.stdin.read()) * 2))",
        "import sys\nprint(int(sys.stdin.buffer.read()) * 2)",
        "print(int(open(0).read()) * 2)",
        "import os\nprint(int(os.read(0, os.fstat(0).st_size)) * 2)",
        "import io, os, sys\nsys.stdin = io.BytesIO(os.read(0, os.fstat(0).st_size))\nprint(int(sys.stdin.readline()) * 2)",
        "import sys\nfor line in sys.stdin:\n    print(int(line) * 2)",
        "from sys import *\ninput = stdin.readline\nprint(int(input()) * 2)",
    ],
)
def test_input_arrives_however_a_program_reads_it(sandbox: Sandbox, program: str) -> None:
    assert sandbox.check_stdio(program, [("21\n", "42\n")]).correct


@pytest.mark.parametrize(
    "program",
    [
        "def main():\n    print(42)\nif __name__ == '__main__':\n    main()",
        "import sys\nprint(42)\nsys.exit(0)",
        "print(42)\nexit()",
        "print(42, flush=True)\nimport os\nos._exit(0)",
        "import sys\nprint(42)\nprint('debugging', file=sys.stderr)",
        "import atexit\natexit.register(print, 42)",
        "import threading\nthreading.Thread(target=lambda: print(42)).start()",
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 26)\n"
        "def f(n): return 0 if n == 0 else f(n - 1)\n"
        "def main():\n    f(50000)\n    print(42)\n"
        "t = threading.Thread(target=main)\nt.start()\nt.join()",
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int'\nprint(P(42).x)",
        "import sys\nassert sys.argv == [__file__] and sys.modules['__main__'].__file__ == __file__\nprint(42)",
        "import numpy as np\nprint(np.int64(42))",
        "\ufeffprint(42)",
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_STACK, resource.getrlimit(resource.RLIMIT_STACK))\n"
        "sys.setrecursionlimit(10**6)\nprint(42)",
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(16) as pool:\n"
        "    print(sum(pool.map(lambda n: (time.sleep(0.1), n)[1], [2] * 16 + [10])))",
    ],
)
def test_a_program_runs_as_python_would_run_it(sandbox: Sandbox, program: str) -> None:
    assert sandbox.check_stdio(program, [("", "42")]).correct


@pytest.mark.parametrize(
    ("program", "outcome", "rule", "why"),
    [
        ("print(41)", "incorrect", "stdout", "line 1 is '41', expected '42'"),
        ("print(42)\n1 / 0", "incorrect", "error", "ZeroDivisionError: division by zero (line 2)"),
        ("print(42)\nimport sys\nsys.exit(3)", "incorrect", "error", "SystemExit: 3 (line 3)"),
        ("print(42)\nimport os\nos._exit(1)", "incorrect", "error", "exit status 1"),
        ("print(42", "incorrect", "error", "SyntaxError: '(' was never closed"),
        ("print(input())", "incorrect", "error", "EOFError: EOF when reading a line (line 1)"),
        ("print(42, flush=True)\nimport ctypes\nctypes.string_at(1)", "incorrect", "died", "the process died"),
        ("x = bytearray(1 << 32)", "incorrect", "memory", "MemoryError"),
        ("while True: pass", "timeout", "timeout", "ran past 1 s"),
        ("sum(range(10**13))", "timeout", "timeout", "ran past 1 s"),
        ("while True: print('x' * 10000)", "incorrect", "flood", "printed too much"),
        ("raise ValueError('\\u202e\\x1b[31m')", "incorrect", "error", "ValueError: \\u202e (line 1)"),
        ("import os\nos.write(3, b'\\x02\\0\\0\\0{}')", "incorrect", "error", "the process did not say how it ended"),
    ],
)
def test_a_verdict_says_what_went_wrong(sandbox: Sandbox, program: str, outcome: str, rule: str, why: str) -> None:
    verdict = sandbox.check_stdio(program, [("", "42")], timeout_seconds=1)
    assert (verdict.outcome, verdict.rule) == (outcome, rule)
    assert verdict.why.startswith("test 1 of 1: ")
    assert why in verdict.why


def test_bytes_that_are_no_text_do_not_equal_the_character_that_stands_for_them(sandbox: Sandbox) -> None:
    program = "import sys\nsys.stdout.buffer.write(b'\\xff')"
    assert sandbox.check_stdio(program, [("", "\ufffd")]).outcome == "incorrect"
    assert sandbox.check_stdio("print('\ufffd')", [("", "\ufffd")]).correct


def test_the_first_test_that_fails_is_named_and_the_rest_is_not_run(sandbox: Sandbox) -> None:
    program = "n = int(input())\nwhile n == 3: pass\nprint(n)"
    tests = [("1", "1"), ("2", "20"), ("3", "3")]
    verdict = sandbox.check_stdio(program, tests, timeout_seconds=1)
    assert (verdict.outcome, verdict.why) == ("incorrect", "test 2 of 3: line 1 is '2', expected '20'")


def test_tests_run_together_give_the_verdict_of_tests_in_turn(sandbox: Sandbox) -> None:
    tests = [(str(n), str(n * n)) for n in range(8)]
    assert sandbox.check_stdio("print(int(input()) ** 2)", tests, together=True).correct
    verdict = sandbox.check_stdio("n = int(input())\nprint(n * n if n != 5 else 0)", tests, together=True)
    assert verdict.why == "test 6 of 8: line 1 is '0', expected '25'"


def test_each_test_has_a_fresh_process(sandbox: Sandbox) -> None:
    program = "import builtins\nprint(getattr(builtins, 'seen', 0))\nbuiltins.seen = 1"
    assert sandbox.check_stdio(program, [("", "0"), ("", "0")]).correct


def test_megabytes_pass_in_both_directions(sandbox: Sandbox) -> None:
    text = "\n".join(map(str, range(300_000)))
    assert sandbox.check_stdio("import sys\nprint(sys.stdin.read())", [(text, text)]).correct


def test_input_cannot_be_written_to(sandbox: Sandbox) -> None:
    program = "import os\ntry:\n    os.pwrite(0, b'x' * 4096, 1 << 20)\nexcept OSError:\n    print('refused')"
    assert sandbox.check_stdio(program, [("1", "refused")]).correct


def test_many_programs_may_be_awaited_at_once() -> None:
    async def judge() -> list[bool]:
        async with AsyncSandbox(preload=()) as sandbox:
            checks = [sandbox.check_stdio("print(int(input()) + 1)", [(str(n), str(n + 1))]) for n in range(12)]
            return [verdict.correct for verdict in await asyncio.gather(*checks)]

    assert asyncio.run(judge()) == [True] * 12


@pytest.mark.parametrize(
    ("printed", "expected", "tolerance", "equal"),
    [
        ("1 2\n", "1 2", None, True),
        ("1 2  \n\n\n", "1 2\n", None, True),
        ("1 2\r\n3\r\n", "1 2\n3\n", None, True),
        (" 1 2", "1 2", None, False),
        ("1\n2", "1 2", None, False),
        ("1\n2", "1 2", 0.0, True),
        ("1  2\n", "1 2", None, False),
        ("0.3333", "0.33333333", None, False),
        ("0.3333", "0.33333333", 1e-3, True),
        ("0.3333", "0.33333333", 1e-6, False),
        ("1e9", "1000000000.0", 1e-6, True),
        ("1000000006", "1000000007", 1e-6, False),  # residues are no measurements
        ("nan", "1", 1e-6, False),
        ("inf", "1e999", 1e-6, False),
        ("yes", "YES", 1e-6, False),
        ("1 2 3", "1 2", 1e-6, False),
        ("", "", None, True),
        ("\n", "", None, True),
    ],
)
def test_outputs_agree_by_lines_or_within_a_tolerance_by_words(
    printed: str, expected: str, tolerance: float | None, equal: bool
) -> None:
    assert (difference(printed, expected, tolerance) == "") is equal
