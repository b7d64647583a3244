"""Learn policies from whole preference trees: SFT, DPO, KTO, NCA (arXiv 2404.02078)."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_train.data.chat import Chat as Chat
    from eurus_train.data.examples import Selection as Selection
    from eurus_train.data.tree_tokens import LeftOut as LeftOut
    from eurus_train.data.tree_tokens import Reading as Reading
    from eurus_train.forest.layout import Branch as Branch
    from eurus_train.forest.layout import Forest as Forest
    from eurus_train.forest.layout import Group as Group
    from eurus_train.forest.layout import Pair as Pair
    from eurus_train.forest.layout import plant as plant
    from eurus_train.kinds.actions import Actions as Actions
    from eurus_train.kinds.batch import Batch as Batch
    from eurus_train.kinds.groups import GroupLikelihoods as GroupLikelihoods
    from eurus_train.kinds.groups import Groups as Groups
    from eurus_train.kinds.kind import Kind as Kind
    from eurus_train.kinds.pairs import PairLikelihoods as PairLikelihoods
    from eurus_train.kinds.pairs import Pairs as Pairs
    from eurus_train.learning.stage import Train as Train
    from eurus_train.monitoring.metrics import Tally as Tally
    from eurus_train.objectives.base import ActionObjective as ActionObjective
    from eurus_train.objectives.base import GroupObjective as GroupObjective
    from eurus_train.objectives.base import Objective as Objective
    from eurus_train.objectives.base import PolicyObjective as PolicyObjective
    from eurus_train.objectives.dpo import DPO as DPO
    from eurus_train.objectives.ipo import IPO as IPO
    from eurus_train.objectives.kto import KTO as KTO
    from eurus_train.objectives.nca import NCA as NCA
    from eurus_train.objectives.nca_k import NCAK as NCAK
    from eurus_train.objectives.orpo import ORPO as ORPO
    from eurus_train.objectives.sft import SFT as SFT

__getattr__, __all__ = exports(
    __name__,
    {
        "data.chat": ["Chat"],
        "data.examples": ["Selection"],
        "data.tree_tokens": ["LeftOut", "Reading"],
        "forest.layout": ["Branch", "Forest", "Group", "Pair", "plant"],
        "kinds.actions": ["Actions"],
        "kinds.batch": ["Batch"],
        "kinds.groups": ["GroupLikelihoods", "Groups"],
        "kinds.kind": ["Kind"],
        "kinds.pairs": ["PairLikelihoods", "Pairs"],
        "learning.stage": ["Train"],
        "monitoring.metrics": ["Tally"],
        "objectives.base": ["ActionObjective", "GroupObjective", "Objective", "PolicyObjective"],
        "objectives.dpo": ["DPO"],
        "objectives.ipo": ["IPO"],
        "objectives.kto": ["KTO"],
        "objectives.nca": ["NCA"],
        "objectives.nca_k": ["NCAK"],
        "objectives.orpo": ["ORPO"],
        "objectives.sft": ["SFT"],
    },
)
