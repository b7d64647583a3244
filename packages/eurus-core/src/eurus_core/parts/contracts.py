"""The contracts: what each kind of part takes and returns.

A **part** is its settings plus one method: a frozen pydantic model whose fields are the keys a recipe may set. Parts hold no
live state; what must be opened (a model, an interpreter pool) comes from an ``open()`` that returns an asynchronous context manager: a
generator under ``contextlib.asynccontextmanager`` is the shortest. What is opened has the part's name with ``Open`` before it: a
:class:`Grader` opens an :class:`OpenGrader`.
Objectives need torch and live in :mod:`eurus_train.objectives`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import NoneType
from typing import Annotated, Any, ClassVar, Literal, Protocol, get_args, get_origin, runtime_checkable

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from eurus_core.errors import InputError, nearest
from eurus_core.files.row_keys import RowKeys as RowKeys
from eurus_core.files.rows import Row
from eurus_core.parts.choice import inside, names
from eurus_core.records import (
    Action,
    Critique,
    Message,
    Observation,
    Problem,
    Reply,
    Request,
    TreeFragment,
    Verdict,
)
from eurus_core.stages import Artefact as Artefact
from eurus_core.stages import Context

Split = Literal["train", "test"]


class Part(BaseModel, ABC):
    """Settings plus one method. Unknown keys are refused.

    A setting of type ``Path`` names something to read: it must be there when a recipe is planned, and its content belongs to the
    stage's fingerprint.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True, allow_inf_nan=False
    )
    row_keys: ClassVar[tuple[RowKeys, ...]] = ()
    """Of a part that reads rows: the keys of a row, a set for each form that a row may have."""

    @model_validator(mode="before")
    @classmethod
    def _name_the_nearest_key(cls, data: Any) -> Any:
        """Refuse an unknown setting before pydantic does, with the one that was meant, perhaps of a part inside this one."""
        known = names(cls)
        for key in data if isinstance(data, Mapping) else ():
            if key not in known:
                deeper = {name: f"{path}.{name}" for path, part in inside(cls, data) for name in names(part)}
                meant = deeper.get(key) or nearest(str(key), known) or deeper.get(nearest(str(key), deeper) or "")
                hint = f"Did you mean {meant!r}?" if meant else f"It has: {', '.join(known) or 'none'}."
                about = {"key": str(key), "hint": hint, "meant": meant}
                raise PydanticCustomError("unknown_setting", "no such setting. {hint}", about)
        return data

    @model_validator(mode="before")
    @classmethod
    def _tell_truth_from_numbers(cls, data: Any) -> Any:
        """Refuse true where a number is meant; pydantic would read 1."""
        for name, field in cls.model_fields.items():
            value = data.get(field.alias or name) if isinstance(data, Mapping) else None
            if isinstance(value, bool) and _leaves(field.annotation) <= {int, float, NoneType}:
                raise PydanticCustomError(
                    "no_number",
                    "a number is needed, found {value}",
                    {"key": field.alias or name, "value": str(value).lower()},
                )
        return data


def _leaves(annotation: Any) -> set[Any]:
    """Return the plain types that an annotation allows."""
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        inner = inner[:1]
    return set().union(*map(_leaves, inner)) if inner else {annotation}


def refuse(error: InputError) -> None:
    """Raise ``error`` and say what leaves such rows out: what becomes of a bad row unless ``skip_bad`` is set."""
    needed = f"{error.needed} To leave such rows out set skip_bad (with --rows: --skip-bad).".lstrip()
    raise InputError(error.found, needed=needed, file=error.file, line=error.line) from error


class Source(Part):
    """Problems with known answers."""

    terms: ClassVar[Mapping[str, str]] = {}
    """What the labels of its problems mean, for the reader of a report: ``{"family": "..."}``."""

    @abstractmethod
    def problems(
        self, split: Split, *, seed: int = 0, on_bad: Callable[[InputError], None] = refuse
    ) -> Iterator[Problem]:
        """Yield problems in an order that ``seed`` fixes; ``train`` and ``test`` never share one.

        A row that cannot be used is handed to ``on_bad`` as an InputError with file, line, what was found and what is needed.
        """


class Session(Protocol):
    """One stateful interpreter: state lives through one trajectory."""

    async def run(self, code: str) -> Observation:
        """Run one cell and return what it printed, in the released wording (``Out: 42``)."""

    async def run_program(self, program: str, given: str) -> Observation:
        """Run a whole program on its own, with ``given`` as its standard input, and return what it printed; no cell notices."""

    async def branch(self) -> Session:
        """Return a twin with the same state, independent from here on."""

    async def close(self) -> None: ...


class OpenTool(Protocol):
    """An opened tool: hands out sessions, bounding how many run at once."""

    async def session(self, functions: Collection[str] = ()) -> Session:
        """Return a fresh session; ``functions`` names those that its code may call besides Python's, such as a search."""


class Tool(Part):
    """Where an actor's code runs."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenTool]:
        """Open the tool for as long as the context lasts."""


class Function(Part):
    """A function that an actor's code may call, and that answers outside the interpreter; only literals cross."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Callable[..., Any]]:
        """Open what answers for as long as the context lasts: a function, plain or async, of the part's name.

        Code sees its signature and docstring. Equal arguments have equal answers while it is open: it is a way to look things up.
        """


class OpenGrader(Protocol):
    """An opened grader."""

    async def grade(self, problem: Problem, action: Action, observation: Observation | None) -> Verdict:
        """Return the verdict on one action; a hostile or huge answer is a verdict, never an exception.

        Many may be asked for at once. What takes long goes on beside the event loop. The grader alone reads the answer out of the
        action's text, and says in the verdict what it read. Thinking is no part of that text: see :func:`eurus_core.replies.spoken.spoken`.
        Of an action that our cap ended (``action.cut``) only an answer that was finished counts.
        """


class Grader(Part):
    """Judges an action against ground truth; never evaluates model text in this process."""

    judges_by: ClassVar[Literal["answer", "tests"]] = "answer"
    """What of a reference it needs: an answer, or a program's tests."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenGrader]:
        """Open what judging needs (an interpreter, a model, or nothing) for as long as the context lasts."""

    def check(self, problem: Problem) -> None:
        """Raise InputError where the problem's reference is none to judge by; asked before anything is spent on the problem."""

    @abstractmethod
    def key(self, answer: str) -> Hashable:
        """Return a value that is equal for equivalent answers. Majority votes ask for that of a verdict's ``parsed_prediction``."""


class Critic(Part):
    """Explains an error to the actor, without giving the answer away."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenCritic]:
        """Open the critic (a model, perhaps) for as long as the context lasts."""


class OpenCritic(Protocol):
    """An opened critic."""

    async def critique(
        self,
        problem: Problem,
        history: Sequence[Message],
        action: Action,
        observation: Observation | None,
        verdict: Verdict,
    ) -> Critique:
        """Return what to tell the actor about its incorrect action; ``history`` ends before the action."""


class OpenBackend(Protocol):
    """An opened backend. One awaitable a request; batching happens inside."""

    async def generate(self, request: Request) -> Reply: ...


@runtime_checkable
class Streaming(OpenBackend, Protocol):
    """An opened backend that can also hand out a reply while it is written."""

    def stream(self, request: Request) -> AsyncIterator[str | Reply]:
        """Yield the reply's text in pieces as they come, then the reply itself, whose text is the pieces joined.

        It is the reply that ``generate`` gives. Who stops reading gives the reply up.
        """


class Backend(Part):
    """Something that answers: a model behind an engine, a script, a record."""

    assisted: ClassVar[bool] = False
    """True where the reply is made from ground truth; its nodes say so."""

    @property
    @abstractmethod
    def actor(self) -> str:
        """The name that nodes carry as their actor, such as a model's."""

    def lacking(self, problem: Problem) -> str:
        """Say what a problem lacks without which this backend cannot answer, such as ``a program or a rationale``; "" for nothing.

        A backend that answers from ground truth says so here, so that a growth can tell before it begins.
        """
        return ""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenBackend]:
        """Load what is needed for as long as the context lasts."""


class OpenScorer(Protocol):
    """An opened scorer."""

    async def score(self, prompt: Sequence[Message], responses: Sequence[str]) -> list[float]:
        """Return one score a response, higher is better; the prompt is computed once."""


class Scorer(Part):
    """Ranks responses to one prompt, as a reward model does."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenScorer]:
        """Load what is needed for as long as the context lasts."""


class Format(Part):
    """A form in which trees are published as rows, one row at a time."""

    keys: ClassVar[tuple[frozenset[str], ...]]
    """Sets of keys by which rows of this form are known. Of all formats, the one that knows most keys of a row reads it."""
    source: ClassVar[str] = ""
    """The data set that publishes in this form, the name on its pairs; the file's where many do."""

    @abstractmethod
    def fragments(self, row: Row, source: str) -> Iterator[TreeFragment]:
        """Yield what a row says of its tree; InputError where it cannot be used. ``source`` names the data set."""


class Stage(Part):
    """One step of a recipe, from typed inputs to one artefact."""

    produces: ClassVar[Artefact]

    def check(self, seed: int) -> Iterable[str]:
        """Look ahead: yield what a person should know, as sentences; UserError where the stage could do nothing.

        Every stage of a run that is still to do is asked before the first one works, and by ``--dry-run``, so that a mistake in a
        late stage does not cost the early ones. What earlier stages make is not there yet. ``seed`` is the one that ``run`` will have.
        """
        return ()

    @abstractmethod
    def run(self, context: Context) -> None:
        """Do the work inside ``context.folder``; what lies there when this returns is the stage's result."""
