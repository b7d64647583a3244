"""Our own parts keep the contracts that we ask of third parties."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

import eurus_train
from eurus_core.cli.parts import SETTABLE
from eurus_core.cli.settings import settings
from eurus_core.formats.stage import Import
from eurus_core.installing import OURS
from eurus_core.parts import installed
from eurus_core.parts.known import KNOWN_PACKAGES
from eurus_core.records import Problem, Reference, Sampling
from eurus_core.records.request_keys import request_key
from eurus_core.stages import Context
from eurus_core.testing import (
    BackendContract,
    CommandContract,
    CriticContract,
    FunctionContract,
    GraderContract,
    PartContract,
    RecipeContract,
    SourceContract,
    StageContract,
    ToolContract,
)
from eurus_data.assist import ReferenceBackend
from eurus_data.critics import ModelCritic, RuleCritic
from eurus_data.functions.wikipedia import WikipediaSearch
from eurus_data.grow import Grow
from eurus_data.sources import GSM8K, JSONL, MATH
from eurus_data.sources.generated.arithmetic import Arithmetic
from eurus_eval.stages.best_of_n import BestOfN
from eurus_eval.stages.compare import Compare
from eurus_eval.stages.evaluate import Evaluate
from eurus_graders import ChoiceGrader, CodeGrader, MathGrader, TextGrader
from eurus_rm.stage import TrainReward
from eurus_sandbox.tool import PythonTool
from eurus_serve import ReplayBackend, ScriptedBackend, TransformersBackend
from eurus_train.learning.stage import Train
from eurus_train.objectives import NCAK, SFT


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


class TestCodeGrader(GraderContract):
    references = tuple(f"```python\ndef f():\n    return {number}\n```" for number in (7, 8, 9))

    def part(self):
        return CodeGrader()

    def problem(self, reference):
        number = reference.split()[-2]
        return Problem("p", "Coding", "contract", "Write f.", Reference(asserts=(f"assert f() == {number}",)))


class TestSFT(PartContract):
    def part(self):
        return SFT()


class TestNCAK(PartContract):
    def part(self):
        return NCAK()


class TestReplay(BackendContract):
    def part(self):
        asked = ({"request_key": request_key(one), "reply": {"text": f"reply {one.seed}"}} for one in self.requests())
        return ReplayBackend(path=rows_of(asked))


class TestReference(BackendContract):
    def part(self):
        return ReferenceBackend()

    def requests(self):
        return [replace(one, problem=SUM) for one in super().requests()]


class TestRuleCritic(CriticContract):
    def part(self):
        return RuleCritic()


class TestModelCritic(CriticContract):
    def part(self):
        return ModelCritic(backend=ScriptedBackend(replies=["Is it {answer}?", "Count again.", "It is {answer}."]))


class TestWikipediaSearch(FunctionContract):
    def part(self):
        return WikipediaSearch(corpus=rows_of({"title": name, "text": f"{name}s eat."} for name in ("Otter", "Owl")))

    def calls(self):
        return [("Otter",), ("What do owls eat?",), ("zebra",)]


class TestImport(StageContract):
    def part(self):
        return Import(rows=(PAIRS,))


class TestGrow(StageContract):
    def part(self):
        actors = [{"backend": ScriptedBackend(replies=["It is {answer}.", "No idea."]), "samples": 4}]
        return Grow(source=Arithmetic(), problems=3, turns=2, actors=actors, tool="none")


class TestEvaluate(StageContract):
    def part(self):
        return Evaluate(
            source=Arithmetic(), problems=3, backend=ScriptedBackend(replies=["It is {answer}.", "No idea."])
        )


class TestCompare(StageContract):
    def part(self):
        return Compare(samples={"one": str(samples(1)), "other": str(samples(2))})


class TestBestOfN(StageContract):
    def part(self):
        return BestOfN(samples=str(samples(1)))


class TestTrain(StageContract):
    def part(self):
        return Train(**LEARNING, objective="eurus-train/dpo", learning_rate=1e-4)


class TestTrainReward(StageContract):
    def part(self):
        return TrainReward(**LEARNING, objective="eurus-rm/bt")


SUM = Problem("p", "Math_CoT", "contract", "What is 2 + 2?", Reference(answer="4", rationale="2 + 2 = 4"))
PAIRS = Path(eurus_train.__file__).parent / "recipes/tiny/pairs.jsonl"
LEARNING = {"model": "tiny", "trees": str(PAIRS), "trees_per_step": 8, "forest_tokens": 1024, "max_length": 1024}


@functools.cache
def samples(seed):
    """Return a file of samples of two problems, two of each."""
    folder = Path(tempfile.mkdtemp())
    source, backend = Arithmetic(), ScriptedBackend(replies=["It is {answer}.", "No idea."])
    stage = Evaluate(source=source, problems=2, samples=2, sampling=Sampling(temperature=1.0), backend=backend)
    context = Context(folder, seed=seed)
    stage.run(context)
    return context.path("samples")


@pytest.fixture(params=sorted(installed().offers("recipes")))
def shipped(request):
    return request.param


class TestShippedRecipes(RecipeContract):
    profile = "tiny"

    @pytest.fixture(autouse=True)
    def _shipped(self, shipped):
        self.name = shipped


class TestCommands(CommandContract):
    @pytest.fixture(autouse=True, params=sorted(installed().offers("commands")))
    def _offered(self, request):
        self.found = installed().find("commands", request.param).load()

    def command(self):
        return self.found


TESTS = Path(__file__).parents[1]


def under_contract():
    """Return the names of the classes that contracts are run on, in all our tests."""
    found = set()
    for file in TESTS.rglob("test_*.py"):
        for one in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(one, ast.FunctionDef) and one.name == "part" and isinstance(one.body[-1], ast.Return):
                made = one.body[-1].value
                if isinstance(made, ast.Call) and isinstance(made.func, ast.Name):
                    found.add(made.func.id)
    return found


def test_every_part_of_ours_runs_the_contract_of_its_kind():
    ours = {
        offer.component.target.rpartition(":")[2]
        for plugin in installed().plugins
        if plugin.distribution in OURS
        for offer in plugin.offers
        if offer.kind in SETTABLE
    }
    assert not ours - under_contract()


def test_every_part_of_ours_is_known_where_its_package_is_not_installed():
    ours = {
        (offer.kind, offer.component.name): offer.component.requires or offer.distribution
        for plugin in installed().plugins
        if plugin.distribution
        in {f"eurus-{name}" for name in ("sandbox", "graders", "data", "serve", "train", "rm", "eval")}
        for offer in plugin.offers
    }
    assert ours == KNOWN_PACKAGES


@pytest.mark.parametrize("kind", SETTABLE)
def test_every_setting_says_what_it_is_about(kind):
    for name, offer in installed().offers(kind).items():
        wordless = [row["name"] for row in settings(offer.load()) if not row["about"]]
        assert not wordless, f"{kind} {name}"
