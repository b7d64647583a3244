"""Growing preference trees: problems from sources, critics, and what the trees hold."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_data.audits.counts import Counts as Counts
    from eurus_data.critics.model import ModelCritic as ModelCritic
    from eurus_data.critics.rules import RuleCritic as RuleCritic
    from eurus_data.grow.ladder import Rung as Rung
    from eurus_data.grow.stage import Grow as Grow
    from eurus_data.sources.generated.arithmetic import Arithmetic as Arithmetic
    from eurus_data.sources.gsm8k import GSM8K as GSM8K
    from eurus_data.sources.jsonl import JSONL as JSONL
    from eurus_data.sources.math import MATH as MATH

__getattr__, __all__ = exports(
    __name__,
    {
        "audits.counts": ["Counts"],
        "critics.model": ["ModelCritic"],
        "critics.rules": ["RuleCritic"],
        "grow.ladder": ["Rung"],
        "grow.stage": ["Grow"],
        "sources.generated.arithmetic": ["Arithmetic"],
        "sources.gsm8k": ["GSM8K"],
        "sources.jsonl": ["JSONL"],
        "sources.math": ["MATH"],
    },
)
