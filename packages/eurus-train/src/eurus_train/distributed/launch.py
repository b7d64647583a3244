"""A plan carried out by several processes: torchrun starts them, the first one leads, the others follow it stage by stage.

The first rank is the run: it holds the folder's lock, skips what is up to date, writes manifest and reports, and talks to the
terminal. Each stage that it begins it announces, and the others then run the same stage in the same folder.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eurus_core.cli.run import tell_result
from eurus_core.cli.typed import typed
from eurus_core.errors import UserError
from eurus_core.parts.contracts import Stage
from eurus_core.runs import Plan, Run
from eurus_core.stages import Context
from eurus_core.stages.progress import Progress
from eurus_train.distributed import ranks

ASIDE_SECONDS = 20.0
"""How long a follower keeps a failure to itself: mostly the first rank has met it, too, or is gone, and what that one said suffices."""

STOPPED = (-signal.SIGTERM, 130)
"""How processes end that the agent stops because another one has failed."""


def start(arguments: Sequence[str], *, processes: int, nodes: int = 1, rendezvous: str | None = None) -> int:
    """Start this machine's processes, each ``eurus`` with these arguments, and wait; return the status to exit with.

    It is torchrun's agent that starts them: one that fails ends the others, and so does a signal to this process.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch
    from torch.distributed.run import config_from_args, parse_args

    options = [f"--nproc-per-node={processes}", f"--nnodes={nodes}", "--rdzv-backend=c10d", "--rdzv-id=eurus"]
    options += [f"--rdzv-endpoint={rendezvous or 'localhost:0'}", "-m", "eurus_core", *arguments]
    config, command, command_arguments = config_from_args(parse_args(options))  # type: ignore[no-untyped-call]
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what failed has said so itself
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        elastic_launch(config=config, entrypoint=command)(*command_arguments)
    except ChildFailedError as error:
        codes = {rank: one.exitcode for rank, one in error.failures.items()}
        codes = {rank: code for rank, code in codes.items() if code not in STOPPED} or codes
        rank, code = min(codes.items(), key=lambda found: found[1])  # one that was killed before those that lost it
        if code > 0:
            return max(codes.values())
        why = ", as for want of memory" if -code == signal.SIGKILL else ""
        raise UserError(
            f"process {rank} of {processes} was ended by {signal.Signals(-code).name}{why}. "
            "The same command goes on where this one stopped."
        ) from error
    except SignalException as error:
        raise KeyboardInterrupt from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def take_part(plan: Plan) -> None:
    """Carry the plan out as one of the processes that :func:`start` (or torchrun) has started."""
    ranks.join()
    if ranks.is_main():
        announced = tuple(replace(step, stage=_announced(step.name, step.stage)) for step in plan.steps)
        run = Run(replace(plan, steps=announced), command=typed())
        try:
            written = run.carry_out()
        except Exception as error:
            if ranks.lost(error):
                os._exit(1)  # the one that is gone, or who started it, says why
            raise
        ranks.broadcast(None)
        ranks.leave()
        tell_result(plan.folder, written)
    else:
        try:
            _follow(plan)
        except KeyboardInterrupt:
            os._exit(130)  # the first rank tells the terminal
        ranks.leave()


def _announced(name: str, stage: Stage) -> Stage:
    """Return a stage of the first rank: whoever follows hears of it before it runs."""

    class Announced(Stage):
        produces = stage.produces

        def run(self, context: Context) -> None:
            ranks.broadcast((name, str(context.folder), context.seed))
            stage.run(context)

    return Announced()


class _Aside(Context):
    """A follower's: nothing is shown."""

    def progress(self, label: str, total: int | None = None, unit: str = "") -> Progress:
        return Progress(label, total, unit, stream=io.StringIO())


def _follow(plan: Plan) -> None:
    stages = {step.name: step.stage for step in plan.steps}
    try:
        while (call := ranks.broadcast(None)) is not None:
            name, folder, seed = call
            stages[name].run(_Aside(Path(folder), name=name, seed=seed))
    except Exception:
        time.sleep(ASIDE_SECONDS)
        raise
