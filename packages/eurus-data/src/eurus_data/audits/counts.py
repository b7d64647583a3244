"""What a tree set holds, turn by turn and actor by actor, and the tree that shows it best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple, get_args

from eurus_core.records import Outcome, PreferenceTree, Schema
from eurus_core.records.pairs import pairs
from eurus_core.stages import Context
from eurus_core.stages.report import Table, TreeDrawing

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DRAWN = 6
"""Trees to draw of a growth: one to see, and others for who opens them."""
TERMS = {
    "assisted": "an action written from ground truth (the problem's program or rationale) instead of sampled from a model",
    "pair": "a correct and an incorrect action after the same history: chosen and rejected",
    "turn": "an action and what the environment and the critic answer; an incorrect one may be answered by another turn",
    "schema": "how an action is to be written: as a chain of thought, or modular, as tools that are made first and called then",
}


class Trait(NamedTuple):
    """What nodes are counted by."""

    turn: int
    actor: str
    assisted: bool
    outcome: Outcome
    schema: Schema


class Counts:
    """Counts over trees, which may be streamed: nothing but the counts is kept."""

    def __init__(self, trees: Iterable[PreferenceTree] = ()):
        self.trees = 0
        self.solved = 0  # trees with a correct action
        self.nodes: Counter[Trait] = Counter()
        self.tokens: Counter[Trait] = Counter()
        self.pairs: Counter[tuple[int, bool]] = Counter()  # by turn and by whether the chosen side is assisted
        self.last_turn: Counter[int] = Counter()
        self.leaks = 0
        self.untrusted = 0  # correct actions whose own code could have shaped the verdict
        self.opinions = 0  # actions that a model judged
        for tree in trees:
            self.add(tree)

    def add(self, tree: PreferenceTree) -> None:
        self.trees += 1
        self.solved += any(node.verdict.correct for node in tree)
        self.last_turn[max((node.turn for node in tree), default=0)] += 1
        by_id = {node.id: node for node in tree}
        for node in tree:
            action = node.action
            trait = Trait(node.turn, action.actor, action.assisted, node.verdict.outcome, action.schema)
            self.nodes[trait] += 1
            self.tokens[trait] += action.tokens
            self.untrusted += node.verdict.correct and not node.verdict.trusted
            self.opinions += node.verdict.opinion
            self.leaks += node.critique is not None and node.critique.leaks
        for pair in pairs(tree):
            chosen = by_id[pair.chosen]
            self.pairs[chosen.turn, chosen.action.assisted] += 1

    @property
    def correct(self) -> int:
        return self._sum(outcome="correct")

    @property
    def assisted(self) -> int:
        """How many of the correct actions were written from ground truth."""
        return self._sum(outcome="correct", assisted=True)

    def origin(self) -> str:
        """Say where correct actions came from where more than half of them were written from ground truth; else nothing."""
        correct, assisted = self.correct, self.assisted
        if 2 * assisted <= correct:
            return ""
        if assisted == correct:
            return f"All {correct} correct actions were assisted, written from ground truth; none was sampled from a model."
        return (
            f"{assisted} of {correct} correct actions ({100 * assisted / correct:.0f} %) were assisted, written from ground truth; "
            f"{correct - assisted} {'was' if correct - assisted == 1 else 'were'} sampled from a model."
        )

    def figures(self) -> dict[str, float]:
        """Return the totals by name; shares are between 0 and 1."""
        all_pairs = self.pairs.total()
        assisted = sum(count for (_, is_assisted), count in self.pairs.items() if is_assisted)
        return {
            "trees": self.trees,
            "trees with a correct action": self.solved,
            "nodes": self.nodes.total(),
            "correct actions": self.correct,
            "pairs": all_pairs,
            "share of pairs with an assisted chosen": assisted / all_pairs if all_pairs else 0.0,
            "tokens in nodes": self.tokens.total(),
        } | {what: count for what, count in self._seldom() if count}

    def _seldom(self) -> Iterable[tuple[str, int]]:
        yield "critiques withheld for giving the answer away", self.leaks
        yield "correct actions that are no label, since their own code could have shaped the verdict", self.untrusted
        yield "actions that a model judged, which make no pair", self.opinions

    def by_turn(self) -> Table:
        """Return one row a turn and a last one for all."""
        rows = []
        turns: list[int | None] = [*sorted({trait.turn for trait in self.nodes}), None]
        for turn in turns:
            where: dict[str, Any] = {} if turn is None else {"turn": turn}
            paired = {
                assisted: sum(n for (t, a), n in self.pairs.items() if a is assisted and turn in (None, t))
                for assisted in (False, True)
            }
            correct = self._sum(outcome="correct", **where)
            assisted = self._sum(outcome="correct", assisted=True, **where)
            rows.append(
                (
                    "all" if turn is None else turn,
                    self._sum(**where),
                    *(self._sum(outcome=outcome, **where) for outcome in OUTCOMES),
                    _percent(assisted, correct),
                    sum(paired.values()),
                    _percent(paired[True], sum(paired.values())),
                    self._sum(schema="cot", **where),
                    self._sum(schema="modular", **where),
                    self._sum(self.tokens, **where),
                )
            )
        columns = ("turn", "nodes", *OUTCOMES, "assisted, % of correct", "pairs", "assisted chosen, % of pairs")
        return Table(
            "Actions and pairs by turn",
            (*columns, "chain of thought", "modular", "tokens"),
            tuple(rows),
            "Assisted actions were written from ground truth, not sampled. Unparsed: no answer could be read. Limit: our own cap cut "
            "it off, so nobody's mistake and never the rejected side of a pair. Continued: no answer yet, the next turn goes on.",
        )

    def by_actor(self) -> Table:
        """Return one row an actor."""
        actors = sorted({(trait.actor, trait.assisted) for trait in self.nodes})
        rows = []
        for actor, assisted in actors:
            total = self._sum(actor=actor, assisted=assisted)
            correct = self._sum(actor=actor, assisted=assisted, outcome="correct")
            tokens = self._sum(self.tokens, actor=actor, assisted=assisted)
            rows.append(
                (actor, "yes" if assisted else "no", total, correct, _percent(correct, total), round(tokens / total, 1))
            )
        columns = ("actor", "assisted", "nodes", "correct", "correct, %", "tokens a node")
        return Table("Actions by actor", columns, tuple(rows), "Equal texts under one history count once.")

    def depths(self) -> Table:
        """Return how many trees end at each turn."""
        rows = tuple((turn, count, _percent(count, self.trees)) for turn, count in sorted(self.last_turn.items()))
        return Table("Trees by their last turn", ("last turn", "trees", "%"), rows)

    def tables(self) -> tuple[Table, ...]:
        return (self.by_turn(), self.by_actor(), self.depths())

    def _sum(self, counter: Counter[Trait] | None = None, **wanted: Any) -> int:
        """Return the count of nodes (or of what ``counter`` counts) whose traits are the wanted ones."""
        counter = self.nodes if counter is None else counter
        return sum(
            n for trait, n in counter.items() if all(getattr(trait, name) == value for name, value in wanted.items())
        )


def telling(trees: Iterable[PreferenceTree], most: int = 1) -> list[PreferenceTree]:
    """Return trees to draw, the best first: with a pair, many turns, right at the end, by a sampled action if possible, and short.

    The others differ from those before them in depth or in how their actions ended, as far as there are such. Trees may be streamed:
    the best of each look and ``most`` others are held.
    """
    best: dict[tuple[object, ...], tuple[tuple[int, ...], PreferenceTree]] = {}
    others: list[tuple[tuple[int, ...], PreferenceTree]] = []
    for number, tree in enumerate(trees):
        if not pairs(tree):
            continue
        ranked = (*_interest(tree), -number), tree
        held = best.setdefault(_look(tree), ranked)
        if held is ranked:
            continue
        if ranked > held:
            best[_look(tree)], ranked = ranked, held
        others = sorted([*others, ranked], reverse=True)[:most]
    return [tree for _, tree in (*sorted(best.values(), reverse=True), *others)][:most]


def _look(tree: PreferenceTree) -> tuple[object, ...]:
    return max(node.turn for node in tree), frozenset((node.verdict.outcome, node.action.assisted) for node in tree)


def _interest(tree: PreferenceTree) -> tuple[int, ...]:
    last = max(node.turn for node in tree)
    ending = [node for node in tree if node.turn == last and node.verdict.correct]
    sampled = any(not node.action.assisted for node in ending)
    return bool(ending), min(last, 3), sampled, last, -sum(len(node.action.text) for node in tree)


def show(context: Context, counts: Counts, trees: Iterable[PreferenceTree]) -> None:
    """Put tables, figures and drawings into a stage's report, and say where correct actions came from.

    ``trees`` are those that were counted.
    """
    for name, value in counts.figures().items():
        context.figure(name, value)
    if origin := counts.origin():
        context.finding(origin)
    for table in counts.tables():
        context.show(table)
    for tree in telling(trees, DRAWN):
        turns, found = max(node.turn for node in tree), len(pairs(tree))
        said = f"{turns} turn{'' if turns == 1 else 's'}, {found} pair{'' if found == 1 else 's'}"
        context.show(TreeDrawing(f"{tree.problem.id}: {said}", tree))
    context.define(TERMS)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
