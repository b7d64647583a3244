import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from eurus_core.errors import InputError
from eurus_core.parts.contracts import Backend, Grader, OpenBackend, OpenTool, Session, Source, Split, Tool, refuse
from eurus_core.records import Observation, Problem, Reference, Reply, Request, Sampling
from eurus_core.stages import Context
from eurus_core.statistics import wilson
from eurus_eval.samples import read_samples
from eurus_eval.stages.evaluate import Evaluate


def problem(number: int) -> Problem:
    return Problem(
        id=f"p{number}",
        task="Math_PoT",
        dataset="shells",
        instruction=f"Mia has {number} shells and finds {number + 3} more. How many shells has she now?",
        reference=Reference(answer=str(2 * number + 3)),
        tools=("calculator",),
        labels={"level": str(1 + number % 3), "family": "held-out" if number % 4 == 0 else "seen"},
    )


class Shells(Source):
    """Forty problems; with ``bad`` every fifth is unusable."""

    bad: bool = False
    first: int = 0

    def problems(
        self, split: Split, *, seed: int = 0, on_bad: Callable[[InputError], None] = refuse
    ) -> Iterator[Problem]:
        for number in range(self.first, 40):
            if self.bad and number % 5 == 4:
                on_bad(InputError("no answer", file="shells.jsonl", line=number + 1))
            else:
                yield problem(number)


class Adder(Backend):
    """Right on even problems, wrong on odd ones, by code. Keeps a list of requests.

    Where a file ``fault`` lies beside that list, it breaks after so many requests, and answers slow ones only then: [7, true].
    """

    asked: Path
    speaks: str = "```python\nprint({answer})\n```"

    @property
    def actor(self) -> str:
        return "adder"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenBackend]:
        yield AdderActor(self)


class AdderActor:
    def __init__(self, settings: Adder):
        self.settings, self.count, self.broken = settings, 0, asyncio.Event()
        fault = settings.asked.with_name("fault")
        self.fail_after, self.slow = json.loads(fault.read_text()) if fault.exists() else (10**9, False)

    async def generate(self, request: Request) -> Reply:
        assert request.problem is not None
        if self.count >= self.fail_after:
            self.broken.set()
            raise ConnectionError("the server went away")
        self.count += 1
        with self.settings.asked.open("a") as file:
            file.write(f"{request.problem.id} {request.seed}\n")
        if self.slow and self.count > self.fail_after - 2:
            await self.broken.wait()
        number = int(request.problem.id.removeprefix("p"))
        value = 2 * number + 3 if number % 2 == 0 else 0
        return Reply(self.settings.speaks.format(answer=value), tokens=12, logprob=-1.5)


class Printer(Tool):
    """Runs nothing but a lone print."""

    log: Path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenTool]:
        yield PrinterBench(self.log)


class PrinterBench:
    def __init__(self, log: Path):
        self.log = log

    async def session(self, functions: Collection[str] = ()) -> Session:
        self.note("open")
        return PrinterSession(self)

    def note(self, what: str) -> None:
        with self.log.open("a") as file:
            file.write(what + "\n")


class PrinterSession:
    def __init__(self, bench: PrinterBench):
        self.bench = bench

    async def run(self, code: str) -> Observation:
        return Observation("Out: " + code.removeprefix("print(").removesuffix(")"))

    async def branch(self) -> Session:
        return self

    async def close(self) -> None:
        self.bench.note("close")


Make = Callable[..., Evaluate]


@pytest.fixture
def stage(exact_grader: Grader) -> Make:
    def stage(folder: Path, **settings: object) -> Evaluate:
        parts = {
            "source": Shells(),
            "backend": Adder(asked=folder / "asked"),
            "grader": exact_grader,
            "tool": Printer(log=folder / "sessions"),
        }
        return Evaluate.model_validate({**parts, "problems": 12, **settings})

    return stage


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_half_right_of_twelve_is_fifty_percent_with_wilsons_interval(tmp_path: Path, stage: Make) -> None:
    context = Context(tmp_path, name="evaluate")
    stage(tmp_path).run(context)
    figures = context.report.figures
    assert figures["accuracy"] == 0.5
    assert (figures["accuracy low"], figures["accuracy high"]) == pytest.approx(wilson(6, 12))
    assert figures["tokens"] == 12 * 12
    table = context.report.tables[0]
    # families: every fourth problem is held out (0, 4, 8: all even, hence right)
    assert table.rows[0] == ("all", "50.0 % [25.4, 74.6]", "0.0 %", 12)
    assert [(row[0], row[3]) for row in table.rows[1:]] == [
        ("family held-out", 3),
        ("family seen", 9),
        ("level 1", 4),
        ("level 2", 4),
        ("level 3", 4),
    ]
    assert table.rows[1][1].startswith("100.0 %")
    assert context.report.tables[1].rows == (("correct", 6, "50.0 %"), ("incorrect", 6, "50.0 %"))
    assert [row[0] for row in context.report.tables[2].rows] == ["correct", "incorrect"]
    assert context.report.tables[2].rows[0][2:] == ("```python\nprint(3)\n```", "3", "3")


def test_samples_are_kept_whole_and_in_order(tmp_path: Path, stage: Make) -> None:
    context = Context(tmp_path)
    stage(tmp_path, samples=3, sampling=Sampling(temperature=0.8)).run(context)
    samples = read_samples(tmp_path / "samples.jsonl")
    assert [(s.problem.id, s.index) for s in samples] == [(f"p{n}", i) for n in range(12) for i in range(3)]
    assert samples[0].action.code == ("print(3)",)
    assert samples[0].observation == Observation("Out: 3")
    assert samples[0].action.logprob == -1.5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asked", "samples.jsonl", "sessions"]


def test_every_sample_has_a_seed_of_its_own_whatever_the_concurrency(tmp_path: Path, stage: Make) -> None:
    for folder, concurrency in (("a", 1), ("b", 50)):
        (tmp_path / folder).mkdir()
        evaluate = stage(tmp_path / folder, samples=2, sampling=Sampling(temperature=1.0), concurrency=concurrency)
        evaluate.run(Context(tmp_path / folder, seed=7))
    asked = [sorted(lines(tmp_path / folder / "asked")) for folder in "ab"]
    assert asked[0] == asked[1]
    assert len(set(asked[0])) == 24
    assert (tmp_path / "a" / "samples.jsonl").read_bytes() == (tmp_path / "b" / "samples.jsonl").read_bytes()


@pytest.mark.parametrize("slow", [False, True], ids=["at once", "after the failure"])
def test_a_broken_off_evaluation_goes_on_without_asking_twice(tmp_path: Path, stage: Make, slow: bool) -> None:
    context = Context(tmp_path)
    (tmp_path / "fault").write_text(json.dumps([7, slow]))
    with pytest.raises(ConnectionError):
        stage(tmp_path, concurrency=3).run(context)
    (tmp_path / "fault").unlink()
    assert not (tmp_path / "samples.jsonl").exists()
    stage(tmp_path).run(Context(tmp_path))
    assert len(read_samples(tmp_path / "samples.jsonl")) == 12
    assert len(set(lines(tmp_path / "asked"))) == len(lines(tmp_path / "asked")) == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asked", "samples.jsonl", "sessions"]


def test_an_interpreter_is_opened_for_code_only_and_always_closed(tmp_path: Path, stage: Make) -> None:
    words = Adder(asked=tmp_path / "asked", speaks="The answer is \\boxed{{{answer}}}")
    stage(tmp_path, backend=words).run(Context(tmp_path))
    assert lines(tmp_path / "sessions") == []
    (tmp_path / "again").mkdir()
    stage(tmp_path / "again").run(Context(tmp_path / "again"))
    sessions = lines(tmp_path / "again" / "sessions")
    assert sessions.count("open") == sessions.count("close") == 12


def test_bad_rows_stop_the_stage_unless_told_to_skip(tmp_path: Path, stage: Make) -> None:
    with pytest.raises(InputError, match=r"shells.jsonl, line 5: no answer"):
        stage(tmp_path, source=Shells(bad=True)).run(Context(tmp_path))
    context = Context(tmp_path)
    stage(tmp_path, source=Shells(bad=True), skip_bad=True).run(context)
    assert context.report.notes[0] == "Left out: shells.jsonl, line 5: no answer."


def test_an_empty_source_says_what_to_check(tmp_path: Path, stage: Make) -> None:
    with pytest.raises(InputError, match="no usable problem in its 'test' split"):
        stage(tmp_path, source=Shells(first=40)).run(Context(tmp_path))


def test_fewer_problems_than_asked_for_is_said(tmp_path: Path, stage: Make) -> None:
    context = Context(tmp_path)
    stage(tmp_path, source=Shells(first=35)).run(context)
    assert "The source has 5 problems, fewer than the 12 asked for." in context.report.notes


def test_several_greedy_samples_are_refused(tmp_path: Path, stage: Make) -> None:
    with pytest.raises(ValidationError, match=r"set sampling\.temperature"):
        stage(tmp_path, samples=2)


def test_an_unreadable_line_of_samples_is_named(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text("{}\n")
    with pytest.raises(InputError, match="line 1.*is missing"):
        read_samples(path)
    path.write_text("nonsense\n")
    with pytest.raises(InputError, match="line 1: no JSON"):
        read_samples(path)
    with pytest.raises(InputError, match=r"Give a samples\.jsonl"):
        read_samples(tmp_path / "nowhere.jsonl")


def test_line_separators_inside_a_reply_do_not_break_a_line(tmp_path: Path, stage: Make) -> None:
    odd = Adder(asked=tmp_path / "asked", speaks="a\u2028b\x85c \\boxed{{{answer}}}")
    stage(tmp_path, backend=odd).run(Context(tmp_path))
    assert read_samples(tmp_path / "samples.jsonl")[0].action.text.startswith("a\u2028b\x85c")


def test_figures_are_plain_numbers(tmp_path: Path, stage: Make) -> None:
    context = Context(tmp_path)
    stage(tmp_path).run(context)
    assert all(math.isfinite(value) for value in context.report.figures.values())
    json.dumps(context.report.figures)


def test_a_setting_of_sampling_is_told_with_its_path() -> None:
    with pytest.raises(ValidationError, match="Did you mean 'sampling.temperature'"):
        Evaluate.model_validate({"source": "arithmetic", "backend": "scripted", "temperature": 0.7})
