"""The records: a problem, what was tried on it, and how it was judged.

Frozen dataclasses with a JSON round trip (:mod:`eurus_core.codec`). A preference tree is a tuple of nodes in the
order in which they were made; a node names its parent, so that the same records hold the paper's caterpillars
(arXiv 2404.02078, figure 2), the stars of UltraFeedback, and anything between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Task = Literal["Coding", "Math_CoT", "Math_PoT", "Logic", "Chat"]
"""The paper's four, each with its prompt; ``Chat`` is anything else and has none."""
Role = Literal["system", "user", "assistant"]
Schema = Literal["cot", "modular", "none"]
Tier = Literal["T0", "T1", "T2", "T3"]
Outcome = Literal["correct", "incorrect", "unparsed", "timeout", "limit", "continued"]
ObservationStatus = Literal["ok", "error", "timeout", "memory", "killed"]

TASKS: tuple[Task, ...] = get_args(Task)
REJECTABLE: frozenset[Outcome] = frozenset({"incorrect", "unparsed", "timeout"})
"""Outcomes that may stand on the rejected side of a pair. ``limit`` is our own cap, hence no fault of the actor."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Ground truth of a problem; only graders, critics and assisted actors may read it, and of ``stdio`` a turn's run the inputs."""

    answer: str | None = None
    rationale: str | None = None
    solutions: tuple[str, ...] = ()  # Python programs, each printing or returning the answer
    stdio: tuple[tuple[str, str], ...] = ()  # tests of a whole program: what it reads and what it must print
    asserts: tuple[str, ...] = ()  # tests of what a program defines: Python statements, each passes or raises
    alternatives: tuple[str, ...] = ()  # answers that are as right as ``answer``

    @property
    def answers(self) -> tuple[str, ...]:
        """Every answer that is right; none where the problem has no answer."""
        return () if self.answer is None else (self.answer, *self.alternatives)


@dataclass(frozen=True, slots=True)
class Problem:
    """One instruction with a known answer. ``labels`` are groups to report by, such as level or family."""

    id: str
    task: Task
    dataset: str
    instruction: str  # without the task prompt, which eurus_core.prompts applies once, unless ``prompted``
    reference: Reference = field(default_factory=Reference)
    tools: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    prompted: bool = False  # True where the instruction is the whole first message, as in published rows
    system: str = ""  # a system message before it


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn. Temperature 0 is greedy. ``max_tokens`` bounds the reply, not the prompt."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What an actor is asked. ``seed`` fixes the draw for one request, whatever batch it lands in.

    ``problem`` is there for actors that answer from ground truth (``assisted``) and for scripted ones; a model never sees it.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    problem: Problem | None = None
    schema: Schema = "none"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``logprob`` is the sum over the reply's tokens in nats, None where unknown."""

    text: str
    finish: Literal["stop", "length"] = "stop"
    prompt_tokens: int = 0
    tokens: int = 0
    logprob: float | None = None
    seconds: float = 0.0
    cost: float = 0.0  # US dollars


@dataclass(frozen=True, slots=True)
class Action:
    """An actor's turn, parsed: ``code`` holds the cells in order, ``solution`` what stands in ``<solution>``, if anything does.

    Where else an answer stands, such as in a box, is for graders to read.
    """

    text: str
    thought: str = ""
    code: tuple[str, ...] = ()
    solution: str | None = None
    actor: str = ""
    schema: Schema = "none"
    sampling: Sampling | None = None
    tokens: int = 0
    logprob: float | None = None
    cost: float = 0.0
    assisted: bool = False
    cut: bool = field(
        default=False, compare=False
    )  # our cap on tokens ended it; in no file, as verdicts say what became of it


@dataclass(frozen=True, slots=True)
class Observation:
    """What the environment answered. ``tier`` says how well the interpreter was confined."""

    text: str
    status: ObservationStatus = "ok"
    tier: Tier | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an action was judged, by which rule, and why.

    ``trusted`` is False where the action's own code could have shaped it: a program that is judged in its own process can say what it likes.
    ``judged_by`` names the model whose opinion it is; empty where ground truth decided.

    ``parsed_prediction`` is the answer that was read out of the action, ``parsed_reference`` the one that it was compared with; both
    are empty where nothing was read, as of a program.
    """

    outcome: Outcome
    rule: str = ""
    why: str = ""
    score: float | None = None
    trusted: bool = True
    judged_by: str = ""
    parsed_prediction: str = ""
    parsed_reference: str = ""

    @property
    def correct(self) -> bool:
        return self.outcome == "correct"

    @property
    def proven(self) -> bool:
        """Whether the action is correct, and its own code had no part in the judgement."""
        return self.correct and self.trusted

    @property
    def opinion(self) -> bool:
        """Whether a model judged, not ground truth."""
        return bool(self.judged_by)


@dataclass(frozen=True, slots=True)
class Critique:
    """A critic's words on an incorrect action. ``leaks`` marks one that gives the reference answer away."""

    text: str
    critic: str = ""
    leaks: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One action in its tree. ``id`` is the path from the root (``1.0`` is the first child of ``1``); turns count from 1."""

    id: str
    parent: str | None
    turn: int
    action: Action
    verdict: Verdict
    observation: Observation | None = None
    critique: Critique | None = None


@dataclass(frozen=True, slots=True)
class Preference:
    """An edge between two siblings of one tree, by node id. ``source`` is the data set's name."""

    chosen: str
    rejected: str
    source: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class PreferenceTree:
    """A problem and every action tried on it; parents stand before their children.

    ``preferences`` are the pairs that published rows state; None where they follow from the verdicts. ``origin`` is for messages.
    """

    problem: Problem
    nodes: tuple[Node, ...] = ()
    preferences: tuple[Preference, ...] | None = None
    origin: str = field(default="", compare=False)  # file and line of the first row that it was made of; in no file

    def node(self, node_id: str) -> Node:
        """Return the node of that id; KeyError where there is none."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def children(self, parent: str | None) -> tuple[Node, ...]:
        """Return the actions tried after ``parent`` (None: at the first turn)."""
        return tuple(node for node in self.nodes if node.parent == parent)

    def path(self, node_id: str) -> tuple[Node, ...]:
        """Return the nodes from the first turn to ``node_id``, both included."""
        by_id = {node.id: node for node in self.nodes}
        path: list[Node] = []
        step: str | None = node_id
        while step is not None:
            path.append(by_id[step])
            step = by_id[step].parent
        return tuple(reversed(path))

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)


@dataclass(frozen=True, slots=True)
class Turn:
    """An action in a row, how it was judged, and what followed it, if anything did."""

    text: str
    verdict: Verdict
    observation: Observation | None = None
    critique: Critique | None = None

    @property
    def ends(self) -> bool:
        """Whether nothing is known of what followed."""
        return self.observation is None and self.critique is None


@dataclass(frozen=True, slots=True)
class Graft:
    """What one row says of a tree: a path below a problem and the sibling actions at its end; ``edges`` are (chosen, rejected, weight) by index."""

    problem: Problem
    history: tuple[Turn, ...]
    siblings: tuple[Turn, ...]
    edges: tuple[tuple[int, int, float], ...] = ()
    origin: str = ""  # file and line, which the reader of the rows fills in


@dataclass(frozen=True, slots=True)
class Sample:
    """One attempt at a problem, kept by evaluation so that scores can be recomputed without a model."""

    problem: Problem
    action: Action
    verdict: Verdict
    observation: Observation | None = None
    index: int = 0  # 0 .. N-1 among the samples of one problem


def task_named(name: str) -> Task | None:
    """Return the task of that name in any case, or None: the released data's README spells Math_Cot, its rows Math_CoT."""
    return next((task for task in TASKS if task.lower() == name.lower()), None)
