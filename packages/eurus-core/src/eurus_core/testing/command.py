"""The command line in a process of its own, and the promise that its plugins import nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "numpy", "pydantic", "rich", "sympy", "matplotlib", "datasets")
"""What a plugin module, ``eurus --help`` and completion must not import."""


@pytest.fixture
def eurus(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process and folder of its own: ``eurus("parts", "objectives").stdout``."""

    def run(*args: str, stdin: str = "", timeout: float = 600, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "eurus_core", *args],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=timeout,
            env={**os.environ, **environment},
            check=False,
        )

    return run


def assert_light(statement: str, heavy: Sequence[str] = HEAVY) -> None:
    """Fail if running ``statement`` in a fresh interpreter imports anything heavy.

    ``assert_light("import eurus_simpo.plugin")`` belongs in every plugin's tests.
    """
    probe = f"import sys\n{statement}\nprint(*sorted(set({list(heavy)!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    imported = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    assert not imported, f"{statement!r} imports {imported}"
