"""Records, preference trees, plugins, recipes and the launcher of Eurus (arXiv 2404.02078)."""

from eurus_core.lazy import exports

TYPE_CHECKING = False  # as of typing, which takes 8 ms to import: until __main__ runs, Ctrl-C shows a traceback

if TYPE_CHECKING:
    from eurus_core.errors import EurusError as EurusError
    from eurus_core.errors import InputError as InputError
    from eurus_core.errors import UserError as UserError
    from eurus_core.files.row_keys import RowKeys as RowKeys
    from eurus_core.formats.reading import open_trees as open_trees
    from eurus_core.parts.choice import Choice as Choice
    from eurus_core.parts.choice import Needs as Needs
    from eurus_core.parts.component import Component as Component
    from eurus_core.parts.component import ModelSource as ModelSource
    from eurus_core.parts.component import RunOption as RunOption
    from eurus_core.parts.component import hookimpl as hookimpl
    from eurus_core.parts.contracts import Backend as Backend
    from eurus_core.parts.contracts import Critic as Critic
    from eurus_core.parts.contracts import Format as Format
    from eurus_core.parts.contracts import Function as Function
    from eurus_core.parts.contracts import Grader as Grader
    from eurus_core.parts.contracts import Part as Part
    from eurus_core.parts.contracts import Scorer as Scorer
    from eurus_core.parts.contracts import Source as Source
    from eurus_core.parts.contracts import Stage as Stage
    from eurus_core.parts.contracts import Tool as Tool
    from eurus_core.records.action import Action as Action
    from eurus_core.records.action import Critique as Critique
    from eurus_core.records.action import Observation as Observation
    from eurus_core.records.action import Verdict as Verdict
    from eurus_core.records.pairs import pairs as pairs
    from eurus_core.records.problem import Problem as Problem
    from eurus_core.records.problem import Reference as Reference
    from eurus_core.records.request import Message as Message
    from eurus_core.records.request import Reply as Reply
    from eurus_core.records.request import Request as Request
    from eurus_core.records.request import Sampling as Sampling
    from eurus_core.records.tree import FragmentTurn as FragmentTurn
    from eurus_core.records.tree import Node as Node
    from eurus_core.records.tree import Preference as Preference
    from eurus_core.records.tree import PreferenceTree as PreferenceTree
    from eurus_core.records.tree import Sample as Sample
    from eurus_core.records.tree import TreeFragment as TreeFragment
    from eurus_core.records.tree_set import TreeSet as TreeSet
    from eurus_core.records.tree_set import write_trees as write_trees
    from eurus_core.records.turns import parse as parse
    from eurus_core.stages.context import Context as Context

__getattr__, __all__ = exports(
    __name__,
    {
        "errors": ["EurusError", "InputError", "UserError"],
        "files.row_keys": ["RowKeys"],
        "formats.reading": ["open_trees"],
        "parts.choice": ["Choice", "Needs"],
        "parts.component": ["Component", "ModelSource", "RunOption", "hookimpl"],
        "parts.contracts": [
            "Backend",
            "Critic",
            "Format",
            "Function",
            "Grader",
            "Part",
            "Scorer",
            "Source",
            "Stage",
            "Tool",
        ],
        "records.action": ["Action", "Critique", "Observation", "Verdict"],
        "records.pairs": ["pairs"],
        "records.problem": ["Problem", "Reference"],
        "records.request": ["Message", "Reply", "Request", "Sampling"],
        "records.tree": ["FragmentTurn", "Node", "Preference", "PreferenceTree", "Sample", "TreeFragment"],
        "records.tree_set": ["TreeSet", "write_trees"],
        "records.turns": ["parse"],
        "stages.context": ["Context"],
    },
)
