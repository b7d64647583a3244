"""Growing one tree: a turn under a history, which actions are kept, and which incorrect one is expanded."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eurus_core.episode.journal import Store
from eurus_core.episode.resume import RememberedActor, RememberedReview, RememberedSession, Tally, identity
from eurus_core.episode.step import judge
from eurus_core.parts.contracts import Actor, Grading, Review, Workbench
from eurus_core.records import (
    REJECTABLE,
    Action,
    Critique,
    Message,
    Node,
    Observation,
    PreferenceTree,
    Problem,
    Verdict,
)
from eurus_core.records.pairs import history
from eurus_core.records.seeds import derive
from eurus_data.assist import NoReference
from eurus_data.grow.ladder import Rung, request


@dataclass(frozen=True)
class Limits:
    """How far a tree grows. None keeps every action of its kind."""

    turns: int = 5
    keep_correct: int | None = None
    keep_incorrect: int | None = None


@dataclass(frozen=True)
class Opened:
    """The parts of a growth, opened, which all its trees share. ``tool`` and ``critic`` are the identities of what was opened."""

    ladder: tuple[tuple[Rung, Actor], ...]
    grader: Grading
    store: Store
    tally: Tally
    workbench: Workbench | None = None
    tool: str = ""
    review: Review | None = None
    critic: str = ""


@dataclass(frozen=True)
class Turn:
    """What every action of a turn starts from. ``cells`` are those of its history, ``place`` is where it is, in words."""

    problem: Problem
    history: tuple[Message, ...]
    cells: tuple[str, ...]
    seed: int
    place: str


@dataclass(frozen=True)
class Attempt:
    """An action before it is known whether it becomes a node; ``cells`` is what its interpreter has run, history included."""

    action: Action
    verdict: Verdict
    observation: Observation | None
    cells: tuple[str, ...]


async def grow_tree(problem: Problem, opened: Opened, limits: Limits, seed: int) -> PreferenceTree:
    """Return the problem's tree.

    At every turn the ladder is climbed under the same history. Correct actions are leaves; one incorrect action is criticised
    and expanded into the next turn, until there is none or ``limits.turns`` are reached.
    """
    tree = PreferenceTree(problem)
    parent: str | None = None
    cells: tuple[str, ...] = ()
    for number in range(1, limits.turns + 1):
        place = f"{problem.id} {'root' if parent is None else parent}"
        turn = Turn(problem, history(tree, parent), cells, derive(seed, "turn", problem.id, parent), place)
        attempts = distinct(await _climb(turn, opened))
        grown = expanded(attempts, turn.seed) if number < limits.turns else None
        kept = keep(attempts, grown, limits, turn.seed)
        nodes = [_node(attempt, parent, number, index) for index, attempt in enumerate(kept)]
        if grown is not None:
            index = kept.index(grown)
            nodes[index] = await _criticised(nodes[index], turn, opened)
            parent, cells = nodes[index].id, grown.cells
        tree = PreferenceTree(problem, (*tree.nodes, *nodes))
        if grown is None:
            break
    return tree


def distinct(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the attempts without those that repeat an earlier one's text."""
    first: dict[str, Attempt] = {}
    for attempt in attempts:
        first.setdefault(attempt.action.text, attempt)
    return list(first.values())


def expanded(attempts: Sequence[Attempt], seed: int) -> Attempt | None:
    """Return the incorrect attempt to go on from, drawn by seed, or None.

    One whose actor has no correct action here goes first, for the two sides of a pair should come from different actors
    (paper, section 2.3). Where nothing is correct or incorrect, one that only called its tool, or that our cap cut off, is
    carried on.
    """
    right = {attempt.action.actor for attempt in attempts if attempt.verdict.correct}
    wrong = [attempt for attempt in attempts if attempt.verdict.outcome in REJECTABLE]
    others = [attempt for attempt in wrong if attempt.action.actor not in right]
    unfinished = [] if right else list(attempts)
    candidates = others or wrong or unfinished
    return random.Random(derive(seed, "expand")).choice(candidates) if candidates else None  # noqa: S311


def keep(attempts: Sequence[Attempt], grown: Attempt | None, limits: Limits, seed: int) -> list[Attempt]:
    """Return the attempts that become nodes, in their order: at most so many of each kind, ``grown`` among them."""
    rng = random.Random(derive(seed, "keep"))  # noqa: S311
    right = [i for i, attempt in enumerate(attempts) if attempt.verdict.correct]
    wrong = [i for i, attempt in enumerate(attempts) if not attempt.verdict.correct and attempt is not grown]
    if limits.keep_correct is not None:
        right = rng.sample(right, min(len(right), limits.keep_correct))
    if limits.keep_incorrect is not None:
        wrong = rng.sample(wrong, min(len(wrong), max(0, limits.keep_incorrect - (grown is not None))))
    chosen = {*right, *wrong}
    return [attempt for i, attempt in enumerate(attempts) if i in chosen or attempt is grown]


async def _climb(turn: Turn, opened: Opened) -> list[Attempt]:
    """Return every attempt that the ladder makes at one turn, by rung and sample."""
    attempts: list[Attempt] = []
    for number, (rung, actor) in enumerate(opened.ladder):
        if rung.when == "needed" and any(attempt.verdict.proven for attempt in attempts):
            continue
        starts = [
            replace(turn, seed=derive(turn.seed, number, sample), place=f"{turn.place} rung {number} sample {sample}")
            for sample in range(rung.samples)
        ]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_attempt(start, opened, rung, actor)) for start in starts]
        attempts += [attempt for task in tasks if (attempt := task.result()) is not None]
    return attempts


async def _attempt(turn: Turn, opened: Opened, rung: Rung, actor: Actor) -> Attempt | None:
    """Ask, run and judge one action; None where the actor answers from a reference that the problem does not have."""
    backend = rung.backend
    session = None
    if opened.workbench is not None and turn.problem.tools:
        session = RememberedSession(
            opened.workbench, opened.tool, turn.place, opened.store, list(turn.cells), turn.problem.tools
        )
    try:
        asked = request(rung, turn.problem, turn.history, turn.seed)
        remembered = RememberedActor(actor, identity(backend), turn.place, opened.store, opened.tally)
        reply = await remembered.generate(asked)
        action, observation, verdict = await judge(
            reply, asked, session, opened.grader, name=backend.actor, assisted=backend.assisted
        )
    except NoReference:
        return None
    finally:
        if session is not None:
            await session.close()
    if observation is not None:
        # A clock's reading in a record would make every growth differ in its bytes.
        observation = replace(observation, seconds=0.0)
    return Attempt(action, verdict, observation, tuple(session.cells) if session is not None else turn.cells)


def _node(attempt: Attempt, parent: str | None, turn: int, index: int) -> Node:
    name = str(index) if parent is None else f"{parent}.{index}"
    return Node(name, parent, turn, attempt.action, attempt.verdict, attempt.observation)


async def _criticised(node: Node, turn: Turn, opened: Opened) -> Node:
    """Return the node with what the critic says of it; words that give the answer away are withheld, and marked."""
    if opened.review is None or node.verdict.outcome == "continued":
        return node
    review = RememberedReview(opened.review, opened.critic, f"{turn.problem.id} {node.id}", opened.store)
    critique = await review.critique(turn.problem, turn.history, node.action, node.observation, node.verdict)
    return replace(node, critique=Critique("", critique.critic, leaks=True) if critique.leaks else critique)
