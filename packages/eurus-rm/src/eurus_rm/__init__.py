"""Reward models from preference trees: objectives, training, scoring."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_rm.kind import RewardPairs as RewardPairs
    from eurus_rm.model import RewardModel as RewardModel
    from eurus_rm.model import load_reward_model as load_reward_model
    from eurus_rm.model import reward_model_from as reward_model_from
    from eurus_rm.objectives import BT as BT
    from eurus_rm.objectives import BTDR as BTDR
    from eurus_rm.objectives import DR as DR
    from eurus_rm.objectives import RewardObjective as RewardObjective
    from eurus_rm.scorer import RewardScorer as RewardScorer
    from eurus_rm.stage import TrainReward as TrainReward

__getattr__, __all__ = exports(
    __name__,
    {
        "kind": ["RewardPairs"],
        "model": ["RewardModel", "load_reward_model", "reward_model_from"],
        "objectives": ["BT", "BTDR", "DR", "RewardObjective"],
        "scorer": ["RewardScorer"],
        "stage": ["TrainReward"],
    },
)
