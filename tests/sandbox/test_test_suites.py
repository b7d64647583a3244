"""Suites of tests: what runs tests that only define, and what becomes of those that assert nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eurus_core.errors import InputError
from eurus_graders.code import entry_point
from eurus_sandbox import Sandbox
from eurus_sandbox.programs.uncalled import entries

DOUBLE = "def double(x):\n    if x < 0:\n        raise ValueError(x)\n    return 2 * x"
TRIPLE = "def double(x):\n    return 3 * x"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=(), timeout_seconds=10) as sandbox:
        yield sandbox


SUITES = {
    "pytest": "def test_two():\n    assert double(2) == 4",
    "pytest, two": "def test_zero():\n    assert double(0) == 0\n\ndef test_two():\n    assert double(2) == 4",
    "pytest with a default": "def test_two(x=2):\n    assert double(x) == 4",
    "a class of pytest's": "class TestDouble:\n    def setup_method(self):\n        self.x = 2\n    def test(self):\n        assert double(self.x) == 4",
    "unittest": "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(double(2), 4)",
    "unittest with main": "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(double(2), 4)\n\nif __name__ == '__main__':\n    unittest.main()",
    "unittest with a bare main": "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(double(2), 4)\nunittest.main(exit=False)",
    "unittest with a runner": "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(double(2), 4)\n"
    "unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T))",
    "unittest with setUp": "from unittest import TestCase\nclass T(TestCase):\n    def setUp(self):\n        self.x = 2\n    def test(self):\n"
    "        for y in (1, self.x):\n            with self.subTest(y=y):\n                self.assertEqual(double(y), 2 * y)",
    "an error that is asked for": "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        with self.assertRaises(ValueError):\n            double(-1)",
    "an error that is caught": "try:\n    double(-1)\n    assert False\nexcept ValueError:\n    pass",
    "an error that is missed": "try:\n    double(-1)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('no error')",
    "a comparison that raises": "if double(2) != 4:\n    raise Exception('wrong')",
    "HumanEval": "METADATA = {'author': 'x'}\n\ndef check(candidate):\n    assert candidate(2) == 4\n    assert candidate(0) == 0",
    "HumanEval, called": "def check(candidate):\n    assert candidate(2) == 4\ncheck(double)",
    "an import of the program": "from solution import double\n\ndef test_two():\n    assert double(2) == 4",
    "mathematics' words": "import math\nassert math.isclose(double(2), 4.0)",
    "under the guard of a script": "if __name__ == '__main__':\n    assert double(2) == 4",
}


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_a_suite_passes_a_right_program_and_fails_a_wrong_one(sandbox: Sandbox, suite: str) -> None:
    right, wrong = sandbox.check_asserts(DOUBLE, [suite]), sandbox.check_asserts(TRIPLE, [suite])
    assert (right.outcome, right.rule, right.trusted) == ("correct", "asserts", True), right.why
    assert wrong.outcome == "incorrect"


@pytest.mark.parametrize(
    ("tests", "found"),
    [
        (["pass"], "assert nothing"),
        (["double(2)"], "assert nothing"),
        (["import math\nx = double(2)"], "assert nothing"),
        (["assert True"], "assert nothing"),
        (["assert 'double(2) == 4'"], "assert nothing"),
        (["def helper():\n    return double(2)"], "assert nothing"),
        (["double(2) == 4"], "test 1 compares and asserts nothing: double(2) == 4. Needed is: assert double(2) == 4"),
        (["assert double(2) == 4", "double(3) == 6"], "test 2 compares and asserts nothing: double(3) == 6"),
        (["def check(f):\n    f(2) == 4\n    assert f(1) == 2"], "test 1 compares and asserts nothing: f(2) == 4"),
        (["assert (double(2) == 4, 'wrong')"], "test 1 asserts a tuple, which is always true"),
    ],
)
def test_tests_that_would_let_any_program_pass_are_refused(sandbox: Sandbox, tests: list[str], found: str) -> None:
    with pytest.raises(InputError) as refused:
        sandbox.check_asserts(DOUBLE, tests)
    assert found in str(refused.value)


@pytest.mark.parametrize(
    "test",
    [
        "if False:\n    assert double(2) == 4",
        "def verify():\n    assert double(2) == 4",
        "def test_two(tmp_path):\n    assert double(2) == 4",
        "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('later')\n    def test(self):\n        self.assertEqual(double(2), 4)",
        "for x in []:\n    assert double(x) == 2 * x",
        "if __name__ == 'solution':\n    assert double(2) == 4",
    ],
)
def test_a_suite_in_which_no_assertion_runs_shows_nothing(sandbox: Sandbox, test: str) -> None:
    for program in (DOUBLE, TRIPLE):
        verdict = sandbox.check_asserts(program, [test])
        assert (verdict.outcome, verdict.rule, verdict.why) == ("limit", "tests", "no assertion of the tests ran")
    assert sandbox.check_asserts(DOUBLE, [test, "assert double(2) == 4"]).correct


def test_tests_that_run_in_the_programs_process_are_counted_too(sandbox: Sandbox) -> None:
    program = "class Base:\n    def value(self):\n        return 4"
    derived = "class Derived(Base):\n    pass\n"  # a stub is no class to derive from
    passed = sandbox.check_asserts(program, [derived + "assert Derived().value() == 4"])
    assert (passed.outcome, passed.rule, passed.trusted) == ("correct", "asserts (inside)", False)
    assert sandbox.check_asserts(program, [derived + "assert Derived().value() == 5"]).outcome == "incorrect"
    idle = sandbox.check_asserts(program, [derived + "if False:\n    assert Derived().value() == 5"])
    assert (idle.outcome, idle.trusted) == ("limit", False)
    suite = f"import unittest\n{derived}class T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(Derived().value(), "
    assert sandbox.check_asserts(program, [suite + "4)"]).correct
    failed = sandbox.check_asserts(program, [suite + "5)"])
    assert (failed.outcome, failed.trusted) == ("incorrect", False)


def test_a_program_that_leaves_within_a_test_has_not_passed_it(sandbox: Sandbox) -> None:
    leaving = "import sys\nclass Base:\n    def value(self):\n        sys.exit(0)\ndef double(x):\n    sys.exit(0)"
    assert sandbox.check_asserts(leaving, ["assert double(2) == 4"]).outcome == "incorrect"
    assert sandbox.check_asserts(leaving, [SUITES["unittest"]]).outcome == "incorrect"
    inside = "class Derived(Base):\n    pass\nassert Derived().value() == 4"
    assert sandbox.check_asserts(leaving, [inside]).outcome == "incorrect"
    assert sandbox.check_asserts(leaving, ["assert 1 == 1 or double(0)", inside]).outcome == "incorrect"


@pytest.mark.parametrize(
    "test",
    [
        "try:\n    assert double(0) == 0\n    assert double(2) == 4\nexcept AssertionError:\n    print('failed')",
        "try:\n    assert double(0) == 0\n    assert double(2) == 4, 'twice'\nexcept:\n    pass",
        "assert double(0) == 0\ntry:\n    double(-1)\n    assert False\nexcept Exception:\n    pass",
    ],
)
def test_an_assertion_that_failed_has_failed_whatever_the_test_makes_of_it(sandbox: Sandbox, test: str) -> None:
    assert sandbox.check_asserts(DOUBLE, [test]).correct
    failed = sandbox.check_asserts(TRIPLE, [test])
    assert (failed.outcome, failed.why) == ("incorrect", "test 1 of 1: an assertion failed, and the test caught it")


def test_methods_of_the_program_assert_nothing_by_their_name(sandbox: Sandbox) -> None:
    program = (
        "class Box:\n    def assert_full(self):\n        return True\nbox = Box()\ndef assert_all():\n    return True"
    )
    for test in ("box.assert_full()", "Box().assert_full()", "assert_all()"):
        assert sandbox.check_asserts(program, [test]).outcome == "limit"


def test_a_failure_in_a_class_is_told_by_its_test(sandbox: Sandbox) -> None:
    verdict = sandbox.check_asserts(TRIPLE, [SUITES["unittest"]])
    assert (verdict.rule, verdict.why) == ("assert", "test 1 of 1: test: AssertionError: 6 != 4")


def test_check_is_called_with_the_entry_point_or_with_what_no_other_function_calls(sandbox: Sandbox) -> None:
    two = "def main(x):\n    return helper(x)\n\ndef helper(x):\n    return 2 * x + 0\n\ndef spare():\n    return 1"
    assert entries(two) == ["spare", "main"]
    assert sandbox.check_asserts(two, [SUITES["HumanEval"]]).correct
    assert sandbox.check_asserts(two, [SUITES["HumanEval"]], entry_point="helper").correct
    assert sandbox.check_asserts(two, [SUITES["HumanEval"]], entry_point="spare").outcome == "incorrect"
    assert (
        sandbox.check_asserts("x = 1", [SUITES["HumanEval"]]).why
        == "the program defines no function for the tests to call"
    )


def test_the_entry_point_is_what_the_instruction_leaves_to_be_written() -> None:
    assert entry_point("def helper(x):\n    return x\n\ndef double(x):\n    '''Twice x.'''\n") == "double"
    assert entry_point("Write a function that doubles.") == ""
