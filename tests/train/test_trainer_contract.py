"""What our trainer overrides, calls and reads of ``transformers.Trainer``, private names included: a release that changes it is told here."""

from __future__ import annotations

import ast
import functools
import inspect
from typing import Any

import pytest
import transformers
import transformers.trainer

from eurus_train.distributed import trainer as distributed
from eurus_train.learning import trainer

OVERRIDDEN = {
    "_clip_grad_norm": "model",
    "_issue_warnings_after_load": "load_result",
    "_load_from_checkpoint": "resume_from_checkpoint, model",
    "_load_optimizer_and_scheduler": "checkpoint",
    "_save_checkpoint": "model, trial",
    "_save_optimizer_and_scheduler": "output_dir",
    "_wrap_model": "model, training, dataloader",
    "compute_loss": "model, inputs, return_outputs, num_items_in_batch",
    "create_optimizer": "model",
    "create_scheduler": "num_training_steps, optimizer",
    "floating_point_ops": "inputs",
    "get_batch_samples": "epoch_iterator, num_batches, device",
    "get_train_dataloader": "",
    "log": "logs, start_time",
    "save_model": "output_dir, _internal_call",
    "training_step": "model, inputs, num_items_in_batch",
}
CALLED = {
    "_get_output_dir": "trial",
    "remove_callback": "callback",
    "train": "resume_from_checkpoint, trial, ignore_keys_for_eval",
}
ATTRIBUTES = (
    "_created_lr_scheduler",
    "accelerator",
    "args",
    "is_deepspeed_enabled",
    "lr_scheduler",
    "model_accepts_loss_kwargs",
    "model_wrapped",
    "optimizer",
    "state",
)


def changed(found: type[Any], name: str, parameters: str) -> str:
    """Say what has become of a method, "" where it takes what it took."""
    method = getattr(found, name, None)
    if method is None:
        return f"Trainer.{name} is gone"
    now = ", ".join(list(inspect.signature(method).parameters)[1:])
    return "" if now == parameters else f"Trainer.{name} takes ({now}); eurus_train knows it with ({parameters})"


@pytest.mark.parametrize(("name", "parameters"), [*OVERRIDDEN.items(), *CALLED.items()])
def test_a_method_of_the_trainer_takes_what_it_took(name: str, parameters: str) -> None:
    broke = changed(transformers.Trainer, name, parameters)
    assert not broke, f"transformers {transformers.__version__}: {broke}. See {used_in(name)}."


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_an_overridden_method_is_still_called_by_the_trainer(name: str) -> None:
    assert name in calls_on_itself(), (
        f"transformers {transformers.__version__}: the Trainer no longer calls {name}, which {used_in(name)} overrides."
    )


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_of_the_trainer_is_still_one(name: str) -> None:
    assert name in attributes_of_itself(), (
        f"transformers {transformers.__version__}: the Trainer has no {name}, which {used_in(name)} uses."
    )


def test_our_overrides_take_what_the_trainer_gives() -> None:
    for name, parameters in OVERRIDDEN.items():
        assert not changed(trainer.ForestTrainer, name, parameters)


def test_the_lists_hold_all_that_we_use_and_nothing_else() -> None:
    of_trainer = {name for name in dir(transformers.Trainer) if not name.startswith("__")} | attributes_of_itself()
    ours = {name for part in (trainer.ForestTrainer, distributed.DistributedTrainer) for name in vars(part)}
    assert ours & {*dir(transformers.Trainer)} - {*dir(object), "__module__"} == {*OVERRIDDEN}
    used = {
        node.attr
        for module in (trainer, distributed)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Attribute) and _is_itself(node.value)
    }
    assert (used & of_trainer) - {*OVERRIDDEN} == {*CALLED, *ATTRIBUTES}
    assert not {*OVERRIDDEN, *CALLED, *ATTRIBUTES} - of_trainer


def test_what_broke_is_named() -> None:
    class Next:
        def log(self, logs: dict[str, float], step: int) -> None: ...

    assert changed(Next, "train", "trial") == "Trainer.train is gone"
    assert changed(Next, "log", "logs, start_time") == (
        "Trainer.log takes (logs, step); eurus_train knows it with (logs, start_time)"
    )
    assert changed(Next, "log", "logs, step") == ""


def used_in(name: str) -> str:
    """Return which of our files names it."""
    return " and ".join(module.__name__ for module in (trainer, distributed) if name in inspect.getsource(module))


@functools.cache
def calls_on_itself() -> set[str]:
    """Return the names of the methods that the Trainer calls on itself."""
    return {
        node.func.attr
        for node in ast.walk(_source())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_itself(node.func.value)
    }


@functools.cache
def attributes_of_itself() -> set[str]:
    """Return the names of the attributes that the Trainer has or gives itself."""
    return {node.attr for node in ast.walk(_source()) if isinstance(node, ast.Attribute) and _is_itself(node.value)}


@functools.cache
def _source() -> ast.Module:
    return ast.parse(inspect.getsource(transformers.trainer))


def _is_itself(node: ast.expr) -> bool:
    """Return whether an expression is ``self`` or ``super()``."""
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
    return called or (isinstance(node, ast.Name) and node.id == "self")
