"""The task prompts of the paper's data and model cards, applied once and recognised when already there."""

from __future__ import annotations

from eurus_core.records.problem import Problem, Task
from eurus_core.records.request import Message

PYTHON_TOOL = (
    "Tool available:\n[1] Python interpreter\nWhen you send a message containing Python code to python, it will be executed in "
    "a stateful Jupyter notebook environment.\n"
)
SEARCH_TOOL = (
    "Tool available:\n[1] wikipedia_search(query: str) -> str\nThe Wikipedia Search tool provides access to a vast collection "
    "of articles covering a wide range of topics.\nCan query specific keywords or topics to retrieve accurate and "
    "comprehensive information.\n"
)

TASK_PROMPTS: dict[Task, str] = {
    "Coding": "Write Python code to solve the task:\n",
    "Math_CoT": (
        "Solve the following math problem step-by-step.\nSimplify your answer as much as possible. Present your final answer as "
        "\\boxed{Your Answer}.\n"
    ),
    "Math_PoT": (
        PYTHON_TOOL + "Solve the following math problem step-by-step.\nSimplify your answer as much as possible.\n"
    ),
    "Logic": "Solve the following problem step-by-step:\n",
    "Chat": "",
}

_OPENINGS = (
    "Write Python code to solve the task",  # the data's README ends it with a full stop, the model card with a colon
    "Solve the following math problem step-by-step",
    "Solve the following problem step-by-step",
    "Tool available:\n",
)


def apply(task: Task, instruction: str, tools: tuple[str, ...] = ()) -> str:
    """Return the instruction under its task prompt; one that carries a prompt already is returned as it is."""
    if instruction.lstrip().startswith(_OPENINGS):
        return instruction
    prompt = TASK_PROMPTS[task]
    if task == "Logic" and "wikipedia_search" in tools:
        prompt = SEARCH_TOOL + prompt
    return prompt + instruction


def first_message(problem: Problem) -> Message:
    """Return the user turn that opens every trajectory of a problem."""
    if problem.prompted:
        return Message("user", problem.instruction)
    return Message("user", apply(problem.task, problem.instruction, problem.tools))


def opening(problem: Problem) -> tuple[Message, ...]:
    """Return the messages before the first action: the system's, where there is one, and the user's."""
    system = (Message("system", problem.system),) if problem.system else ()
    return (*system, first_message(problem))
