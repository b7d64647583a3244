"""The plots and tables of a training: figure 5 of the paper, the loss, and what held-out pairs say."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from eurus_core.stages import Context
from eurus_core.stages.report import Line, Plot, Table
from eurus_train.data.tree_tokens import LeftOut
from eurus_train.monitoring.evidence import share_right, shown, validation_row
from eurus_train.monitoring.metrics import Split, Tally, split, splits
from eurus_train.monitoring.monitor import findings

FIGURE_5 = "rewards while learning (figure 5)"
REWARDS = "Means over the pairs of each step. Margin: chosen minus rejected."
VALIDATED = ("rewards_chosen", "rewards_rejected", "margin")
AUTHORS = {"same": "sides of one author", "mixed": "assisted against sampled"}
TERMS = {
    "margin": "the reward of the chosen action less that of the rejected one",
    "held-out": "kept from learning, to be measured on only",
}
POLICY_TERMS = {
    "figure 5": 'of "Advancing LLM Reasoning Generalists with Preference Trees" (arXiv 2404.02078): rewards of chosen and '
    "rejected actions while DPO, KTO and NCA learn; the margin grows under all three, and under DPO both rewards fall",
    "reward": "what an objective credits an action with; under DPO, KTO and NCA how much more probable the policy makes it than its "
    "reference did: beta times the difference of the two log-probabilities",
}
BELOW_ZERO = "Pairs of each step whose chosen action has become less likely than before training."


def show_loss(context: Context, history: Sequence[Mapping[str, float]]) -> None:
    """Plot the loss against steps."""
    lines = (_line("loss", "loss", history),)
    context.show(Plot(f"{context.name}: loss", "step", "loss", lines, group="loss", noisy=True))


def show_quantity(context: Context, history: Sequence[Mapping[str, float]], name: str) -> None:
    """Plot something that a kind of objective counts against steps, where it was counted."""
    line = _line(name, name, history)
    if line.x:
        context.show(Plot(f"{context.name}: {name}", "step", name, (line,), group=name, noisy=True))


def show_rewards(
    context: Context,
    history: Sequence[Mapping[str, float]],
    *,
    what: str = "reward",
    marks: Mapping[str, float] | None = None,
    group: str = FIGURE_5,
) -> None:
    """Plot rewards of chosen and rejected actions and their margin, as the paper's figure 5 does for each objective.

    Rewards on another scale, such as a reward model's, belong to another ``group``. Where there are several sources, each has
    its own chosen rewards in a plot of their own.
    """
    lines = (
        _line("chosen", "rewards_chosen", history),
        _line("rejected", "rewards_rejected", history),
        _line("margin", "margin", history),
    )
    name, levels = f"{context.name}: rewards", dict(marks or {})
    context.show(Plot(name, "step", what, lines, REWARDS, group=group, marks=levels, noisy=True))
    context.define(TERMS)
    sources = splits({name for row in history for name in row}, "source")
    if len(sources) > 1:
        each = tuple(
            _line(f"{side}, {source}", split(f"rewards_{side}", "source", source), history)
            for source in sources
            for side in ("chosen", "rejected")
        )
        context.show(
            Plot(
                f"{context.name}: rewards by source",
                "step",
                what,
                each,
                REWARDS,
                group=f"{group} by source",
                noisy=True,
            )
        )


def show_absolute(context: Context, history: Sequence[Mapping[str, float]], validation: Tally | None = None) -> None:
    """Plot the share of chosen actions whose reward is below 0, and say what the rewards of a policy warn of, beside what held-out
    pairs say of the model that is kept."""
    line = _line("chosen", "chosen_below_zero", history)
    name = f"{context.name}: chosen below 0"
    context.show(
        Plot(
            name,
            "step",
            "share of pairs",
            (line,),
            BELOW_ZERO,
            "chosen rewards below 0",
            marks={"half": 0.5},
            noisy=True,
        )
    )
    for finding in findings(history, validation_row(validation) if validation else None):
        context.note(finding)


def show_validation(context: Context, means: Mapping[str, float], count: Callable[[str], float]) -> None:
    """Tabulate held-out pairs: accuracy with its interval, rewards; and the same by turn, source and author, where they differ."""
    context.figure("held-out pairs", int(count("accuracy")))
    context.figure("held-out accuracy", means["accuracy"])

    def row(label: str, name: Callable[[str], str] = str) -> tuple[str | int | float, ...]:
        right = share_right(means, count, name("accuracy"))
        return label, right.n, shown(right), *(means[name(quantity)] for quantity in VALIDATED)

    rows = [row("all")]
    by: Split
    for by in ("turn", "source", "author"):
        values = splits(means, by)
        for value in values if len(values) > 1 else ():
            label = f"turn {value}" if by == "turn" else AUTHORS[value] if by == "author" else value
            rows.append(row(label, functools.partial(split, by=by, value=value)))
    context.show(
        Table(
            f"{context.name}: held-out pairs",
            ("pairs", "n", "chosen above rejected", "reward chosen", "reward rejected", "margin"),
            tuple(rows),
            caption="Brackets hold 95 % intervals; pairs of one problem are not independent, so that they are rather wider. "
            "Assisted: written from ground truth.",
        )
    )


def show_validation_curve(context: Context, history: Sequence[Mapping[str, float]]) -> None:
    """Plot held-out accuracy, or the loss where there are no pairs, against steps; nothing where it was not measured on the way."""
    name = next((name for name in ("heldout_accuracy", "heldout_loss") if any(name in row for row in history)), None)
    if name is not None and sum(name in row for row in history) > 1:
        what = name.replace("heldout_", "held-out ")
        context.show(Plot(f"{context.name}: {what}", "step", what, (_line("held out", name, history),), group=what))


def show_left_out(context: Context, left_out: LeftOut) -> None:
    """Say in one sentence what was cut or left out, and where first, if anything."""
    if said := str(left_out):
        context.note(f"Cut or left out: {said}.")


def _line(label: str, name: str, history: Sequence[Mapping[str, float]]) -> Line:
    rows = [row for row in history if name in row]
    return Line(label, tuple(row["step"] for row in rows), tuple(row[name] for row in rows))
