"""What eurus-train offers: a command, the stage ``train`` and the objectives on policies."""

from __future__ import annotations

from collections.abc import Iterable

from eurus_core import Component, hookimpl


@hookimpl
def eurus_commands() -> Iterable[Component]:
    yield Component("train", "eurus_train.commands:train", "Learn policies from preference trees.")


@hookimpl
def eurus_stages() -> Iterable[Component]:
    yield Component("train", "eurus_train.learning.stage:Train", "Learn a policy from preference trees.")


@hookimpl
def eurus_recipes() -> Iterable[Component]:
    for name, summary in (
        ("eurus-7b-sft", "Eurus-7B-SFT: Mistral-7B on correct actions and chats."),
        ("eurus-70b-sft", "Eurus-70B-SFT: CodeLlama-70B on correct actions and chats."),
        ("eurus-7b-kto", "Eurus-7B-KTO: Eurus-7B-SFT on pairs, by KTO."),
        ("eurus-7b-dpo", "Eurus-7B-SFT on pairs, by DPO: the paper's counter-example."),
        ("eurus-70b-nca", "Eurus-70B-NCA: Eurus-70B-SFT on pairs, by NCA."),
        ("eurux-8x22b-nca", "A mixture of experts: correct actions, then pairs by NCA."),
        ("eurus-7b-sft-ablations", "Table 5: SFT from three parts of the data."),
    ):
        yield Component(name, f"eurus_train:recipes/{name}.toml", summary)


@hookimpl
def eurus_objectives() -> Iterable[Component]:
    yield Component("sft", "eurus_train.objectives.sft:SFT", "Imitate every correct action.")
    yield Component("dpo", "eurus_train.objectives.dpo:DPO", "Widen the margin between chosen and rejected.")
    yield Component("ipo", "eurus_train.objectives.ipo:IPO", "Move the margin to a fixed value and no further.")
    yield Component("kto", "eurus_train.objectives.kto:KTO", "Judge each action against a baseline.")
    yield Component("nca", "eurus_train.objectives.nca:NCA", "Raise chosen to a fixed reward, lower rejected.")
    yield Component("nca-k", "eurus_train.objectives.nca_k:NCAK", "NCA over all scored responses to a prompt.")
    yield Component(
        "orpo", "eurus_train.objectives.orpo:ORPO", "Fine-tuning and preference in one, without a reference."
    )
