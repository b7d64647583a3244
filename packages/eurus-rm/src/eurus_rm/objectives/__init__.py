"""Reward objectives: pure float32 functions of the rewards of pairs, a page each."""

from eurus_rm.objectives.base import RewardObjective
from eurus_rm.objectives.bt import BT, bt_loss
from eurus_rm.objectives.bt_dr import BTDR, bt_dr_loss
from eurus_rm.objectives.dr import DR, dr_loss

__all__ = ["BT", "BTDR", "DR", "RewardObjective", "bt_dr_loss", "bt_loss", "dr_loss"]
