"""What a model computes on and in."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Literal

Dtype = Literal["float32", "bfloat16"]
"""What products are computed in."""
Precision = Literal["auto", "float32", "bfloat16"]
"""The same as a setting: see :func:`dtype_of`."""


def fast_device() -> Literal["cuda", "cpu"]:
    """Return where to compute: the GPU where there is one. Among several processes each has one of its own."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def dtype_of(precision: Precision, device: str = "cpu") -> Dtype:
    """Return what a precision means on a device; "auto" is :func:`fast_dtype`."""
    return fast_dtype(device) if precision == "auto" else precision


def fast_dtype(device: str = "cpu") -> Dtype:
    """Return bfloat16 where the device multiplies it natively, else float32.

    On CPUs that is AVX512-BF16, AMX or ARM's bf16: elsewhere bfloat16 is emulated and slower than float32.
    """
    if device.startswith("cuda"):
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    with contextlib.suppress(OSError):
        flags = set(re.findall(r"\b(?:avx512_bf16|amx_bf16|bf16)\b", Path("/proc/cpuinfo").read_text(encoding="utf-8")))
        return "bfloat16" if flags else "float32"
    return "float32"
