"""What eurus-rm offers."""

from collections.abc import Iterable

from eurus_core import Component, hookimpl


@hookimpl
def eurus_stages() -> Iterable[Component]:
    yield Component(
        "train-reward", "eurus_rm.stage:TrainReward", "Learn a reward model from the pairs of preference trees."
    )


@hookimpl
def eurus_recipes() -> Iterable[Component]:
    yield Component(
        "eurus-rm-7b", "eurus_rm:recipes/eurus-rm-7b.toml", "The paper's reward model: BT+DR and BT by data set."
    )


@hookimpl
def eurus_objectives() -> Iterable[Component]:
    yield Component("bt", "eurus_rm.objectives.bt:BT", "Bradley-Terry: the chosen reward above the rejected one.")
    yield Component("bt+dr", "eurus_rm.objectives.bt_dr:BTDR", "BT, and chosen rewards above 0, rejected ones below.")
    yield Component("dr", "eurus_rm.objectives.dr:DR", "Only: chosen rewards above 0, rejected ones below.")


@hookimpl
def eurus_scorers() -> Iterable[Component]:
    yield Component(
        "reward", "eurus_rm.scorer:RewardScorer", "A trained reward model; one prompt's responses share its tokens."
    )


@hookimpl
def eurus_commands() -> Iterable[Component]:
    yield Component("rm", "eurus_rm.commands:rm", "Train reward models; score and rank responses.")
