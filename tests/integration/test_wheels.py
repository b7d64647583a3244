"""The eight wheels, in environments that hold nothing else: a package alone does what its README promises.

Each environment is made with ``python -m venv`` and pip: one package of ours is asked for, and it and its siblings come from wheels that
are built here, the rest from the index. So a requirement that a package forgot to declare, and a file that its wheel lacks, end a command
with an error; nothing of the environment that runs the tests can be seen from there. torch is held at the release that runs the tests.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "examples/data"
PACKAGES = sorted(folder.name for folder in (ROOT / "packages").iterdir())
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")

SESSION = """
from eurus_sandbox import Sandbox

with Sandbox() as sandbox:
    with sandbox.session() as session:
        print(session.run("x = 2\\nx * 21").text)
    print(sandbox.check_stdio("print(int(input()) * 2)", [("21\\n", "42\\n")]).outcome)
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment and an empty folder in which its programs run."""

    bin: Path
    folder: Path

    def __call__(self, program: str, *args: str, stdin: str = "") -> str:
        """Run a program of this environment; return what it printed, and fail with its errors unless it ends with 0."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        done = subprocess.run(
            [self.bin / program, *args],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**own, "EURUS_CACHE": str(self.folder / "cache")},
            check=False,
        )
        assert done.returncode == 0, f"{program} {' '.join(args)} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def python(self, program: str) -> str:
        return self("python", "-c", program)

    def installed(self) -> set[str]:
        """Return the names of all distributions in it."""
        names = "import importlib.metadata as m; print(*{one.metadata['Name'].lower() for one in m.distributions()})"
        return set(self.python(names).split())

    def ours(self) -> set[str]:
        return self.installed() & {*PACKAGES}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the wheels, built as ``make wheels`` builds them, but with the hatchling that is installed here."""
    folder = tmp_path_factory.mktemp("dist")
    sources = [str(ROOT / "packages" / name) for name in PACKAGES]
    subprocess.run([*PIP, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, *sources], check=True)
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where the package index cannot be reached."""
    asked = [*PIP, "download", "-q", "--no-deps", "--no-cache-dir", "--retries", "1", "pluggy"]
    done = subprocess.run(
        [*asked, "-d", tmp_path_factory.mktemp("index")], capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        pytest.skip(f"the package index cannot be reached: {(done.stderr.splitlines() or ['pip says nothing'])[-1]}")


@pytest.fixture(scope="module")
def environment(wheels: Path, index: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Environment]:
    """Make an environment that holds one package of ours and what it requires."""

    def make(package: str) -> Environment:
        place = tmp_path_factory.mktemp(package)
        subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)
        torch = importlib.metadata.version("torch").partition("+")[0]
        ours = [f"{name}=={version(name)}" for name in PACKAGES]
        (place / "constraints.txt").write_text("\n".join((f"torch=={torch}", *ours)))
        install = [place / "venv/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        found = ["--find-links", wheels, "-c", place / "constraints.txt"]
        done = subprocess.run([*install, *found, package], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (place / "work").mkdir()
        made = Environment(place / "venv/bin", place / "work")
        for name in made.ours():
            record = f"import importlib.metadata as m; print(m.distribution({name!r}).read_text('RECORD'))"
            assert built(wheels, name) <= {*made.python(record).split()}, f"{name} came from the index, not from here"
        made("python", "-m", "pip", "check")
        assert "not loaded" not in made("eurus", "plugins", "--check")
        return made

    return make


def version(name: str) -> str:
    return str(tomllib.loads((ROOT / "packages" / name / "pyproject.toml").read_text())["project"]["version"])


def built(wheels: Path, name: str) -> set[str]:
    """Return the lines of a wheel's RECORD: each file with its hash and size."""
    stem = f"{name.replace('-', '_')}-{version(name)}"
    with zipfile.ZipFile(wheels / f"{stem}-py3-none-any.whl") as wheel:
        return {*wheel.read(f"{stem}.dist-info/RECORD").decode().split()}


def test_there_is_a_wheel_for_each_package_with_every_file_of_it(wheels):
    assert len([*wheels.iterdir()]) == len(PACKAGES) == 8
    for name in PACKAGES:
        source = ROOT / "packages" / name / "src"
        files = {
            str(file.relative_to(source)) for file in source.rglob("*") if file.is_file() and file.suffix != ".pyc"
        }
        packed = {line.split(",")[0] for line in built(wheels, name)}
        assert files == {file for file in packed if ".dist-info/" not in file}
        assert any(file.endswith("licenses/LICENSE") for file in packed)


def test_graders_alone_judge_answers(environment):
    eurus = environment("eurus-graders")
    assert eurus.ours() == {"eurus-core", "eurus-graders", "eurus-sandbox"}
    assert not eurus.installed() & {"torch", "transformers"}
    shutil.copy(ROWS / "answers.jsonl", eurus.folder)
    verdicts = [json.loads(line) for line in eurus("eurus", "grade", "answers.jsonl").splitlines()]
    assert [verdict["outcome"] for verdict in verdicts] == ["correct", "correct", "incorrect"]
    assert [verdict["rule"] for verdict in verdicts] == ["number (boxed)", "letter", "assert"]
    assert (
        eurus.python("from eurus_graders import grade; print(grade('The answer is 0.5.', '1/2').outcome)")
        == "correct\n"
    )


def test_the_sandbox_alone_runs_code(environment):
    eurus = environment("eurus-sandbox")
    assert eurus.ours() == {"eurus-core", "eurus-sandbox"}
    assert eurus("eurus", "sandbox", "run", stdin="x = 2\nprint(x * 21)\n") == "42\n"
    assert eurus.python(SESSION) == "Out: 42\ncorrect\n"


def test_learning_needs_neither_growing_nor_judging_nor_a_sandbox(environment):
    eurus = environment("eurus-rm")
    assert eurus.ours() == {"eurus-core", "eurus-train", "eurus-rm"}
    shutil.copy(ROWS / "pairs.jsonl", eurus.folder)
    tiny = ("--model", "tiny", "--rows", "pairs.jsonl", "--set", "max_steps=2")

    eurus("eurus", "train", "run", "nca", *tiny, "--out", "policy")
    steps = (eurus.folder / "policy/train/metrics.jsonl").read_text().splitlines()
    assert [json.loads(step)["step"] for step in steps] == [1, 2]
    load = "from transformers import AutoModelForCausalLM as Model; print(Model.from_pretrained('policy/train/model').dtype)"
    assert eurus.python(load) == "torch.float32\n"

    eurus("eurus", "rm", "train", "bt+dr", *tiny, "--out", "reward")
    row = json.dumps({"prompt": "What is 1 + 1?", "responses": ["The answer is 3.", "The answer is 2."]})
    ranked = json.loads(eurus("eurus", "rm", "rank", "--model", "reward/train-reward/model", stdin=row))
    assert sorted(ranked["order"]) == [0, 1]
    assert ranked["rewards"] == sorted(ranked["rewards"], reverse=True)
