"""Hostile code against the sandbox, by the checker of ``benchmarks/hostile.py``: what it would take, break or reach is found untouched.

Cells, and programs that would be called correct. Half of our lists runs always, the public list beside the repository where it is
there; one case in twenty runs below T3, too. Nothing runs before the layers that hold it have been seen to hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import OWN, Bait, Case, attack, bait, confined, read_cases

from eurus_sandbox import Sandbox

CASES = [case for file in OWN for case in read_cases(file)]
ALL = [pytest.param(case, marks=[pytest.mark.slow] if number % 2 else []) for number, case in enumerate(CASES)]
"""All cases, every second one slow: together they take half a minute of processor time."""
PUBLIC = Path(__file__).parents[3] / "shared" / "cases" / "hostile_public.jsonl"
BESIDE = read_cases(PUBLIC) or [
    pytest.param({}, marks=pytest.mark.skip(reason=f"no {PUBLIC.name} beside the repository"))
]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bait]:
    with bait(tmp_path_factory.mktemp("bait")) as planted:
        yield planted


@pytest.fixture(scope="module")
def sandbox(planted: Bait) -> Iterator[Sandbox]:
    """At the best tier that this machine has."""
    with confined("T3", least="T2") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def sandbox_without_namespaces(planted: Bait) -> Iterator[Sandbox]:
    with confined("T2") as sandbox:
        yield sandbox


@pytest.mark.parametrize("case", ALL, ids=[case["name"] for case in CASES])
def test_our_hostile_code_takes_breaks_and_reaches_nothing(case: Case, sandbox: Sandbox, planted: Bait) -> None:
    assert attack(case, sandbox, planted) == []


@pytest.mark.parametrize("case", CASES[::20], ids=lambda case: case["name"])
def test_nor_does_it_without_namespaces(case: Case, sandbox_without_namespaces: Sandbox, planted: Bait) -> None:
    assert attack(case, sandbox_without_namespaces, planted) == []


@pytest.mark.realdata
@pytest.mark.parametrize("case", BESIDE, ids=lambda case: case.get("name", "none"))
def test_public_hostile_code_takes_breaks_and_reaches_nothing(case: Case, sandbox: Sandbox, planted: Bait) -> None:
    assert attack(case, sandbox, planted) == []


def test_other_sessions_do_not_notice_a_session_that_breaks_itself(sandbox: Sandbox) -> None:
    with sandbox.session() as calm, sandbox.session() as wild:
        calm.run("x = 5")
        wild.run("import builtins, os\nbuiltins.len = None\nos.write = None\nbuiltins.print = None")
        wild.run("import os\nos._exit(1)")
        assert calm.run("print(len([x]), x)").text == "1 5"


def test_the_sandbox_judges_on_after_all_that(sandbox: Sandbox) -> None:
    assert sandbox.check_stdio("print(input())", [("1", "1")]).correct
    assert sandbox.check_asserts("def f(x): return x", ["assert f(1) == 1"]).correct
