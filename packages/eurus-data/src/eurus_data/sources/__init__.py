"""Sources: where problems with known answers come from."""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_data.sources.generated.arithmetic import Arithmetic as Arithmetic
    from eurus_data.sources.gsm8k import GSM8K as GSM8K
    from eurus_data.sources.jsonl import JSONL as JSONL
    from eurus_data.sources.math import MATH as MATH

__getattr__, __all__ = exports(
    __name__, {"generated.arithmetic": ["Arithmetic"], "gsm8k": ["GSM8K"], "jsonl": ["JSONL"], "math": ["MATH"]}
)
