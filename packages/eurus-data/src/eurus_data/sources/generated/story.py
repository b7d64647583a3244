"""One generated word problem: a chain of operations told as a story, with its program and its rationale."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random

from eurus_data.sources.generated.kind import LARGEST, Kind
from eurus_data.sources.generated.kinds import KINDS
from eurus_data.sources.generated.operands import Numbers
from eurus_data.sources.generated.worlds import WORLDS, Subject, World

DISTRACTORS = (
    "{third} has {n} {thing}.",
    "{third} is {n} years old.",
    "The clock has been running for {n} days.",
    "The way there takes {n} minutes.",
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with its numbers; ``kind`` is None for the amount that a story starts from."""

    kind: Kind | None
    operands: Numbers
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Story:
    """A told problem. ``skeleton`` is its arithmetic without its words, such as ``("12", "_ + 7")``."""

    text: str
    answer: int
    program: str
    rationale: str
    skeleton: tuple[str, ...]
    kinds: tuple[str, ...]
    world: str
    distracted: bool


def tell(
    rng: Random, world: World, level: int, kinds: frozenset[str], *, must: str | None = None, distract: float = 0.0
) -> Story:
    """Return a problem of ``level`` operations of the given kinds in a world.

    ``must`` is a kind that has to occur. ``distract`` is the chance of one sentence with a number that nothing needs.
    """
    while True:
        plan = _plan(rng, world, level, kinds, must)
        if plan is not None:
            for _ in range(30):  # whether percentages and shares come out whole depends on the numbers before them
                operations = _numbers(rng, plan)
                if operations is not None:
                    return _Teller(rng, world).tell(operations, distracted=rng.random() < distract)


def _plan(rng: Random, world: World, level: int, kinds: frozenset[str], must: str | None) -> tuple[Kind, ...] | None:
    """Return ``level`` kinds in a tellable order, or None where this draw has none. No kind follows itself."""
    usable = [kind for name, kind in KINDS.items() if name in kinds and name not in world.without]
    # the first draw is over all kinds, so that problems of one operation show each kind equally often
    first = KINDS[must] if must else rng.choice(usable)
    opens, middle, closes = ([first] if first.place == place else [] for place in ("opens", "middle", "closes"))
    if first.after:
        closes.insert(0, KINDS[first.after])
    room = level - len(opens) - len(middle) - len(closes)
    for place, ends in (("opens", opens), ("closes", closes)):
        choices = [kind for kind in usable if kind.place == place and not kind.after]
        if room > 0 and choices and not ends and rng.random() < 0.3:
            ends.append(rng.choice(choices))
            room -= 1
    for _ in range(room):
        middle.insert(rng.randint(0, len(middle)), rng.choice([kind for kind in usable if kind.place == "middle"]))
    plan = (*opens, *middle, *closes)
    sound = len(plan) == level and all(kind in usable for kind in plan)
    return plan if sound and all(one is not two for one, two in pairwise(plan)) else None


def _numbers(rng: Random, plan: tuple[Kind, ...]) -> list[Operation] | None:
    """Return the operations of a plan with numbers that come out whole, or None where this draw does not."""
    operations: list[Operation] = []
    value = 0
    if plan[0].place != "opens":
        value = rng.randint(5, 80)
        operations.append(Operation(None, (value,), 0, value))
    for kind in plan:
        operands = kind.draw(rng, value)
        if operands is None:
            return None
        before, value = value, kind.value(value, operands)
        if not 1 <= value <= LARGEST:
            return None
        operations.append(Operation(kind, operands, before, value))
    return operations


class _Teller:
    """Tells operations one after the other; remembers whom the story is about, whom it has met, and the last variable."""

    def __init__(self, rng: Random, world: World):
        self.rng, self.world = rng, world
        self.unmet = [rng.sample(group, len(group)) for group in rng.sample(world.subjects, 2)]
        self.subject = self._meet()
        self.things = rng.choice(world.things)
        self.container, self.containers = rng.choice(world.containers or (("", ""),))
        self.named = True  # the next sentence says the name
        self.variable, self.question = "", ""
        self.sentences: list[str] = []
        self.lines: list[str] = []
        self.reasons: list[str] = []

    def tell(self, operations: list[Operation], *, distracted: bool) -> Story:
        """Return the story of the operations; a teller tells one."""
        distraction_after = self.rng.randrange(len(operations)) if distracted else -1
        for k, operation in enumerate(operations):
            if operation.kind is None:
                self._start(operation)
            else:
                self._go_on(operation.kind, operation)
            if k == distraction_after:
                self.sentences.append(self._distraction())
                self.named = True  # a pronoun would now point at the distraction
        return Story(
            text=" ".join([*self.sentences, self.question]),
            answer=operations[-1].after,
            program="\n".join([*self.lines, self.variable]),
            rationale="\n".join(f"Step {k}: {reason}" for k, reason in enumerate(self.reasons, 1)),
            skeleton=tuple(self._fill(one.kind.code if one.kind else "{a}", one.operands, v="_") for one in operations),
            kinds=tuple(one.kind.name for one in operations if one.kind),
            world=self.world.name,
            distracted=distracted,
        )

    def _start(self, operation: Operation) -> None:
        sentence = self._say("{name} {has} {a} {things}.", operation.operands)
        self.sentences.append(sentence)
        self.reasons.append(sentence)
        self.variable = self.things
        self.lines.append(f"{self.variable} = {operation.after}")
        self.named = False

    def _go_on(self, kind: Kind, operation: Operation) -> None:
        operands = operation.operands
        other = self._meet(crossing=True) if kind.meets else self.subject
        words = {"other": other.name, "other_variable": other.name.split()[-1].lower()}
        wording = self.world.wording.get(kind.name, kind.wording)
        self.sentences.append(self._say(self.rng.choice(wording.sentences), operands, **words))
        note = self._fill(kind.note, operands)
        computed = self._fill(kind.code, operands, v=str(operation.before)).replace("//", "/")
        self.reasons.append(f"{_sentence(note)}: {computed} = {operation.after}.")
        code = self._fill(kind.code, operands, v=self.variable)
        self.variable = self._fill(kind.variable, operands, **words)
        self.lines.append(f"{self.variable} = {code}  # Step {len(self.reasons)}: {note}")
        if kind.turns:
            self.subject = other
            self.unmet.reverse()
        self.named = True
        self.question = self._say(wording.question, operands)
        self.named = False

    def _meet(self, *, crossing: bool = False) -> Subject:
        """Return someone new, of the subject's own group or (crossing) of the one whose pronoun differs."""
        return self.unmet[1 if crossing else 0].pop()

    def _say(self, template: str, operands: Numbers, **words: str) -> str:
        who = self.subject.name if self.named or self.rng.random() < 0.2 else self.subject.pronoun
        gains, loses = self.rng.choice(self.world.gains), self.rng.choice(self.world.loses)
        return _sentence(self._fill(template, operands, they=who, gains=gains, loses=loses, **words))

    def _fill(self, template: str, operands: Numbers, **words: str) -> str:
        return template.format(
            **dict(zip("abc", operands, strict=False)),
            **words,
            name=self.subject.name,
            things=self.things,
            container=self.container,
            containers=self.containers,
            has=self.world.has,
            have=self.world.have,
        )

    def _distraction(self) -> str:
        third = self._meet(crossing=True)
        owns = [
            thing for world in WORLDS.values() for thing in world.things if world.containers and thing != self.things
        ]
        template = self.rng.choice(DISTRACTORS if third.owns else DISTRACTORS[1:])
        return _sentence(template.format(third=third.name, n=self.rng.randint(3, 40), thing=self.rng.choice(owns)))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
