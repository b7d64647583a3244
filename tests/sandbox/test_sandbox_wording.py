"""How a cell's output is worded: IPython's text, the echo's counter dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from eurus_core.records.turns import NO_OUTPUT
from eurus_sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=("numpy", "sympy"), output_chars=4000, memory_mb=256) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("x = 2\nx * 21", "Out: 42"),
        ("x = 2", NO_OUTPUT),
        ("None", NO_OUTPUT),
        ("3;", NO_OUTPUT),
        ("1\n2\n3", "Out: 3"),
        ("print('a')\nprint('b')\n'c'", "a\nb\nOut: 'c'"),
        ("print('no newline', end='')", "no newline"),
        ("import sys\nprint('late', file=sys.stderr)", "late"),
        ("from sympy import *\nx = symbols('x')\nsolve(x**2 - 4, x)", "Out: [-2, 2]"),
        ("import sympy\nsympy.Matrix([[1, 2], [3, 4]])", "Out: \nMatrix([\n[1, 2],\n[3, 4]])"),
        ("import numpy as np\nnp.arange(3)", "Out: array([0, 1, 2])"),
        ("-4-6j", "Out: (-4-6j)"),
        ("print('\\x1b[31mred\\x1b[0m\\0')", "red"),
        ("'\\ud800'", "Out: '\\ud800'"),
        ("print('\\ud800')", "\\ud800"),
        ("import sys\nprint('before')\nsys.exit()\nprint('after')", "before"),
        ("exit()", NO_OUTPUT),
        ("\ufeff6 * 7", "Out: 42"),
        ("import sys\nsys.argv, sys.orig_argv", "Out: ([''], [])"),
        ("import argparse\nargparse.ArgumentParser().parse_args()", "Out: Namespace()"),
        ("import asyncio\nawait asyncio.sleep(0, 'waited')", "Out: 'waited'"),
    ],
)
def test_a_cell_shows(sandbox: Sandbox, code: str, text: str) -> None:
    with sandbox.session() as session:
        seen = session.run(code)
        assert (seen.text, seen.status) == (text, "ok")


def test_a_syntax_error_names_its_cell_and_line(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("face_value = 1\nyield = 0.09")
    assert seen.status == "error"
    assert seen.text == (
        "Cell In[1], line 2\n    yield = 0.09\n    ^\nSyntaxError: assignment to yield expression not possible"
    )


def test_an_exception_is_told_as_ipython_tells_it(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.run("pass")
        seen = session.run("a = 1\na / 0")
    assert seen.status == "error"
    assert seen.text == (
        "-" * 75 + "\n"
        "ZeroDivisionError                         Traceback (most recent call last)\n"
        "Cell In[2], line 2\n"
        "      1 a = 1\n"
        "----> 2 a / 0\n"
        "\n"
        "ZeroDivisionError: division by zero"
    )


def test_a_traceback_through_a_library_does_not_name_this_machines_folders(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        text = session.run("import numpy as np\nnp.linalg.inv(np.zeros((2, 2)))").text
    assert re.search(r"File site-packages/numpy/linalg/_?linalg.py:", text)  # without the underscore before numpy 2
    assert "File /" not in text


@pytest.mark.parametrize(
    "code",
    [
        "class Broken:\n    def __repr__(self): return 1 / 0\nBroken()",
        "raise ExceptionGroup('several', [ValueError(1)])",
        "!ls",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [32])",
    ],
)
def test_what_runs_the_cell_is_not_in_what_it_shows(sandbox: Sandbox, code: str) -> None:
    with sandbox.session() as session:
        text = session.run(code).text
    assert "Error" in text or "ExceptionGroup" in text or "RuntimeWarning" in text
    assert "interpreter.py" not in text
    assert "/python3" not in text


def test_code_that_python_gives_up_on_says_why_and_no_more(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        shown = session.run("x = " + "1+" * 20_000 + "1")
    assert shown.status == "error"
    assert "RecursionError: maximum recursion depth exceeded during" in shown.text
    assert "never awaited" not in shown.text


def test_a_cell_in_any_script_may_be_as_long(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert session.run(f"len('{'数' * 300_000}')").text == "Out: 300000"


def test_a_thread_that_fails_does_not_name_this_machines_folders(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        text = session.run(
            "import threading\nthread = threading.Thread(target=lambda: 1 / 0)\nthread.start()\nthread.join()"
        ).text
    assert "ZeroDivisionError" in text
    assert 'File "python3.' in text
    assert 'File "/' not in text


def test_a_failure_without_words_does_not_read_as_success(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        shown = session.run("import os\nos.close(1)\nprint('x')")
    assert (shown.status, shown.text) == (
        "error",
        "[The code failed and did not say why: its output is closed or replaced.]",
    )


def test_a_deep_recursion_is_told_shortly_and_soon(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("def f(n): return f(n + 1)\nf(0)")
    assert seen.status == "error"
    assert seen.text.endswith("RecursionError: maximum recursion depth exceeded")
    assert seen.seconds < 5


def test_long_output_is_cut_in_the_middle_and_keeps_its_error(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("print('A' * 10_000)\n1 / 0")
    assert "characters cut ...]" in seen.text
    assert seen.text.startswith("AAAA")
    assert seen.text.endswith("ZeroDivisionError: division by zero")
    assert len(seen.text) < 4050


def test_an_exit_status_other_than_zero_is_an_error(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        seen = session.run("import sys\nsys.exit(3)")
    assert (seen.status, seen.text.splitlines()[-1]) == ("error", "SystemExit: 3")


def test_standard_input_is_empty(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert session.run("input()").text.endswith("EOFError: EOF when reading a line")


def test_rich_output_is_its_text(sandbox: Sandbox) -> None:
    rich = "class Rich:\n    def _repr_html_(self): return '<b>x</b>'\n    def __repr__(self): return 'plain'\n"
    with sandbox.session() as session:
        assert session.run(rich + "Rich()").text == "Out: plain"
        assert session.run("display(Rich())").text == "plain"
        assert session.run("from IPython.display import HTML\nHTML('<b>x</b>')").text == (
            "Out: <IPython.core.display.HTML object>"
        )


def test_a_figure_is_told_as_a_notebook_tells_it_and_is_gone_then(sandbox: Sandbox) -> None:
    pytest.importorskip("matplotlib")
    draw = "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    with sandbox.session() as session:
        assert session.run(draw, timeout_seconds=60).text == "<Figure size 640x480 with 1 Axes>"
        assert session.run("plt.get_fignums()").text == "Out: []"
