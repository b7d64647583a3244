import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eurus_core.errors import InputError, PluginError
from eurus_core.parts.contracts import Grader, OpenScorer, Scorer
from eurus_core.records import Message, Problem, Reference, Sample
from eurus_core.records.turns import parse
from eurus_core.stages import Context
from eurus_core.testing import judged
from eurus_eval.samples import write_samples
from eurus_eval.stages.best_of_n import BestOfN
from eurus_graders import MathGrader


class Wisdom(Scorer):
    """Scores a response by the number in its box; ``short`` forgets one, ``broken`` gives nan, ``patience`` ends in Ctrl-C."""

    short: bool = False
    broken: bool = False
    patience: int | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenScorer]:
        yield WisdomScores(self)


class WisdomScores:
    def __init__(self, settings: Wisdom):
        self.settings = settings
        self.left = settings.patience

    async def score(self, prompt: Sequence[Message], responses: Sequence[str]) -> list[float]:
        if self.left is not None:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
        assert prompt[0].content.startswith("Tool available:")
        if self.settings.broken:
            return [float("nan")] * len(responses)
        scores = [float(text.split("{")[1].rstrip("}")) for text in responses]
        return scores[1:] if self.settings.short else scores


@pytest.fixture
def run(tmp_path: Path, exact_grader: Grader) -> Callable[..., Context]:
    def run(path: Path, scorer: Scorer | None = None) -> Context:
        context = Context(tmp_path, name="best-of-n")
        BestOfN(samples=str(path), grader=exact_grader, scorer=scorer).run(context)
        return context

    return run


def test_curves_of_two_problems_with_four_samples(
    run: Callable[..., Context], make_samples: Callable[..., Path]
) -> None:
    # problem 1: one right of four; problem 2: all right. Wrong answers differ from one another.
    path = make_samples("four", [[False] * 4, [True, False, False, False], [True] * 4])
    context = run(path, Wisdom())
    curves = {line.label: line.y for line in context.report.plots[0].lines}
    assert curves["random"] == pytest.approx([100 * (0 + 1 / 4 + 1) / 3] * 4)
    assert curves["oracle"] == pytest.approx([100 * (0 + share + 1) / 3 for share in (1 / 4, 1 / 2, 3 / 4, 1)])
    # the right answer (2n + 3 = 5) is above the wrong ones (1 + index <= 4): the scorer always finds it
    assert curves["reward model"] == pytest.approx(curves["oracle"])
    assert [row[0] for row in context.report.tables[0].rows] == [1, 2, 4]
    assert context.report.figures["pairs ranked right"] == 1.0


def test_scores_are_written_beside_their_samples(
    tmp_path: Path, run: Callable[..., Context], make_samples: Callable[..., Path]
) -> None:
    run(make_samples("two", [[True, False], [False, True]]), Wisdom())
    rows = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    assert rows[0] == {"problem": "p0", "index": 0, "correct": True, "score": 3.0}
    assert len(rows) == 4


def test_an_interrupted_scoring_goes_on_where_it_stopped(
    tmp_path: Path, run: Callable[..., Context], make_samples: Callable[..., Path]
) -> None:
    path = make_samples("five", [[True, False]] * 5)
    for _ in range(2):  # two problems each
        with pytest.raises(KeyboardInterrupt):
            run(path, Wisdom(patience=2))
    run(path, Wisdom(patience=1))  # the fifth alone
    resumed = (tmp_path / "scores.jsonl").read_text()
    assert not [*tmp_path.glob("journal*")]
    run(path, Wisdom())
    assert (tmp_path / "scores.jsonl").read_text() == resumed


def test_without_a_scorer_there_are_votes_chance_and_oracle(
    run: Callable[..., Context], make_samples: Callable[..., Path]
) -> None:
    context = run(make_samples("two", [[True, False]]))
    assert [line.label for line in context.report.plots[0].lines] == ["random", "majority", "oracle"]


def test_one_sample_a_problem_is_refused(run: Callable[..., Context], make_samples: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="samples = 4 or more"):
        run(make_samples("one", [[True], [False]]))


def test_unequal_numbers_of_samples_are_cut_and_said(
    run: Callable[..., Context], make_samples: Callable[..., Path]
) -> None:
    context = run(make_samples("uneven", [[True, False, True], [False, True]]))
    assert context.report.notes[0].startswith("Problems have unequal numbers of samples; the first 2")


@pytest.mark.parametrize("fault", ["short", "broken"])
def test_a_scorer_that_breaks_its_contract_is_named(
    run: Callable[..., Context], make_samples: Callable[..., Path], fault: str
) -> None:
    with pytest.raises(PluginError, match="one finite score each"):
        run(make_samples("two", [[True, False]]), Wisdom.model_validate({fault: True}))


def test_votes_count_answers_in_prose_as_the_grader_reads_them(tmp_path: Path) -> None:
    problem, grader = Problem("p", "Math_CoT", "test", "How many?", Reference(answer="40")), MathGrader()
    texts = ("We add. The answer is 40.", "I guess 39.", "So there are $40$ of them. The result is 40.0.")
    actions = [parse(text) for text in texts]
    assert [action.solution for action in actions] == [None] * 3
    samples = [Sample(problem, one, judged(grader, problem, one, None), index=i) for i, one in enumerate(actions)]
    write_samples(tmp_path / "samples.jsonl", samples)
    context = Context(tmp_path, name="votes")
    BestOfN(samples=str(tmp_path / "samples.jsonl"), grader=grader).run(context)
    curves = {line.label: line.y for line in context.report.plots[0].lines}
    assert curves["majority"][2] == 100  # two of three say 40
    assert curves["random"][2] == pytest.approx(200 / 3)


def test_a_scorer_is_compared_with_one_that_knows_nothing_and_picks_among_distinct_responses(
    run: Callable[..., Context], make_samples: Callable[..., Path]
) -> None:
    # right answers repeat: three equal ones and one wrong one are two responses, so that knowing nothing finds 1/2, not 3/4
    context = run(make_samples("repeats", [[True, True, True, False]] * 12, first=1), Wisdom())
    notes = context.report.notes
    assert any(
        note.startswith("reward model against a scorer that knows nothing, best of 4: higher, +50.0 [")
        for note in notes
    )
    assert "it gains -25.0 [" in notes[-1]


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([[True, False, False, False]] * 30, "reward model against random, best of 4: higher, +75.0 ["),
        (
            [[True, False]] * 3 + [[False, False]] * 3,
            "reward model against random, best of 2: no difference found, +25.0 [",
        ),
    ],
)
def test_what_a_scorer_gains_is_said_in_words(
    run: Callable[..., Context], make_samples: Callable[..., Path], outcomes: list[list[bool]], said: str
) -> None:
    # Wisdom always finds the right one of samples 1 ... n: of one right in four it gains 3/4, of one in two on half the problems 1/4
    context = run(make_samples("many", outcomes, first=1), Wisdom())
    assert any(finding.startswith(said) for finding in context.report.findings)
    assert "chance is 50 %: better than chance." in context.report.findings[1] or len(outcomes) < 10


def test_a_scorer_that_prefers_wrong_samples_is_said_to_be_lower(
    run: Callable[..., Context], make_samples: Callable[..., Path]
) -> None:
    # of problem n the wrong samples say n + index, up to n + 11, and the right ones 2n + 3, which is less for n < 8; four agree on it
    context = run(make_samples("misled", [[True] * 4 + [False] * 8] * 8), Wisdom())
    lower = "reward model against a majority vote, best of 12: lower, -"
    assert any(finding.startswith(lower) for finding in context.report.findings)
    assert context.report.plots[0].panels
