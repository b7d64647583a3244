"""Runs: a plan carried out in a folder, stage by stage, so that the same command goes on where it stopped.

A run folder holds the resolved recipe, ``manifest.json`` (versions, seed, fingerprints, states), ``events.jsonl``, and one
folder a finished stage. A stage works in ``.partial/<stage>-<fingerprint>`` and is renamed when it is done: it appears whole
or not at all. A finished stage whose fingerprint has changed is moved to ``.previous/``; nothing is deleted. Where such a
stage fails anew before it has left a file, recipe and manifest stay as they were: they belong to what is there. A new run that ends
with a user's mistake before anything was done leaves no folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.metadata
import json
import logging
import os
import platform
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from eurus_core.errors import UserError
from eurus_core.parts import hookspecs, installed
from eurus_core.records.seeds import derive
from eurus_core.runs.folder import (
    DONE_MARK,
    EVENTS,
    MANIFEST,
    RECIPE,
    REPORT,
    at_fault,
    check,
    has_files,
    make,
    only_one,
    partial_folder,
    text_of,
    unmake,
    write,
    write_json,
)
from eurus_core.runs.planning import Plan, Step
from eurus_core.runs.references import as_written
from eurus_core.stages import Context
from eurus_core.stages.report import write_report

log = logging.getLogger(__name__)

State = Literal["to do", "running", "done", "failed", "interrupted"]

TOOK = ("seconds", "resumed", "load")
"""What is kept of a finished stage's time: the seconds; whether they count from a stop on only; the machine's load before and after."""


class Run:
    """A plan and the folder it is carried out in. Hooks receive it; they must not change it.

    ``command`` is what a person typed to have it, kept in the manifest for whoever wants it again.
    """

    def __init__(self, plan: Plan, *, command: str = ""):
        self.plan, self.folder = plan, plan.folder
        check(plan.folder)
        self.recipe: dict[str, Any] = {
            "name": plan.recipe.name,
            "title": plan.recipe.title,
            "summary": plan.recipe.summary,
            "seed": plan.recipe.seed,
            "stages": as_written(plan.recipe.stages),
        }
        self.manifest: dict[str, Any] = {
            **({"command": command} if command else {}),
            "seed": plan.recipe.seed,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "versions": _versions(),
            "cores": os.cpu_count(),
            "stages": [_entry(step, self._finished(step)) for step in plan.steps],
        }
        self._broken_hooks: set[str] = set()
        self._changed = False

    def carry_out(self) -> Path | None:
        """Run every stage that is not up to date; return what the finishing hooks wrote for the reader, if anything."""
        self.check()
        new = make(self.folder)
        with only_one(self.folder):
            before = {name: text_of(self.folder / name) for name in (RECIPE, MANIFEST)}
            failed = True
            vain: tuple[Path, ...] = ()
            try:
                self._save(RECIPE, self.recipe)
                self._save(MANIFEST, self.manifest)
                self._call("eurus_run_started")
                for step in self.plan.to_do:
                    self._advance(step)
                failed = False
            except Exception as error:
                if reason := at_fault(self.folder, error):
                    raise UserError(reason) from error
                vain = new if isinstance(error, UserError) and not self._has_work() else ()
                raise
            finally:
                if failed and not self._changed:
                    self._put_back(before)
                written = self._call("eurus_run_finished", failed=failed)
                if vain:
                    unmake(vain)
        return next((Path(path) for path in reversed(written) if path is not None), None)

    def check(self) -> None:
        """Ask every stage that is to do what stands in its way, and say what it answers; UserError, with its name, where it cannot work."""
        for step in self.plan.to_do:
            if self._finished(step):
                continue
            try:
                for sentence in step.stage.check(self._seed(step)):
                    _say(f"note: {step.name}: {sentence}")
            except UserError as error:
                raise UserError(f"{step.name}: {error}") from error

    def state(self, step: Step) -> str:
        """Return whether a step is up to date: ``done``, ``started`` or ``to do``."""
        if self._finished(step):
            return "done"
        return "started" if self._partial(step).exists() else "to do"

    def _advance(self, step: Step) -> None:
        if self._finished(step):
            _say(f"{step.name}: up to date")
            return
        final, partial = self.folder / step.name, self._partial(step)
        resumed = partial.exists()
        partial.mkdir(parents=True, exist_ok=True)
        what = step.kind if step.kind != step.name else f"in {self.folder}"
        _say(f"{step.name}: {what}" + (" (going on where it stopped)" if resumed else ""))
        self._mark(step, "running")
        context = Context(partial, name=step.name, seed=self._seed(step), events=self._event)
        started, load = time.monotonic(), _load()
        try:
            step.stage.run(context)
        except BaseException as failure:
            with suppress(OSError):  # a full disk, say, which is then what stopped the stage: its own words matter more
                self._mark(step, "interrupted" if isinstance(failure, KeyboardInterrupt) else "failed")
            if has_files(partial) or not final.exists():
                self._changed = True
            if not has_files(partial):
                shutil.rmtree(partial, ignore_errors=True)
            raise
        seconds = time.monotonic() - started
        self._changed = True
        _release_memory()
        report = replace(context.report, kind=step.kind, figures={"seconds": seconds, **context.report.figures})
        write_report(partial / REPORT, report)
        took = {"seconds": seconds, "resumed": resumed, "load": [*load, *_load()]}
        write_json(partial / DONE_MARK, {"fingerprint": step.fingerprint, "kind": step.kind, **took})
        if final.exists():
            self._set_aside(final)
        os.replace(partial, final)  # noqa: PTH105 - atomic within one file system
        self._mark(step, "done", **took)

    def _put_back(self, before: dict[str, str | None]) -> None:
        """Write what recipe and manifest held before this run, which has changed nothing else."""
        for name, text in before.items():
            if text is not None and self.folder.is_dir():
                with suppress(OSError):  # a full disk, say
                    write(self.folder / name, text)

    def _has_work(self) -> bool:
        """Return whether a stage has left anything: what was told before it, as of a model that is not there, leaves no run."""
        return any((self.folder / step.name).exists() or self._partial(step).exists() for step in self.plan.steps)

    def _finished(self, step: Step) -> dict[str, Any] | None:
        try:
            done: dict[str, Any] = json.loads((self.folder / step.name / DONE_MARK).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return done if done.get("fingerprint") == step.fingerprint else None

    def _seed(self, step: Step) -> int:
        return derive(self.plan.recipe.seed, step.name)

    def _partial(self, step: Step) -> Path:
        return partial_folder(self.folder, step.name, step.fingerprint)

    def _set_aside(self, folder: Path) -> None:
        """Move a finished stage that is out of date to ``.previous/``, and say where it is."""
        attic = self.folder / ".previous"
        attic.mkdir(exist_ok=True)
        number = 1
        while (target := attic / f"{folder.name}-{number}").exists():
            number += 1
        os.replace(folder, target)  # noqa: PTH105 - atomic within one file system
        _say(f"{folder.name}: what stood there, of other settings or data, is now {target}")

    def _mark(self, step: Step, state: State, **more: Any) -> None:
        entry = next(entry for entry in self.manifest["stages"] if entry["name"] == step.name)
        entry.update(status=state, **more)
        self._save(MANIFEST, self.manifest)
        self._event({"event": "stage", "stage": step.name, "status": state, **more})

    def _event(self, event: dict[str, object]) -> None:
        event = {"time": round(time.time(), 3), **event}
        with (self.folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False, default=str) + "\n")
        self._call("eurus_run_progress", event=event)

    def _save(self, name: str, data: dict[str, Any]) -> None:
        write_json(self.folder / name, data)

    def _call(self, hook: str, **arguments: Any) -> list[Any]:
        """Call a run hook of every plugin on its own; one that fails is logged once and not called again."""
        results = []
        told: hookspecs.Run = self
        caller = getattr(installed().hook, hook)
        for implementation in caller.get_hookimpls():
            key = f"{implementation.plugin_name} {hook}"
            if key in self._broken_hooks:
                continue
            offered = {"run": told, **arguments}
            try:
                results.append(implementation.function(*(offered[name] for name in implementation.argnames)))
            except (UserError, OSError) as error:
                self._broken_hooks.add(key)
                log.error("%s failed and is switched off for this run: %s", key, error)
            except (Exception, SystemExit):
                self._broken_hooks.add(key)
                log.exception("%s failed and is switched off for this run", key)
        return results


def _entry(step: Step, finished: dict[str, Any] | None) -> dict[str, Any]:
    entry = {"name": step.name, "kind": step.kind, "fingerprint": step.fingerprint, "inputs": list(step.inputs)}
    if not finished:
        return entry | {"status": "to do"}
    return entry | {"status": "done"} | {name: finished[name] for name in TOOK if name in finished}


def _load() -> list[float]:
    """Return how many processes wanted to run over the last minute, of the whole machine; empty where the system does not say."""
    try:
        return [round(os.getloadavg()[0], 2)]
    except OSError:
        return []


def _versions() -> dict[str, str]:
    """Return the versions that shape a run: every plugin's distribution, and the libraries below them."""
    names = {plugin.distribution for plugin in installed().plugins} | {"torch", "transformers", "numpy", "sympy"}
    versions = {}
    for name in sorted(names):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _release_memory() -> None:
    """Hand what a stage has freed back to the system: after training SmolLM2, glibc held on to 2.1 of 2.6 GB."""
    gc.collect()  # a trainer and its model hold each other
    with contextlib.suppress(AttributeError, OSError):  # other C libraries have no such call, and no such habit
        ctypes.CDLL(None).malloc_trim(0)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - what a run tells its terminal
