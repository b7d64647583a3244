"""``eurus grade``: order, streaming, bad input, broken surroundings."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eurus_core.testing import assert_light

Eurus = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "eurus_core", "grade"]


def rows(*pairs: tuple[Any, ...]) -> str:
    return "".join(
        json.dumps(dict(zip(("prediction", "reference", "kind"), pair, strict=False))) + "\n" for pair in pairs
    )


def outcomes(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [json.loads(line).get("outcome", "error") for line in done.stdout.splitlines()]


def test_each_row_has_its_verdict_in_order_with_both_sides_as_they_were_read(eurus: Eurus) -> None:
    done = eurus(
        "grade", stdin=rows(("0.5", r"\frac12"), ("4", "5"), ("B", "(b)", "choice"), ("the cat", "Cat", "text"))
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["outcome"] for one in found] == ["correct", "incorrect", "correct", "correct"]
    assert set(found[0]) == {"outcome", "rule", "why", "parsed_prediction", "parsed_reference", "seconds"}
    assert (found[0]["rule"], found[0]["parsed_prediction"]) == ("number", "1/2")
    assert (found[1]["parsed_prediction"], found[1]["parsed_reference"]) == ("4", "5")
    assert found[3]["score"] == 1.0


def test_whole_replies_numbers_lists_and_nothing_are_judged(eurus: Eurus) -> None:
    given = rows(("So we add.\nThe answer is 42.", 42), (42.0, "42"), ("3", ["2", "3"]), ("", 7), ("[0, 5]", "[0, 5]"))
    assert outcomes(eurus("grade", stdin=given)) == ["correct", "correct", "correct", "unparsed", "correct"]


def test_settings_of_a_kind_are_given_by_set_or_in_the_row(eurus: Eurus) -> None:
    done = eurus(
        "grade",
        "--kind",
        "text",
        "--set",
        "match=denotation",
        stdin=rows(("b|a", "a|b"), ("a", "a|b"), ("b", ["a", "b"])),
    )
    assert outcomes(done) == ["correct", "incorrect", "correct"]
    row = {"prediction": "b|a", "reference": "a|b", "kind": {"name": "text", "match": "denotation"}}
    assert outcomes(eurus("grade", stdin=json.dumps(row))) == ["correct"]
    refused = eurus("grade", "--kind", "text", "--set", "match=loose", stdin=rows(("a", "a")))
    assert (refused.returncode, "match" in refused.stderr) == (2, True)
    unknown = eurus("grade", "--kind", "maths", stdin="")
    assert (unknown.returncode, "Did you mean 'math'?" in unknown.stderr) == (2, True)


def test_options_are_read_from_the_instruction(eurus: Eurus) -> None:
    row = {"prediction": "Paris", "reference": "B", "kind": "choice", "instruction": "Where?\n(A) London\n(B) Paris"}
    assert outcomes(eurus("grade", stdin=json.dumps(row))) == ["correct"]


def test_a_judge_s_verdicts_are_marked(eurus: Eurus) -> None:
    backend = 'backend={name = "scripted", replies = ["Fine.\\nVerdict: correct"]}'
    done = eurus("grade", "--kind", "judge", "--set", backend, stdin=rows(("yes", "yes"), ("no", "no")))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["outcome"], one["judged_by"], one["why"]) for one in found] == [
        ("correct", "scripted", "Fine.")
    ] * 2, done.stderr


def test_a_bad_line_ends_with_its_number_after_every_verdict_before_it(eurus: Eurus) -> None:
    done = eurus("grade", stdin=rows(("1", "1"), ("2", "3")) + "nope\n" + rows(("4", "4")))
    assert (done.returncode, outcomes(done)) == (2, ["correct", "incorrect"])
    assert done.stderr.startswith("eurus: <stdin>, line 3: not JSON")
    assert 'such as {"prediction": "1/2", "reference": "0.5"}' in done.stderr


def test_bad_lines_that_are_skipped_keep_their_places(eurus: Eurus) -> None:
    bad = {
        "nope": "not JSON",
        "[1, 2]": "list where an object should be",
        '{"prediction": "1"}': 'no "reference"',
        '{"prediction": "1", "reference": null}': '"reference" is null',
        '{"prediction": "1", "reference": " "}': '"reference" is empty',
        '{"prediction": "[0, 5]", "reference": [0, 5]}': "A list holds alternatives, each a text",
        '{"prediction": ["1"], "reference": "1"}': '"prediction" is a list',
        '{"prediction": null, "reference": "1"}': '"prediction" is null',
        '{"prediction": "1", "reference": "1", "kind": "maths"}': "Did you mean 'math'?",
        "[" * 100_000: "not JSON",
    }
    done = eurus("grade", "--skip-bad", stdin="".join(f"{line}\n{rows(('4', '4'))}" for line in bad))
    assert (done.returncode, outcomes(done)) == (0, ["error", "correct"] * len(bad))
    errors = [json.loads(line)["error"] for line in done.stdout.splitlines()[::2]]
    for number, (error, told) in enumerate(zip(errors, bad.values(), strict=True)):
        assert f"line {2 * number + 1}: " in error
        assert told in error


def test_any_bytes_are_a_prediction(tmp_path: Path) -> None:
    given = (
        b'\xef\xbb\xbf{"prediction": "\xff\xfe", "reference": "7"}\n\n'
        b'{"prediction": "\\u0000", "reference": "7"}\r\n'
        b'{"prediction": "\\ud800", "reference": "7"}\n'
        b'{"prediction": "' + b"9" * 3_000_000 + b'", "reference": "7"}\n'
        b'{"prediction": "\\ud800", "reference": "\\ud800", "kind": "text"}'
    )
    done = subprocess.run(COMMAND, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line.decode("utf-8")) for line in done.stdout.splitlines()]
    assert [one["outcome"] for one in found[:3]] == ["unparsed"] * 3
    assert found[3]["outcome"] in ("incorrect", "limit")
    assert found[4]["outcome"] == "correct"
    assert len(done.stdout) < 20_000


def test_nothing_in_is_nothing_out(eurus: Eurus) -> None:
    done = eurus("grade", stdin="")
    assert (done.returncode, done.stdout) == (0, "")
    assert eurus("grade", stdin="\n\n").stdout == ""


def test_explain_is_for_people(eurus: Eurus) -> None:
    done = eurus("grade", "--explain", stdin=rows(("0.5", r"\frac12"), ("\x1b[31m", "2")))
    assert re.search(
        r"line 1: correct \(number\)\n  prediction  0\.5\s+read as  1/2\n  reference   \\frac12", done.stdout
    )
    assert "\x1b" not in done.stdout


def test_verdicts_come_while_the_input_is_still_open_and_an_interrupt_is_clean() -> None:
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        for prediction in ("1", r"\frac{2}{2}"):
            running.stdin.write(rows((prediction, "1")))
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["outcome"] == "correct"
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 130
        assert "Traceback" not in running.stderr.read()


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    command = [
        sys.executable,
        "-c",
        'import sys; sys.stdout.writelines(\'{"prediction": 1, "reference": 1}\\n\' for _ in range(200000))',
    ]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer,
        subprocess.Popen(COMMAND, stdin=writer.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running,
    ):
        assert running.stdout is not None
        assert running.stderr is not None
        assert writer.stdout is not None
        writer.stdout.close()
        running.stdout.readline()
        running.stdout.close()
        assert running.wait(timeout=60) == 141
        assert running.stderr.read() == b""


def test_a_peer_s_disagreements_are_listed(eurus: Eurus) -> None:
    pytest.importorskip("math_verify")
    done = eurus(
        "grade", "--against", "math-verify", stdin=rows(("1/2", "0.5"), ("Fraction(1, 2)", "0.5"), ("B", "B", "choice"))
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["line"], one["outcome"], one["math-verify"]) for one in found] == [(2, "correct", "incorrect")]
    assert "judged 3, of which 1 otherwise than math-verify" in done.stderr


def test_a_peer_that_is_not_installed_is_named_with_its_pip_line(eurus: Eurus, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['math_verify'] = None\n")
    done = eurus("grade", "--against", "math-verify", stdin="", PYTHONPATH=str(tmp_path))
    assert (done.returncode, "pip install 'math-verify" in done.stderr) == (2, True)


def test_a_timeout_is_a_verdict(eurus: Eurus) -> None:
    terms = [rf"\sin({n})\sqrt{{{n}}}" for n in range(2, 140)]
    given = rows(("+".join(terms), "+".join(reversed(terms))), ("1", "1"))
    assert outcomes(eurus("grade", "--timeout", "0.00001", stdin=given)) == ["timeout", "correct"]


def test_the_command_is_light_until_it_runs() -> None:
    assert_light("import eurus_graders.command")


MEASURED = """
import resource, subprocess, sys
rows = ('{"prediction": "%d.0", "reference": "%d"}\\n' % (n, n) for n in range(int(sys.argv[1])))
running = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
running.stdin.writelines(rows)
running.stdin.close()
running.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime + used.ru_stime)
"""


@pytest.mark.slow
def test_memory_is_flat_and_5000_verdicts_a_second_of_cpu_are_reached() -> None:
    def peak(count: int) -> tuple[float, float]:
        command = [sys.executable, "-c", MEASURED, str(count), *COMMAND]
        kilobytes, seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        return float(kilobytes), float(seconds)

    small, many = peak(5_000), peak(100_000)
    assert many[0] < small[0] + 4 * 1024
    assert 95_000 / (many[1] - small[1]) > 5000


def test_code_without_tests_is_a_bad_line(eurus: Eurus) -> None:
    row = '{"prediction": "def f(): pass", "reference": "5", "kind": "code"}\n'
    done = eurus("grade", stdin=rows(("1", "1")) + row)
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == (
        'eurus: <stdin>, line 2: "reference" holds no tests. For code it is a list of assertions, or of [input, output].\n'
    )
    assert "holds no tests" in eurus("grade", "--skip-bad", stdin=row).stdout


def test_a_setting_that_a_kind_needs_is_named(eurus: Eurus) -> None:
    done = eurus("grade", "--kind", "judge", stdin=rows(("1", "1")))
    assert done.stderr == "eurus: kind {'name': 'judge'}: backend: is needed; see eurus parts graders judge\n"


def test_columns_that_are_not_used_are_named_once_and_a_misspelt_one_that_is_needed_is_an_error(eurus: Eurus) -> None:
    row = {"id": 7, "prediction": "1", "reference": "1", "knd": "text"}
    done = eurus("grade", stdin=f"{json.dumps(row)}\n" * 3 + json.dumps(row | {"source": "x"}))
    assert outcomes(done) == ["correct"] * 4
    assert done.stderr.splitlines() == [
        "line 1: not used: id, knd (a line has prediction, reference, kind, instruction)",
        "line 4: not used: source (a line has prediction, reference, kind, instruction)",
    ]
    refused = eurus("grade", stdin='{"prediction": "1", "refrence": "1"}')
    assert refused.returncode == 2
    assert refused.stderr.startswith('eurus: <stdin>, line 1: no "reference", but "refrence".')


def test_tests_that_assert_nothing_are_a_bad_line_and_take_no_other_verdict_with_them(eurus: Eurus) -> None:
    program = "def f(x):\n    return 2 * x"
    lines = rows(
        (program, ["assert f(2) == 4"]), (program, ["assert f(1) == 2", "f(2) == 4"]), (program, ["assert f(2) == 5"])
    )
    done = eurus("grade", "--kind", "code", "--skip-bad", stdin=lines)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one.get("outcome") for one in found] == ["correct", None, "incorrect"]
    assert "line 2: test 2 compares and asserts nothing: f(2) == 4" in found[1]["error"]
