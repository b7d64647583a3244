"""Generated word problems: kinds of operation chained to levels, by seed, with rationale and program.

Nothing is downloaded and nothing runs out, so that a first run and the tests have problems whose answers are known.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from eurus_core.errors import InputError, nearest
from eurus_core.parts.contracts import Source, Split, refuse
from eurus_core.records import Problem, Reference
from eurus_core.records.seeds import derive
from eurus_data.sources.files import content_id
from eurus_data.sources.generated.kinds import KINDS
from eurus_data.sources.generated.story import Story, tell
from eurus_data.sources.generated.worlds import WORLDS

TEST_BUCKETS = 8  # one skeleton in eight belongs to the test split


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in KINDS and name not in WORLDS:
            meant = nearest(name, [*KINDS, *WORLDS])
            raise ValueError(
                f"{name!r} is neither a kind of operation nor a world"
                + (f"; did you mean {meant!r}?" if meant else "")
                + f" Kinds: {', '.join(KINDS)}. Worlds: {', '.join(WORLDS)}."
            )
    if not set(WORLDS) - set(names):
        raise ValueError("every world is held out; the train split needs one")
    if sum(kind.place == "middle" and name not in names for name, kind in KINDS.items()) < 3:
        raise ValueError("the train split needs three kinds for the middle of a story, such as add, subtract and times")
    return names


class Arithmetic(Source):
    """Word problems of 1 to 5 operations, without end.

    Two guards keep the splits apart. *Numbers*: the arithmetic of a problem, such as 12 and then + 7, is hashed apart from all
    words, and one in eight belongs to the test split. *Families*: the worlds and kinds in ``held_out`` occur in
    the test split only, in ``held_out_share`` of its problems; their label is ``family = "held-out"``.
    """

    terms: ClassVar[Mapping[str, str]] = {
        "family": "what a story is about (its world, such as a tank) and what is done in it (such as an average); "
        "held-out families occur in no problem to learn from, seen ones do",
        "level": "how many operations a problem takes",
        "distractor": "a number that a problem states and does not need",
    }

    levels: Annotated[tuple[Annotated[int, Field(ge=1, le=5)], ...], Field(min_length=1)] = (1, 2, 3, 4)
    """Numbers of operations in a problem; the levels take turns."""
    distractors: float = Field(0.15, ge=0, le=1)
    """Share of problems that state a number they do not need."""
    held_out: Annotated[tuple[str, ...], AfterValidator(_known)] = ("bus", "tank", "average")
    """Settings and kinds of problem that occur only in the test split."""
    held_out_share: float = Field(0.25, ge=0, le=1)
    """The share of the test split that they make up."""
    task: Literal["Math_PoT", "Math_CoT"] = "Math_PoT"
    """Math_PoT: with the Python tool; Math_CoT: in words."""

    def problems(
        self, split: Split, *, seed: int = 0, on_bad: Callable[[InputError], None] = refuse
    ) -> Iterator[Problem]:
        """Yield problems without end and without repeats, the levels taking turns."""
        told: set[str] = set()
        for index in itertools.count():
            level = self.levels[index % len(self.levels)]
            for attempt in itertools.count():
                rng = Random(derive(seed, "arithmetic", split, index, attempt))  # noqa: S311 - no secret
                story = self._draw(rng, split, level)
                problem = self._problem(story, level)
                if in_test(story) == (split == "test") and problem.id not in told:
                    told.add(problem.id)
                    yield problem
                    break

    def _draw(self, rng: Random, split: Split, level: int) -> Story:
        worlds = [name for name in WORLDS if name not in self.held_out]
        kinds = frozenset(KINDS) - set(self.held_out)
        must = None
        if split == "test" and rng.random() < self.held_out_share:
            family = self._family(rng, level, worlds)
            if family in WORLDS:
                worlds = [family]
            elif family is not None:
                must, kinds = family, kinds | {family, KINDS[family].after or family}
                worlds = [name for name in worlds if family not in WORLDS[name].without]
        return tell(rng, WORLDS[rng.choice(worlds)], level, kinds, must=must, distract=self.distractors)

    def _family(self, rng: Random, level: int, worlds: list[str]) -> str | None:
        """Return a held-out world or kind that a story of this level can be about, None where there is none."""
        tellable = [
            name
            for name in self.held_out
            if name in WORLDS
            or ((level > 1 or not KINDS[name].after) and any(name not in WORLDS[world].without for world in worlds))
        ]
        return rng.choice(tellable) if tellable else None

    def _problem(self, story: Story, level: int) -> Problem:
        unseen = {story.world, *story.kinds} & set(self.held_out)
        return Problem(
            id=content_id("arithmetic", story.text),
            task=self.task,
            dataset="arithmetic",
            instruction=story.text,
            reference=Reference(answer=str(story.answer), rationale=story.rationale, solutions=(story.program,)),
            tools=("python",) if self.task == "Math_PoT" else (),
            labels={
                "level": str(level),
                "family": "held-out" if unseen else "seen",
                "distractor": "yes" if story.distracted else "no",
            },
        )


def in_test(story: Story) -> bool:
    """Say whether a story's arithmetic belongs to the test split, whatever its words and the seed."""
    return derive(0, "arithmetic", story.skeleton) % TEST_BUCKETS == 0
