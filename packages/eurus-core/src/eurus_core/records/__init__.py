"""The records: a problem, what was tried on it, and how it was judged.

Frozen dataclasses with a JSON round trip (:mod:`eurus_core.records.codec`).
"""

from typing import TYPE_CHECKING

from eurus_core.lazy import exports

if TYPE_CHECKING:
    from eurus_core.records.action import REJECTABLE as REJECTABLE
    from eurus_core.records.action import Action as Action
    from eurus_core.records.action import Critique as Critique
    from eurus_core.records.action import Observation as Observation
    from eurus_core.records.action import ObservationStatus as ObservationStatus
    from eurus_core.records.action import Outcome as Outcome
    from eurus_core.records.action import Tier as Tier
    from eurus_core.records.action import Verdict as Verdict
    from eurus_core.records.problem import TASKS as TASKS
    from eurus_core.records.problem import Problem as Problem
    from eurus_core.records.problem import Reference as Reference
    from eurus_core.records.problem import Task as Task
    from eurus_core.records.problem import task_named as task_named
    from eurus_core.records.request import Message as Message
    from eurus_core.records.request import Reply as Reply
    from eurus_core.records.request import Request as Request
    from eurus_core.records.request import Role as Role
    from eurus_core.records.request import Sampling as Sampling
    from eurus_core.records.request import Schema as Schema
    from eurus_core.records.tree import FragmentTurn as FragmentTurn
    from eurus_core.records.tree import Node as Node
    from eurus_core.records.tree import Preference as Preference
    from eurus_core.records.tree import PreferenceTree as PreferenceTree
    from eurus_core.records.tree import Sample as Sample
    from eurus_core.records.tree import TreeFragment as TreeFragment

__getattr__, __all__ = exports(
    __name__,
    {
        "action": [
            "REJECTABLE",
            "Action",
            "Critique",
            "Observation",
            "ObservationStatus",
            "Outcome",
            "Tier",
            "Verdict",
        ],
        "problem": ["TASKS", "Problem", "Reference", "Task", "task_named"],
        "request": ["Message", "Reply", "Request", "Role", "Sampling", "Schema"],
        "tree": ["TreeFragment", "Node", "Preference", "PreferenceTree", "Sample", "FragmentTurn"],
    },
)
