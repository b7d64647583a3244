"""``eurus train``: learn a policy, and look at what would be learnt before it is."""

from __future__ import annotations

import click

from eurus_train.inspection.budget import plan
from eurus_train.inspection.explain import explain
from eurus_train.inspection.preflight import preflight
from eurus_train.learning.run_command import learning_command
from eurus_train.monitoring.logs import monitor


@click.group()
def train() -> None:
    """Learn policies from preference trees."""


train.add_command(
    learning_command(
        "eurus-train/train",
        name="run",
        summary="Learn a policy.\n\n\b\nExamples:\n  eurus train run nca --model smollm2 --rows pairs.jsonl --out runs/mine\n"
        "  eurus train run dpo --model smollm2 --rows pairs.jsonl --set learning_rate=2e-5 --set objective.beta=0.2\n"
        "  eurus train run demo --stage nca --processes 8",
    )
)
for look in (preflight, explain, plan, monitor):
    train.add_command(look)
