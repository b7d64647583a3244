"""The processes that learn together: who we are among them, sums over all of them, and how bins are dealt.

Every function does the right thing in a single process, too. Without torchrun nothing is initialised and nothing communicates.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import os
import signal
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from eurus_core.errors import UserError

T = TypeVar("T")

PATIENCE = datetime.timedelta(hours=4)
"""How long ranks wait for each other: the first may write hundreds of gigabytes meanwhile."""

_PR_SET_PDEATHSIG = 1

if not torch.cuda.is_available():
    # Where DeepSpeed is installed libraries import it, and it says on stdout that it found no GPU, unless it is told so.
    os.environ.setdefault("DS_ACCELERATOR", "cpu")


def started() -> bool:
    """Say whether torchrun (or something that speaks its variables) started this process as one of a group."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def join() -> None:
    """Meet the other processes. This one ends when the process that started it does, however that dies."""
    with contextlib.suppress(AttributeError, OSError):  # Linux alone has this call
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    warnings.filterwarnings(
        "ignore", category=FutureWarning, module=r"torch\.distributed"
    )  # DeepSpeed's calls, by hundreds
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=PATIENCE)


def leave() -> None:
    """Part from the others; collective."""
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main() -> bool:
    """Say whether this is the process that writes files and talks to the terminal."""
    return rank() == 0


def barrier() -> None:
    """Go on when every rank is here."""
    if world_size() > 1:
        dist.barrier()


def once(work: Callable[[], object]) -> None:
    """Let the first rank do something that all go on from; a user's mistake that it meets is everybody's. Collective."""
    failure: UserError | None = None
    if is_main():
        try:
            work()
        except UserError as error:
            failure = error
    said = broadcast(None if failure is None else str(failure))
    if said is not None:
        raise failure or UserError(said)


def lost(error: Exception) -> bool:
    """Say whether an error is that another process is no longer there."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo/transport" in str(error))


def all_reduce(values: Sequence[float]) -> list[float]:
    """Return the sums over all ranks, element by element, in float64; collective."""
    if world_size() == 1:
        return list(values)
    sums = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(sums)
    return [float(value) for value in sums.tolist()]


def all_gather(value: T) -> list[T]:
    """Return every rank's value, in the order of ranks; collective."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def broadcast(value: T) -> T:
    """Return the first rank's value; collective."""
    if world_size() == 1:
        return value
    values: list[Any] = [value]
    dist.broadcast_object_list(values, src=0)
    told_value: T = values[0]
    return told_value


def dealt(bins: Sequence[T], empty: T, ranks: int) -> list[list[T]]:
    """Return each rank's bins, one round after the other; all have equally many, those that are short end on ``empty``."""
    hands = [list(bins[rank::ranks]) for rank in range(ranks)]
    return [hand + [empty] * (len(hands[0]) - len(hand)) for hand in hands]
