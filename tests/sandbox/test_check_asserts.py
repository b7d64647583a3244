"""Programs judged by statements: what runs where, what crosses, and who decides."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eurus_core.errors import InputError
from eurus_sandbox import Sandbox
from eurus_sandbox.programs.assertions import read


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=("numpy",), timeout_seconds=5, memory_mb=256) as sandbox:
        yield sandbox


VALUES = [
    "None",
    "True",
    "0",
    "-7",
    "10**30",
    "1.5",
    "-0.0",
    "float('inf')",
    "'text \\u00e9 \\ud800'",
    "b'\\x00\\xff'",
    "[1, [2.0, 'x'], None]",
    "(1,)",
    "()",
    "{1, 2}",
    "frozenset({1})",
    "{'a': (3,), 2: [4]}",
    "{(1, 2): {3}}",
    "3 + 4j",
    "range(3)",
    "collections.Counter('aab')",
    "collections.deque([1, 2])",
    "collections.OrderedDict(a=1)",
    "fractions.Fraction(1, 3)",
    "decimal.Decimal('1.50')",
    "datetime.date(2024, 2, 29)",
    "datetime.datetime(2024, 2, 29, 12, 30)",
    "datetime.timedelta(hours=5)",
]


def test_every_literal_comes_back_with_its_type(sandbox: Sandbox) -> None:
    imports = "import collections, datetime, decimal, fractions\n"
    program = imports + "def f(n):\n    return [" + ", ".join(VALUES) + "][n]"
    tests = [
        f"value = {value}\nassert f({n}) == value and type(f({n})) is type(value) and repr(f({n})) == repr(value)"
        for n, value in enumerate(VALUES)
    ]
    verdict = sandbox.check_asserts(program, [imports, *tests])
    assert (verdict.outcome, verdict.why, verdict.trusted) == (
        "correct",
        f"{len(tests) + 1} of {len(tests) + 1} tests",
        True,
    )


@pytest.mark.parametrize(
    ("test", "passes"),
    [
        ("assert f(3) == 3", True),
        ("assert 3 == f(3)", True),
        ("assert f(3) != 4", True),
        ("assert f(3) == 4", False),
        ("assert f(1) == True", True),  # as in Python
        ("assert f(1) is True", False),
        ("assert f(True) is True", True),
        ("assert f(None) is None", True),
        ("assert not f([])", True),
        ("assert not f([0])", False),
        ("assert f(2) < 3", True),
        ("assert 3 < f(2)", False),
        ("assert f(2) in [1, 2]", True),
        ("assert f(2) not in (1, 2)", False),
        ("assert abs(f(0.30000000000000004) - 0.3) < 1e-9", True),
        ("assert abs(0.3 - f(0.4)) <= 1e-9", False),
        ("assert math.isclose(f(1.0), 1.0000001, rel_tol=1e-3)", True),
        ("assert f(x=[1, 2]) == [1, 2], 'with a message'", True),
        ("assert f('a') < 3", False),  # TypeError
        ("assert f(float('nan')) != f(1)", True),
        ("assert f((1, 2)) == [1, 2]", False),
        ("for n in range(3):\n    assert f(n) == n", True),
        ("assert [f(n) for n in range(3)] == [0, 1, 2]", True),
        ("assert sorted(f([2, 1])) == [1, 2]", True),
        ("import math\nassert math.isclose(f(2) ** 0.5, 1.41421356, abs_tol=1e-6)", True),
        ("def check(candidate):\n    assert candidate(5) == 5\ncheck(f)", True),
        ("def check(candidate):\n    assert candidate(5) == 6\ncheck(f)", False),
        ("x = f(2)\nassert x == 2", True),
        (f"assert f(0x1{'0' * 4000}) == 0x1{'0' * 4000}", True),
        (f"assert f(0x1{'0' * 4000}) == 2", False),  # an integer of more digits than Python spells out
    ],
)
def test_statements_are_judged_as_python_judges_them(sandbox: Sandbox, test: str, passes: bool) -> None:
    verdict = sandbox.check_asserts("def f(x): return x", [test])
    assert verdict.trusted
    assert verdict.outcome == ("correct" if passes else "incorrect")


def test_a_mutable_argument_comes_back_as_the_program_left_it(sandbox: Sandbox) -> None:
    program = "def f(x, d):\n    x.append(9)\n    d['k'] = 1"
    assert sandbox.check_asserts(program, ["x, d = [1], {}\nf(x, d)\nassert x == [1, 9] and d == {'k': 1}"]).correct


def test_a_mutable_argument_that_comes_back_is_itself(sandbox: Sandbox) -> None:
    program = "def same(x): return x\ndef copy(x): return list(x)\ndef grown(*, x):\n    x.append(3)\n    return x"
    honest = ["a = [1]\nassert same(a) is a", "a = [1]\nassert copy(a) is not a and copy(a) == a"]
    kept = "a = [1, 2]\nb = grown(x=a)\nassert a == [1, 2, 3] and b is a"
    assert sandbox.check_asserts(program, [*honest, kept]).correct
    assert sandbox.check_asserts(program, ["a = [1]\nassert same(a) is not a"]).outcome == "incorrect"
    assert sandbox.check_asserts(program, ["a = [1]\nsame(a).append(2)\nassert a == [1]"]).outcome == "incorrect"


def test_exceptions_cross_by_their_builtin_class(sandbox: Sandbox) -> None:
    program = "class Bad(ValueError): pass\ndef f(x):\n    if x < 0: raise Bad('negative')\n    return x"
    test = "try:\n    f(-1)\nexcept ValueError as error:\n    assert 'negative' in str(error)\nelse:\n    assert False"
    verdict = sandbox.check_asserts(program, [test])
    assert verdict.correct
    assert verdict.trusted
    assert sandbox.check_asserts("def f(x): return x", [test]).outcome == "incorrect"


def test_classes_are_judged_through_stubs(sandbox: Sandbox) -> None:
    program = (
        "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n"
        "    def pop(self): return self.items.pop()\n    def __len__(self): return len(self.items)"
    )
    test = "s = Stack()\ns.push(3)\ns.push([4])\nassert len(s) == 2 and s.pop() == [4] and s.items == [3]"
    verdict = sandbox.check_asserts(program, [test])
    assert (verdict.outcome, verdict.trusted) == ("correct", True)
    assert sandbox.check_asserts(program.replace("items.pop()", "items.pop(0)"), [test]).outcome == "incorrect"


def test_whether_an_object_is_true_its_own_process_says(sandbox: Sandbox) -> None:
    program = "class Bag:\n    def __init__(self, n): self.n = n\n    def __len__(self): return self.n"
    assert sandbox.check_asserts(program, ["assert not Bag(0)", "assert Bag(1)", "assert Bag(2) is not None"]).correct
    assert sandbox.check_asserts(program, ["assert Bag(0)"]).outcome == "incorrect"
    assert sandbox.check_asserts(program, ["assert not Bag(1)"]).outcome == "incorrect"


def test_an_object_may_be_used_in_a_with_statement_that_hides_no_failure(sandbox: Sandbox) -> None:
    program = (
        "class Box:\n    open = False\n    def __enter__(self):\n        self.open = True\n        return 5\n"
        "    def __exit__(self, *error):\n        self.open = False\n        return True"
    )
    opened = "box = Box()\nwith box as content:\n    assert content == {} and box.open\nassert not box.open"
    verdict = sandbox.check_asserts(program, [opened.format(5)])
    assert (verdict.outcome, verdict.trusted) == ("correct", True)
    assert sandbox.check_asserts(program, [opened.format(6)]).outcome == "incorrect"
    raising = sandbox.check_asserts(
        program, ["with Box():\n    1 / 0\nassert not Box().open"]
    )  # what the program makes of it is its own word
    assert (raising.outcome, raising.trusted) == ("correct", False)


def test_an_object_with_a_builtin_content_is_found_by_it(sandbox: Sandbox) -> None:
    program = "from enum import IntEnum\nclass Colour(IntEnum):\n    RED = 3\ndef f(): return [Colour.RED]"
    assert sandbox.check_asserts(program, ["assert f()[0] in {3, 4}", "assert {3: 'red'}[f()[0]] == 'red'"]).correct
    assert sandbox.check_asserts(program, ["assert f()[0] in {4, 5}"]).outcome == "incorrect"


def test_generators_and_named_tuples_are_values(sandbox: Sandbox) -> None:
    program = (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\n"
        "def g(n):\n    yield from range(n)\ndef f(): return P(1, 2)"
    )
    tests = [
        "assert list(g(3)) == [0, 1, 2]",
        "assert f() == (1, 2)",
        "p = f()\nassert p.x == 1 and p[1] == 2 and len(p) == 2",
    ]
    verdict = sandbox.check_asserts(program, tests)
    assert (verdict.outcome, verdict.trusted) == ("correct", True)


def test_arrays_cross_as_arrays(sandbox: Sandbox) -> None:
    program = "import numpy as np\ndef f(n): return np.arange(n)\ndef g(x): return np.float64(x)"
    tests = ["assert (f(3) == [0, 1, 2]).all()", "assert g(2.5) == 2.5", "assert np.allclose(f(2), [0, 1])"]
    assert sandbox.check_asserts(program, tests).correct


def test_what_only_the_programs_process_can_judge_is_flagged(sandbox: Sandbox) -> None:
    verdict = sandbox.check_asserts("def f(g, x): return g(x)", ["assert f(lambda x: x + 1, 2) == 3"])
    assert (verdict.outcome, verdict.rule, verdict.trusted) == ("correct", "asserts (inside)", False)
    program = "class E(Exception): pass\ndef f(): raise E"
    verdict = sandbox.check_asserts(program, ["try:\n    f()\nexcept E:\n    pass\nelse:\n    assert False"])
    assert (verdict.outcome, verdict.trusted) == ("correct", False)
    assert "E is caught" in verdict.why
    program = "class V:\n    def __init__(self, x): self.x = x\n    def __eq__(self, other): return self.x == other.x"
    verdict = sandbox.check_asserts(program, ["assert V(1) == V(1)"])
    assert (verdict.outcome, verdict.trusted) == ("correct", False)


def test_a_program_may_define_what_is_a_builtin(sandbox: Sandbox) -> None:
    assert sandbox.check_asserts("def sum(a, b): return a + b", ["assert sum(2, 3) == 5"]).correct
    assert sandbox.check_asserts("def bisect(x): return x", ["assert bisect(2) == 2"]).correct


@pytest.mark.parametrize(
    ("program", "outcome", "rule", "why"),
    [
        ("def f(x): return 4", "incorrect", "assert", "test 1 of 2: f(1) returned 4"),
        ("def f(x): return 2 // (2 - x)", "incorrect", "error", "test 2 of 2: f: ZeroDivisionError"),
        ("def g(x): return 2", "incorrect", "error", "test 1 of 2: f: NameError: name 'f' is not defined"),
        ("def f(x) return 2", "incorrect", "error", "the program: SyntaxError"),
        ("1 / 0", "incorrect", "error", "the program: ZeroDivisionError: division by zero (line 1)"),
        ("def f(x):\n    while True: pass", "timeout", "timeout", "test 1 of 2: ran past 1 s"),
        ("while True: pass", "timeout", "timeout", "ran past 1 s"),
        ("def f(x): return bytearray(1 << 33)", "incorrect", "memory", "test 1 of 2: f: MemoryError"),
        ("def f(x): return 'x' * (9 << 20)", "limit", "size", "test 1 of 2: a value of more than 8 MB"),
        ("def f(x):\n    import os\n    os._exit(0)", "incorrect", "died", "test 1 of 2: the process died"),
        ("def f(x):\n    y = []\n    y.append(y)\n    return y", "incorrect", "error", "RecursionError"),
        (
            "def f(x): raise ValueError('\\u202e\\ud800\\x1b[31m')",
            "incorrect",
            "error",
            "f: ValueError: \\u202e? (line 1)",
        ),
    ],
)
def test_a_verdict_says_which_test_failed_and_how(
    sandbox: Sandbox, program: str, outcome: str, rule: str, why: str
) -> None:
    verdict = sandbox.check_asserts(program, ["assert f(1) == 2", "assert f(2) == 2"], timeout_seconds=1)
    assert (verdict.outcome, verdict.rule) == (outcome, rule)
    assert why in verdict.why


def test_a_test_that_is_no_python_is_the_authors_mistake(sandbox: Sandbox) -> None:
    with pytest.raises(InputError, match="test 2 is no Python"):
        sandbox.check_asserts("def f(): pass", ["assert f() is None", "assert f( =="])


def test_names_are_the_programs_unless_the_tests_or_python_have_them() -> None:
    plan = read(
        ["import re\nx = [g(i) for i in range(3)]\nassert re.match(h, str(x)) and math.pi > np.e and Counter(x)"]
    )
    assert plan.names == ("g", "h")
    assert plan.given.splitlines() == ["from collections import Counter", "import math", "import numpy as np"]
