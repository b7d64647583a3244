"""Our own parts keep the contracts that we ask of third parties."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import pytest

from eurus_core.commands.parts import SETTABLE
from eurus_core.commands.settings import settings
from eurus_core.plugins import installed
from eurus_core.plugins.known import KNOWN_PACKAGES
from eurus_core.testing import BackendContract, GraderContract, SourceContract, ToolContract
from eurus_data.graders import ChoiceGrader, MathGrader, TextGrader
from eurus_data.sources import GSM8K, JSONL, MATH
from eurus_data.sources.arithmetic import Arithmetic
from eurus_data.tools.python import PythonTool
from eurus_serve import ScriptedBackend, TransformersBackend


class TestArithmetic(SourceContract):
    def part(self):
        return Arithmetic()


class TestJSONL(SourceContract):
    def part(self):
        return JSONL(path=rows_of({"instruction": f"What is {k} + 1?", "answer": k + 1} for k in range(60)))


class TestGSM8K(SourceContract):
    def part(self):
        return GSM8K(path=rows_of({"question": f"What is {k} + 1?", "answer": f"#### {k + 1}"} for k in range(60)))


class TestMATH(SourceContract):
    def part(self):
        return MATH(path=rows_of({"problem": f"What is {k} + 1?", "answer": str(k + 1)} for k in range(60)))


def rows_of(rows):
    """Return a file of rows, the same one for the same rows."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file = Path(tempfile.gettempdir()) / f"eurus-rows-{hashlib.sha256(text.encode()).hexdigest()[:16]}.jsonl"
    file.write_text(text)
    return file


class TestMathGrader(GraderContract):
    def part(self):
        return MathGrader()


class TestChoiceGrader(GraderContract):
    references = ("A", "(B)", "c", "d) Paris")

    def part(self):
        return ChoiceGrader()


class TestTextGrader(GraderContract):
    references = ("Paris", "12", "June 10, 1920")

    def part(self):
        return TextGrader()


class TestYesAndNo(TestTextGrader):
    references = ("yes", "no")


class TestDenotations(GraderContract):
    references = ("Paris", "yes", "12", "Paris|London", "June 10, 1920")

    def part(self):
        return TextGrader(match="denotation")


class TestPythonTool(ToolContract):
    def part(self):
        return PythonTool(preload=(), memory_mb=128)


class TestScripted(BackendContract):
    def part(self):
        return ScriptedBackend(replies=["one", "two"])


class TestTransformers(BackendContract):
    def part(self):
        return TransformersBackend(model="tiny", precision="float32", threads=1)


def test_every_part_of_ours_is_known_where_its_package_is_not_installed():
    ours = {
        (offer.kind, offer.component.name): offer.component.requires or offer.distribution
        for plugin in installed().plugins
        if plugin.distribution in {f"eurus-{name}" for name in ("data", "serve", "train", "rm", "eval")}
        for offer in plugin.offers
    }
    assert ours == KNOWN_PACKAGES


@pytest.mark.parametrize("kind", SETTABLE)
def test_every_setting_says_what_it_is_about(kind):
    for name, offer in installed().offers(kind).items():
        wordless = [row["name"] for row in settings(offer.load()) if not row["about"]]
        assert not wordless, f"{kind} {name}"
