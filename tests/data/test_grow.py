"""Growing with parts as a plugin author would write them; run as a program, this file grows until it is killed."""

import asyncio
import contextlib
import gc
import hashlib
import io
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eurus_core.episode.journal import Journal
from eurus_core.errors import InputError, ModelError
from eurus_core.parts.contracts import Backend, Critic, Grader, Source, Tool
from eurus_core.records import Critique, Observation, PreferenceTree, Problem, Reference, Reply, Request, Verdict
from eurus_core.records.pairs import history, leaves, pairs
from eurus_core.records.tree_set import TreeSet
from eurus_core.records.turns import printed
from eurus_core.stages import Context
from eurus_data.assist import NoReference
from eurus_data.grow import Grow, Rung
from eurus_serve.backends.replay import ReplayBackend


class Sums(Source):
    """What is n + n? Every third row is bad where ``holes`` is set."""

    size: int = 6
    holes: bool = False
    tools: tuple[str, ...] = ("calculator",)

    def problems(self, split, *, seed=0, on_bad=None) -> Iterator[Problem]:
        for n in range(1, self.size + 1):
            if self.holes and n % 3 == 0:
                on_bad(InputError("no sum", file="sums.txt", line=n))
                continue
            yield Problem(f"sum-{n}", "Math_PoT", "Sums", f"What is {n} + {n}?", Reference(str(2 * n)), self.tools)


class Clerk(Backend):
    """Answers from a table: one of ``replies[turn]``, drawn by the request's seed. ``{answer}`` and ``{wrong}`` are filled in."""

    who: str = "clerk"
    replies: tuple[tuple[str, ...], ...] = (("I guess {answer}.\nAnswer: {answer}",),)
    finish: str = "stop"
    seconds: float = 0.0
    log: Path | None = None

    @property
    def actor(self) -> str:
        return self.who

    @asynccontextmanager
    async def open(self):
        yield self

    async def generate(self, request: Request) -> Reply:
        turn = sum(message.role == "assistant" for message in request.messages)
        options = self.replies[min(turn, len(self.replies) - 1)]
        right = request.problem.reference.answer
        text = options[request.seed % len(options)]
        text = text.format(answer=right, wrong=int(right) + 1, seed=request.seed)
        if self.log is not None:
            with self.log.open("a") as log:
                log.write(f"{request.seed}\n")
        await asyncio.sleep(self.seconds * (1 + request.seed % 5))
        return Reply(text, self.finish, tokens=len(text.split()))


class Cribber(Clerk):
    """Copies from ground truth; the multiples of four have none to copy."""

    assisted = True

    async def generate(self, request: Request) -> Reply:
        if int(request.problem.reference.answer) % 4 == 0:
            raise NoReference("nothing to copy")
        return await super().generate(request)


class Calculator(Tool):
    """Runs our own cells in this process. ``sessions`` at most are lent at a time; the rest wait."""

    sessions: int = 3

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Desk"]:
        desk = Desk(asyncio.Semaphore(self.sessions))
        yield desk
        assert desk.lent == 0


class Desk:
    def __init__(self, free):
        self.free, self.lent = free, 0

    async def session(self, functions=()):
        await self.free.acquire()
        self.lent += 1
        return Sitting(self)


class Sitting:
    def __init__(self, desk):
        self.desk, self.names = desk, {}

    async def run(self, code: str) -> Observation:
        out = io.StringIO()
        await asyncio.sleep(0)
        try:
            with contextlib.redirect_stdout(out):
                exec(code, self.names)
        except Exception as error:
            return Observation(repr(error), "error", "T0", seconds=time.monotonic())
        return Observation(out.getvalue(), "ok", "T0", seconds=time.monotonic())

    async def close(self):
        self.desk.lent -= 1
        self.desk.free.release()


class Exact(Grader):
    """Reads the last line that code printed, or what stands behind the last "Answer:"."""

    @asynccontextmanager
    async def open(self):
        yield self

    async def grade(self, problem, action, observation) -> Verdict:
        ran = action.code and observation is not None
        found = (
            printed(observation)
            if ran
            else action.text.rpartition("Answer: ")[2]
            if "Answer: " in action.text
            else None
        )
        if found is None:
            return Verdict("unparsed", "exact", "no answer")
        right = found == problem.reference.answer
        return Verdict("correct" if right else "incorrect", "exact", parsed_prediction=found)

    def key(self, answer):
        return answer.strip()


class Terse(Critic):
    """Says that it is wrong; ``blab`` makes it give the answer away."""

    blab: bool = False

    @asynccontextmanager
    async def open(self):
        yield self

    async def critique(self, problem, history, action, observation, verdict) -> Critique:
        if self.blab:
            return Critique(f"It is {problem.reference.answer}.", "terse", leaks=True)
        return Critique("Count again.", "terse")


CODE = "Step 1: add.\n```python\nx = {wrong}  # {seed}\nprint(x)\n```"
FIXED = "Step 1: one less.\n```python\nprint(x - 1)\n```"
WORDS = "Answer: {wrong}"
RIGHT = "Answer: {answer}"


def grow(**settings) -> Grow:
    given = {"source": Sums(), "grader": Exact(), "critic": Terse(), "tool": Calculator(), "problems": 6}
    return Grow(**(given | settings))


def grown(folder: Path, seed: int = 7, **settings):
    """Return the trees and the report of a growth."""
    context = Context(folder, seed=seed)
    grow(**settings).run(context)
    return list(TreeSet.open(context.path("trees"))), context.report


def rung(*replies: tuple[str, ...] | str, **settings) -> Rung:
    own = {name: settings.pop(name) for name in ("who", "log", "seconds", "finish") if name in settings}
    by_turn = tuple((options,) if isinstance(options, str) else options for options in replies)
    return Rung(backend=Clerk(replies=by_turn, **own), **settings)


def digest(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()


def test_every_turn_has_a_pair_and_correct_actions_end_their_branch(tmp_path):
    trees, _ = grown(tmp_path, actors=(rung(CODE, samples=1), rung(RIGHT, who="sage", samples=1)))
    for tree in trees:
        assert [(node.id, node.turn, node.verdict.correct) for node in tree] == [
            ("0", 1, False),
            ("1", 1, True),
            ("0.0", 2, False),
            ("0.1", 2, True),
            ("0.0.0", 3, False),
            ("0.0.1", 3, True),
            ("0.0.0.0", 4, False),
            ("0.0.0.1", 4, True),
            ("0.0.0.0.0", 5, False),
            ("0.0.0.0.1", 5, True),
        ]
        assert [(pair.chosen, pair.rejected) for pair in pairs(tree)][:2] == [("1", "0"), ("0.1", "0.0")]
        assert len(pairs(tree)) == 5
        assert {node.id for node in leaves(tree)} >= {node.id for node in tree if node.verdict.correct}


def test_a_turn_without_an_incorrect_action_ends_the_tree(tmp_path):
    trees, _ = grown(tmp_path, actors=(rung(WORDS, RIGHT, samples=2),))
    assert [[(node.id, node.verdict.correct) for node in tree] for tree in trees] == [[("0", False), ("0.0", True)]] * 6


def test_the_interpreter_of_a_turn_has_run_the_cells_of_the_turns_before(tmp_path):
    trees, _ = grown(tmp_path, actors=(rung(CODE, FIXED, samples=1),))
    for tree in trees:
        assert tree.node("0.0").observation == Observation(tree.problem.reference.answer, "ok", "T0")
        assert tree.node("0.0").verdict.correct


def test_the_next_turn_reads_observation_verdict_and_critique(tmp_path):
    trees, _ = grown(tmp_path, actors=(rung(CODE, RIGHT, samples=1),))
    first, said, told = history(trees[0], "0")
    assert first.content.endswith("What is 1 + 1?")
    assert said.content == trees[0].node("0").action.text
    assert told.content == "3\nYour answer is wrong.\nCount again."


@given(
    turns=st.lists(st.lists(st.sampled_from([CODE, FIXED, WORDS, RIGHT, "..."]), min_size=1), min_size=1, max_size=3),
    limits=st.fixed_dictionaries(
        {"turns": st.integers(1, 5), "keep_correct": st.integers(0, 3), "keep_incorrect": st.integers(1, 3)}
    ),
    seed=st.integers(0, 2**40),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_actors_say_the_tree_is_a_caterpillar(tmp_path_factory, turns, limits, seed):
    ladder = (rung(*map(tuple, turns), samples=4),)
    trees, _ = grown(tmp_path_factory.mktemp("run"), actors=ladder, seed=seed, **limits)
    for tree in trees:
        parents = [tree.node(name) for name in {node.parent for node in tree} - {None}]
        assert len({parent.turn for parent in parents}) == len(parents) <= limits["turns"] - 1
        assert not any(parent.verdict.correct for parent in parents)
        for node in tree:
            siblings = tree.children(node.parent)
            own = f"{siblings.index(node)}"
            assert node.id == (own if node.parent is None else f"{node.parent}.{own}")
            assert node.turn == node.id.count(".") + 1 <= limits["turns"]
            assert sum(sibling.verdict.correct for sibling in siblings) <= limits["keep_correct"]
            assert sum(not sibling.verdict.correct for sibling in siblings) <= limits["keep_incorrect"]
            assert (node.critique is not None) == (node in parents)


def test_a_problem_without_tools_runs_no_code(tmp_path):
    trees, _ = grown(tmp_path, source=Sums(tools=()), actors=(rung(CODE, samples=1),), turns=1)
    assert all(node.observation is None for tree in trees for node in tree)


def test_a_critique_that_gives_the_answer_away_is_withheld_and_marked(tmp_path):
    trees, report = grown(tmp_path, critic=Terse(blab=True), actors=(rung(WORDS, RIGHT, samples=1),))
    assert trees[0].node("0").critique == Critique("", "terse", leaks=True)
    assert report.figures["critiques withheld for giving the answer away"] == 6


def test_a_needed_rung_is_climbed_only_where_no_action_is_correct_yet(tmp_path):
    helper = rung(RIGHT, who="helper", samples=1, when="needed")
    trees, _ = grown(tmp_path / "a", actors=(rung(WORDS, samples=1), helper), turns=1)
    assert {node.action.actor for node in trees[0]} == {"clerk", "helper"}
    trees, _ = grown(tmp_path / "b", actors=(rung(RIGHT, samples=1), helper), turns=1)
    assert {node.action.actor for node in trees[0]} == {"clerk"}


def test_assisted_nodes_say_so_and_a_problem_without_reference_goes_on_without(tmp_path):
    crib = Rung(backend=Cribber(who="crib", replies=((RIGHT,),)), samples=1)
    trees, report = grown(tmp_path, actors=(rung(WORDS, samples=1), crib), turns=1)
    assert [[node.action.assisted for node in tree] for tree in trees] == [[False, True], [False]] * 3
    assert report.figures["share of pairs with an assisted chosen"] == 1.0


def test_the_expanded_action_comes_from_an_actor_that_has_no_correct_one(tmp_path):
    both = rung((WORDS, RIGHT), samples=8)
    other = rung("Answer: 0", who="other", samples=1)
    trees, _ = grown(tmp_path, actors=(both, other), turns=2)
    parents = [tree.node(node.parent).action.actor for tree in trees for node in tree if node.turn == 2]
    assert len(parents) > 0
    assert set(parents) == {"other"}


def test_equal_texts_under_one_history_are_one_node(tmp_path):
    trees, _ = grown(tmp_path, actors=(rung(WORDS, samples=8),), turns=1)
    assert [len(tree.nodes) for tree in trees] == [1] * 6


def test_siblings_are_kept_up_to_the_limits_and_the_expanded_one_always(tmp_path):
    many = (rung(CODE, samples=6), rung("Yes {seed}.\nAnswer: {answer}", samples=5))
    trees, _ = grown(tmp_path, actors=many, turns=2, keep_correct=2, keep_incorrect=1)
    for tree in trees:
        for parent in (None, next(node.parent for node in tree if node.turn == 2)):
            kept = Counter(node.verdict.outcome for node in tree.children(parent))
            assert kept == {"correct": 2, "incorrect": 1}


@pytest.mark.parametrize("text", ["```python\nx = 1 +", "Let us see. There are 3 of them, and then"])
def test_a_reply_that_our_cap_cut_off_is_no_fault_of_the_actor(tmp_path, text):
    trees, report = grown(tmp_path, actors=(rung(text, finish="length", samples=1), rung(RIGHT, samples=1)))
    assert [[node.verdict.outcome for node in tree] for tree in trees] == [["limit", "correct"]] * 6
    assert report.figures["pairs"] == 0


def test_an_unfinished_action_is_carried_on_where_nothing_else_is_there(tmp_path):
    trees, _ = grown(tmp_path, actors=(rung("Let us see, and then", finish="length", samples=1),), turns=3)
    assert [[node.id for node in tree] for tree in trees] == [["0", "0.0", "0.0.0"]] * 6


def test_the_fence_that_a_stop_string_took_is_put_back(tmp_path):
    cut = "```python\nprint({wrong})\n"
    trees, _ = grown(
        tmp_path, actors=(rung(cut, samples=1, stop=("```\n",)), rung(cut, who="other", samples=1)), turns=1
    )
    texts = [node.action.text for node in trees[0]]
    assert texts == ["```python\nprint(3)\n```", "```python\nprint(3)\n"]


def test_a_cut_after_finished_code_leaves_the_verdict(tmp_path):
    babble = rung(CODE + "\nSo that is", finish="length", samples=1)
    trees, _ = grown(tmp_path, actors=(babble,), turns=1)
    assert [node.verdict.outcome for tree in trees for node in tree] == ["incorrect"] * 6


def test_the_decomposition_instructions_are_asked_but_not_recorded(tmp_path):
    asked = []

    class Listener(Clerk):
        async def generate(self, request):
            asked.append(request)
            return await super().generate(request)

    listener = Rung(backend=Listener(replies=((RIGHT,),)), samples=8, instruct=True, schema="random")
    trees, _ = grown(tmp_path, actors=(listener,))
    assert {request.messages[0].role for request in asked} == {"system"}
    assert {request.schema for request in asked} == {"cot", "modular"}
    assert [message.role for message in history(trees[0], "0")] == ["user", "assistant", "user"]
    assert {message.content.partition("\n")[0] for request in asked for message in request.messages[:1]} == {
        asked[0].messages[0].content.partition("\n")[0]
    }


def test_rungs_with_equal_backends_share_one_opened_actor(tmp_path):
    opened = []

    class Counted(Clerk):
        @asynccontextmanager
        async def open(self):
            opened.append(self.who)
            yield self

    one, other = Counted(replies=((WORDS,),)), Counted(who="other", replies=((RIGHT,),))
    ladder = tuple(Rung(backend=backend, samples=1) for backend in (one, other, one))
    grown(tmp_path, actors=ladder, turns=1)
    assert opened == ["clerk", "other"]


def test_bad_rows_stop_the_growth_or_are_counted(tmp_path):
    with pytest.raises(InputError, match=r"sums.txt, line 3: no sum"):
        grown(tmp_path, source=Sums(holes=True), actors=(rung(RIGHT),))
    trees, report = grown(tmp_path, source=Sums(holes=True), skip_bad=True, actors=(rung(RIGHT),))
    assert len(trees) == 4
    assert any("2 bad rows were skipped; the first: sums.txt, line 3" in note for note in report.notes)


def test_an_empty_split_is_an_error_that_says_so(tmp_path):
    with pytest.raises(InputError, match="no problem after the first 100"):
        grown(tmp_path, offset=100, actors=(rung(RIGHT),))


def test_a_failing_backend_is_one_error_of_its_own_kind_and_costs_nothing_paid_for(tmp_path):
    class Failing(Clerk):
        async def generate(self, request):
            if request.problem.id == "sum-4":
                await asyncio.sleep(0.05)
                raise ModelError("the model has gone")
            return await super().generate(request)

    failing = Rung(backend=Failing(replies=((WORDS,),)), samples=1)
    with pytest.raises(ModelError, match="has gone"):
        grown(tmp_path, actors=(failing,), turns=1)
    with Journal(tmp_path / "replies.sqlite") as store:
        assert store.count("reply") == 5


def test_the_same_recipe_seed_and_store_rebuild_the_same_bytes_without_asking(tmp_path):
    log = tmp_path / "asked"
    ladder = (
        rung((CODE, FIXED, WORDS), CODE, (FIXED, WORDS), samples=4, log=log),
        rung(RIGHT, samples=1, when="needed"),
    )
    _, first = grown(tmp_path / "run", actors=ladder)
    before, asked = digest(tmp_path / "run/trees"), log.read_text()
    _, second = grown(tmp_path / "run", actors=ladder)
    assert digest(tmp_path / "run/trees") == before
    assert log.read_text() == asked
    assert (second.figures["replies asked"], second.figures["replies from the journal"]) == (
        0,
        first.figures["replies asked"],
    )


def test_recorded_replies_grow_the_same_trees_without_the_actor(tmp_path, eurus):
    ladder = (rung((CODE, FIXED, WORDS), CODE, (FIXED, WORDS), samples=4),)
    grown(tmp_path / "run", actors=ladder)
    exported = eurus("data", "replies", str(tmp_path / "run/replies.sqlite"))
    (tmp_path / "replies.jsonl").write_text(exported.stdout)
    replayed = Rung(backend=ReplayBackend(path=tmp_path / "replies.jsonl", label="clerk"), samples=4)
    grown(tmp_path / "again", actors=(replayed,))
    assert digest(tmp_path / "again/trees") == digest(tmp_path / "run/trees")


@pytest.mark.parametrize("concurrency", [1, 2, 100])
def test_concurrency_changes_nothing(tmp_path, concurrency):
    ladder = (rung((CODE, FIXED, WORDS, RIGHT), samples=4, seconds=0.001),)
    grown(tmp_path / "one", actors=ladder, concurrency=3)
    grown(tmp_path / "other", actors=ladder, concurrency=concurrency)
    assert digest(tmp_path / "one/trees") == digest(tmp_path / "other/trees")


def test_a_finished_tree_is_not_held_while_others_grow(tmp_path):
    class Counting(Clerk):
        async def generate(self, request: Request) -> Reply:
            alive.append(sum(type(one) is PreferenceTree for one in gc.get_objects()))
            return await super().generate(request)

    alive: list[int] = []
    gc.collect()
    before = sum(type(one) is PreferenceTree for one in gc.get_objects())
    rungs = (Rung(backend=Counting(), samples=1),)
    trees, _ = grown(tmp_path, source=Sums(size=40), problems=40, actors=rungs, concurrency=2)
    assert len(trees) == 40
    assert max(alive) - before <= 4


def test_another_seed_draws_otherwise(tmp_path):
    ladder = (rung((CODE, FIXED, WORDS, RIGHT), samples=2),)
    one, _ = grown(tmp_path / "one", actors=ladder, seed=1)
    other, _ = grown(tmp_path / "other", actors=ladder, seed=2)
    assert one != other


def long_growth(folder: Path, log: Path) -> None:
    """Grow what the tests of interruption grow: 12 problems, 4 samples a turn, 3 trees at a time."""
    policy = rung((CODE, WORDS, RIGHT), (CODE, WORDS), samples=4, seconds=0.01, log=log)
    grown(folder, source=Sums(size=12), problems=12, concurrency=3, turns=3, actors=(policy,))


def _start(folder: Path, log: Path):
    return subprocess.Popen([sys.executable, __file__, folder, log], stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_growth_that_was_stopped_repeats_no_reply_and_ends_in_the_same_bytes(tmp_path, blow):
    calm = _start(tmp_path / "calm", tmp_path / "calm-log")
    folder, log = tmp_path / "run", tmp_path / "log"
    for replies in (6, 45):
        program = _start(folder, log)
        _wait_for(lambda wanted=replies: log.exists() and len(log.read_text().split()) >= wanted, program)
        program.send_signal(blow)
        said = program.communicate(timeout=120)[1]
        assert program.returncode == (-signal.SIGKILL if blow == signal.SIGKILL else 130), said
    asked = log.read_text().split()
    with Journal(folder / "replies.sqlite") as kept:
        in_store = kept.count("reply")
    # 3 trees of 4 requests are under way when a blow falls; those were never answered.
    assert in_store >= 45 - 2 * 12

    last = _start(folder, log)
    assert last.wait(timeout=120) == calm.wait(timeout=120) == 0, last.stderr.read()
    needed = (tmp_path / "calm-log").read_text().split()
    repeated = Counter(log.read_text().split()) - Counter(needed)
    assert len(log.read_text().split()) - len(asked) == len(needed) - in_store
    assert repeated.total() == len(asked) - in_store
    assert digest(folder / "trees") == digest(tmp_path / "calm/trees")
    last.stderr.close()
    calm.stderr.close()


def _wait_for(state, program) -> None:
    deadline = time.monotonic() + 30
    while not state():
        assert program.poll() is None, program.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_report_has_tables_figures_and_a_drawing(tmp_path):
    ladder = (rung((CODE, WORDS), samples=2), rung(RIGHT, who="sage", samples=1))
    trees, report = grown(tmp_path, actors=ladder)
    assert [table.name for table in report.tables] == [
        "Actions and pairs by turn",
        "Actions by actor",
        "Trees by their last turn",
    ]
    assert report.figures["pairs"] == sum(len(pairs(tree)) for tree in trees)
    assert max(node.turn for node in report.trees[0].tree) == 5
    manifest = json.loads((tmp_path / "trees/manifest.json").read_text())
    assert manifest["provenance"]["sandbox_tiers"] == ["T0"]
    assert str(tmp_path) not in json.dumps(manifest)


if __name__ == "__main__":
    try:
        long_growth(Path(sys.argv[1]), Path(sys.argv[2]))
    except KeyboardInterrupt:
        sys.exit(130)
