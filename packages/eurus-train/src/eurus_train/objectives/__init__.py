"""Objectives: the base classes that plugins subclass, and SFT, DPO, IPO, KTO, NCA and ORPO, a page each."""

from eurus_train.kinds import GroupLikelihoods, PairLikelihoods
from eurus_train.objectives.base import ActionObjective, GroupObjective, Objective, PolicyObjective
from eurus_train.objectives.dpo import DPO, conservative_dpo_loss, dpo_loss, robust_dpo_loss
from eurus_train.objectives.ipo import IPO, ipo_loss
from eurus_train.objectives.kto import KTO, kto_baseline, kto_loss
from eurus_train.objectives.nca import NCA, nca_loss
from eurus_train.objectives.nca_k import NCAK, nca_k_loss
from eurus_train.objectives.orpo import ORPO, orpo_loss
from eurus_train.objectives.routes import Routed, Routes, Weight
from eurus_train.objectives.sft import SFT, sft_loss

__all__ = [
    "DPO",
    "IPO",
    "KTO",
    "NCA",
    "NCAK",
    "ORPO",
    "SFT",
    "ActionObjective",
    "GroupLikelihoods",
    "GroupObjective",
    "Objective",
    "PairLikelihoods",
    "PolicyObjective",
    "Routed",
    "Routes",
    "Weight",
    "conservative_dpo_loss",
    "dpo_loss",
    "ipo_loss",
    "kto_baseline",
    "kto_loss",
    "nca_k_loss",
    "nca_loss",
    "orpo_loss",
    "robust_dpo_loss",
    "sft_loss",
]
