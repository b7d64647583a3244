"""What was seen of trees that hold nothing to learn from, and what would help: counted, so that the words are true of each case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from eurus_core.records import REJECTABLE, PreferenceTree

KNOWN = "Give trees or rows that hold some (eurus parts formats)."
LONG = "Raise max_length."
NONE_CORRECT = (
    "Sample more actions of each problem, ask a stronger actor, or give problems a program or a rationale, from which the actor "
    "'reference' writes correct ones."
)
NONE_INCORRECT = "A pair needs an incorrect action, too; the objective sft learns from correct ones alone."
APART = (
    "Give at least one prompt replies of both kinds: every preference objective learns from pairs, KTO too. The objective sft learns "
    "from the correct ones alone."
)


@dataclass(slots=True)
class Seen:
    """Counts of trees and of their actions by verdict. ``labelled`` while every verdict is what a row's label said."""

    trees: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    labelled: bool = True

    def add(self, tree: PreferenceTree) -> None:
        self.trees += 1
        for node in tree.nodes:
            correct, outcome = node.verdict.correct, node.verdict.outcome
            self.actions["correct" if correct else "incorrect" if outcome in REJECTABLE else "neither"] += 1
            self.labelled = self.labelled and node.verdict.rule == "published" and tree.preferences is None

    def __str__(self) -> str:
        if not self.trees:
            return "no trees at all"
        correct, incorrect, neither = (self.actions[kind] for kind in ("correct", "incorrect", "neither"))
        s = "s" * (self.trees != 1)
        if self.labelled and not neither:
            both = "; no prompt has both" if correct and incorrect else ""
            return f"{self.trees:,} prompt{s} read, with replies: {correct:,} labelled true, {incorrect:,} labelled false{both}"
        undecided = f", {neither:,} neither" if neither else ""
        return f"{self.trees:,} tree{s} read, with actions: {correct:,} correct, {incorrect:,} incorrect{undecided}"

    def advice(self, reasons: Iterable[str]) -> str:
        """Say what would help, given the reasons for which actions or pairs were left out."""
        reasons = [reason for reason in reasons if not reason.startswith(("trees ", "rows "))]
        if any("max_length" in reason for reason in reasons):
            return LONG
        if not self.trees or reasons:
            return KNOWN
        if not self.actions["correct"]:
            return NONE_CORRECT
        return APART if self.actions["incorrect"] else NONE_INCORRECT
