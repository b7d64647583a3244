"""Critics: what they say about a wrong action, and that they keep the answer to themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eurus_core.parts.contracts import Backend, Critic
from eurus_core.records import Action, Critique, Message, Observation, Problem, Reference, Reply, Request, Verdict
from eurus_core.records.turns import NO_OUTPUT
from eurus_data.critics import ModelCritic, RuleCritic, leaks
from eurus_data.critics.rules import WITHHELD

PROBLEM = Problem(
    "p1",
    "Math_PoT",
    "test",
    "Janet has 16 eggs. She eats three and sells the rest for $2 each. How much does she make?",
    Reference(answer="26"),
)
WRONG = Verdict("incorrect", "different")


def critique(critic: Critic, action: Action, observation: Observation | None, problem: Problem = PROBLEM) -> Critique:
    async def ask() -> Critique:
        async with critic.open() as review:
            return await review.critique(problem, [Message("user", problem.instruction)], action, observation, WRONG)

    return asyncio.run(ask())


def say(code: str, output: str, status="ok") -> str:
    return critique(RuleCritic(), Action(code, code=(code,)), Observation(output, status)).text


def test_a_traceback_is_answered_with_its_line_error_and_advice() -> None:
    trace = "Cell In[1], line 2\n      1 eggs = 16\n----> 2 print(egs)\nNameError: name 'egs' is not defined"
    text = say("eggs = 16\nprint(egs)", trace, "error")
    assert text.startswith("Your code failed in line 2, `print(egs)` with NameError: name 'egs' is not defined.")
    assert "Define every name before you use it." in text


def test_a_syntax_error_names_its_line() -> None:
    trace = "  Cell In[1], line 1\n    eggs = = 16\n           ^\nSyntaxError: invalid syntax"
    assert say("eggs = = 16", trace, "error").startswith(
        "Your code failed in line 1, `eggs = = 16` with SyntaxError: invalid syntax."
    )


@pytest.mark.parametrize(
    ("output", "status", "words"),
    [
        (NO_OUTPUT, "ok", "printed nothing"),
        ("None", "ok", "printed None"),
        ("Out: <function f at 0x7f>", "ok", "an object instead of its value"),
        ("Out: 'many eggs'", "ok", "is not a number"),
        ("-3", "ok", "The result is negative"),
        ("", "timeout", "did not end in time"),
        ("", "memory", "too much memory"),
    ],
)
def test_what_the_environment_answered_decides_the_first_sentence(output: str, status, words: str) -> None:
    assert words in say("16 - 3 * 2", output, status).split(". ")[0]


def test_quantities_that_the_code_never_uses_are_asked_about() -> None:
    assert "never uses 16 and three from the problem" in say("print(2 * 5)", "10")
    assert "never uses" not in say("print((16 - 3) * 3 / 2)", "19.5")


def test_without_code_the_critic_asks_for_it_and_for_an_answer() -> None:
    text = critique(RuleCritic(), Action("I think it is a lot."), None).text
    assert "There is no Python code" in text
    assert "do not state a final answer" in text


def test_the_rule_critic_always_says_something_and_at_most_so_many_sentences() -> None:
    one = critique(RuleCritic(sentences=1), Action("print(5)", code=("print(5)",)), Observation("5")).text
    assert one.count(".") + one.count("?") >= 1
    assert len(one) < len(critique(RuleCritic(), Action("print(5)", code=("print(5)",)), Observation("5")).text)


def test_a_sentence_that_would_state_the_answer_is_withheld_and_the_critique_says_so() -> None:
    problem = Problem("p2", "Math_PoT", "test", "Is the sum of two odd numbers odd or not?", Reference(answer="even"))
    action = Action(" print(1 + 1)", code=(" print(1 + 1)",))
    trace = Observation("Cell In[1], line 1\nIndentationError: unexpected indent", "error")
    told = critique(RuleCritic(unused_quantities=False), action, trace, problem)
    assert told.leaks
    assert told.text == "Your code failed in line 1, `print(1 + 1)` with IndentationError: unexpected indent."


def test_where_nothing_may_be_said_the_critic_asks_to_check_the_steps() -> None:
    problem = Problem("p3", "Math_PoT", "test", "What did it print?", Reference(answer="nothing"))
    action = Action("x = 1", code=("x = 1",))
    told = critique(RuleCritic(sentences=1), action, Observation(NO_OUTPUT), problem)
    assert told == Critique(WITHHELD, critic="rules", leaks=True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It should be 26.", "26"),
        ("You should get $26.00 in the end", "26"),
        ("The result is 13 * 2 = 26", "26"),
        ("Use a half, that is 0.5", r"\frac{1}{2}"),
        ("the two parts are -4 and -6j", "-4 - 6i"),
        (r"it simplifies to $\frac{3}{4}$", "0.75"),
        ("The name you look for is Evelyn.", r"\text{Evelyn}"),
        ("Evaluate to **x+1**", "1+x"),
    ],
)
def test_a_critique_that_states_the_answer_in_any_form_leaks(text: str, answer: str) -> None:
    assert leaks(text, answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Check step 2 again.", "26"),
        ("Your 26.5 is off", "26"),
        ("You used 126 there", "26"),
        ("Look at the real part, -4.", "-4 - 6i"),
    ],
)
def test_a_critique_that_does_not_state_it_does_not_leak(text: str, answer: str) -> None:
    assert not leaks(text, answer)


def test_what_the_actor_has_read_already_is_no_leak() -> None:
    assert not leaks("You printed 26 too early.", "26", seen=["26 eggs were there"])


class Replies(Backend):
    """Answers with the given texts in order, and keeps what it was asked."""

    texts: tuple[str, ...]
    asked: list[Request] = []  # noqa: RUF012 - a pydantic field

    @property
    def actor(self) -> str:
        return "teacher"

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Replies"]:
        yield self

    async def generate(self, request: Request) -> Reply:
        self.asked.append(request)
        return Reply(self.texts[min(len(self.asked), len(self.texts)) - 1])


def test_the_model_critic_shows_everything_and_asks_to_keep_the_answer() -> None:
    backend = Replies(texts=("You forgot to multiply by the price.",), asked=[])
    given = critique(ModelCritic(backend=backend), Action("print(13)", code=("print(13)",)), Observation("13"))
    assert given == Critique("You forgot to multiply by the price.", critic="teacher", leaks=False)
    (request,) = backend.asked
    (message,) = request.messages
    assert message.role == "user"
    for part in (
        PROBLEM.instruction,
        "print(13)",
        "# What happened when it ran\n\n13",
        "(secret)\n\n26",
        "Do not state the reference answer",
    ):
        assert part in message.content


def test_a_model_that_leaks_is_asked_again_and_then_marked() -> None:
    mended = Replies(texts=("It is 26.", "Mind the price."), asked=[])
    action = Action("print(13)", code=("print(13)",))
    assert critique(ModelCritic(backend=mended), action, Observation("13")) == Critique(
        "Mind the price.", "teacher", False
    )
    assert [request.sampling.temperature for request in mended.asked] == [0.0, 0.7]
    stubborn = Replies(texts=("It is 26.",), asked=[])
    assert critique(ModelCritic(backend=stubborn, retries=2), action, Observation("13")).leaks
    assert len(stubborn.asked) == 3
