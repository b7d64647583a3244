"""The turn loop: actions under one history, which of them is gone on from, what the critic says of it, and the next turn.

What acts is a :class:`Player`: a ladder of actors that try several actions a turn (growing), or one actor that is asked once
(evaluation). What answers is the :class:`Environment`: interpreter, grader and critic, each behind the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from eurus_core.episode.journal import Journal
from eurus_core.episode.resume import RememberedActor, RememberedReview, RememberedSession, Tally, identity
from eurus_core.episode.step import judge
from eurus_core.parts.contracts import Backend, OpenBackend, OpenCritic, OpenGrader, OpenTool
from eurus_core.records import Action, Critique, Message, Node, Observation, PreferenceTree, Problem, Request, Verdict
from eurus_core.records.pairs import history
from eurus_core.records.seeds import derive


@dataclass(frozen=True)
class Turn:
    """What every action of a turn starts from.

    ``cells`` are those of its history, ``place`` says in words where it is; a :class:`Player` that asks more than once at a turn
    gives each of its requests a place of its own.
    """

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


class Player(Protocol):
    """Who acts, and which actions count."""

    async def act(self, turn: Turn) -> Sequence[Attempt]:
        """Return the actions at a turn."""

    def choose(
        self, attempts: Sequence[Attempt], turn: Turn, *, last: bool
    ) -> tuple[Sequence[Attempt], Attempt | None]:
        """Return the actions that become nodes, and the one of them to go on from; None ends the trajectory, as ``last`` does."""


@dataclass(frozen=True)
class Environment:
    """What answers an action: opened parts, which all trajectories of a stage share, and the journal of what each said.

    ``tool`` and ``critic`` are the identities of the parts that were opened (:func:`~eurus_core.episode.resume.identity`).
    Without a workbench no code is run, without a review nothing is criticised.
    """

    grader: OpenGrader
    journal: Journal
    tally: Tally
    workbench: OpenTool | None = None
    tool: str = ""
    review: OpenCritic | None = None
    critic: str = ""

    async def attempt(self, turn: Turn, backend: Backend, actor: OpenBackend, request: Request) -> Attempt:
        """Ask ``actor``, which ``backend`` opened, run the code that it writes, and judge what comes of it."""
        session = None
        if self.workbench is not None and turn.problem.tools:
            session = RememberedSession(
                self.workbench, self.tool, turn.place, self.journal, list(turn.cells), turn.problem.tools
            )
        remembered = RememberedActor(actor, identity(backend), turn.place, self.journal, self.tally)
        try:
            reply = await remembered.generate(request)
            action, observation, verdict = await judge(
                reply, request, session, self.grader, name=backend.actor, assisted=backend.assisted
            )
        finally:
            if session is not None:
                await session.close()
        if observation is not None:  # a clock's reading would make every run differ in its bytes
            observation = replace(observation, seconds=0.0)
        return Attempt(action, verdict, observation, turn.cells if session is None else tuple(session.cells))

    async def criticised(self, node: Node, turn: Turn) -> Node:
        """Return the node with what the critic says of it; words that give the answer away are withheld, and marked."""
        if self.review is None or node.verdict.outcome == "continued":
            return node
        review = RememberedReview(self.review, self.critic, f"{turn.problem.id} {node.id}", self.journal)
        critique = await review.critique(turn.problem, turn.history, node.action, node.observation, node.verdict)
        return replace(node, critique=Critique("", critique.critic, leaks=True) if critique.leaks else critique)


async def play(
    problem: Problem, player: Player, environment: Environment, *, turns: int, seed: int, place: str = ""
) -> PreferenceTree:
    """Return the tree of what was tried on a problem, in at most ``turns`` turns.

    One action a turn is criticised and gone on from. Everything drawn follows from ``seed``. ``place`` tells several
    trajectories of one problem apart in the journal.
    """
    tree = PreferenceTree(problem)
    parent: str | None = None
    cells: tuple[str, ...] = ()
    for number in range(1, turns + 1):
        where = f"{problem.id} {'root' if parent is None else parent}{place}"
        turn = Turn(problem, history(tree, parent), cells, derive(seed, "turn", problem.id, parent), where)
        kept, onward = player.choose(await player.act(turn), turn, last=number == turns)
        nodes = [_node(attempt, parent, number, index) for index, attempt in enumerate(kept)]
        if onward is not None:
            index = next(index for index, attempt in enumerate(kept) if attempt is onward)
            nodes[index] = await environment.criticised(nodes[index], turn)
            parent, cells = nodes[index].id, onward.cells
        tree = PreferenceTree(problem, (*tree.nodes, *nodes))
        if onward is None:
            break
    return tree


def _node(attempt: Attempt, parent: str | None, turn: int, index: int) -> Node:
    name = str(index) if parent is None else f"{parent}.{index}"
    return Node(name, parent, turn, attempt.action, attempt.verdict, attempt.observation)
