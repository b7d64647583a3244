"""What a session's process becomes when its first frame brings no cell: a program under trial, or the tests that try it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from eurus_sandbox.programs import program, test_process


def begin(control: int, message: Mapping[str, Any]) -> NoReturn:
    """Take up the role that the parent's first frame gives."""
    if "names" in message:
        test_process.serve(control, message["names"])
    if message["role"] == "main":
        program.run(control, message["program"])
    program.serve(control, message["program"], inside=message["role"] == "inside")
