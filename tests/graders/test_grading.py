"""The math grader: conventions by example, symmetry, caps, and that no text can make it raise or hang."""

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eurus_core.errors import InputError
from eurus_core.records import Action, Observation, Problem, Reference, turns
from eurus_core.testing import judged
from eurus_graders import MathGrader, equivalent, grade
from eurus_graders import reply as replies
from eurus_graders.math import judge
from eurus_graders.math.algebra.terms import show
from eurus_graders.math.equal.keys import key
from eurus_graders.math.read.reading import read

HERE = Path(__file__).parent
CASES = [json.loads(line) for line in (HERE / "grading_cases.jsonl").read_text(encoding="utf-8").splitlines()]
GRADER = MathGrader()


def problem(answer: str | None) -> Problem:
    return Problem("p1", "Math_PoT", "test", "How many?", Reference(answer=answer))


@pytest.mark.parametrize("case", CASES, ids=[f"{c['why']} {c['pred']} ~ {c['gold']}" for c in CASES])
def test_answers_are_equal_or_not_whichever_way_round_they_are_compared(case: dict[str, str]) -> None:
    forth, back = equivalent(case["pred"], case["gold"]), equivalent(case["gold"], case["pred"])
    assert forth.correct == case["equal"], forth
    assert back.correct == case["equal"], back
    assert forth.rule


def test_a_verdict_names_its_rule_and_how_both_sides_were_read() -> None:
    result = equivalent("0.5", r"\frac{1}{2}")
    assert (result.outcome, result.rule) == ("correct", "number")
    assert (result.parsed_prediction, result.parsed_reference) == ("1/2", "(1 * (2 ^ -1))")
    assert equivalent("5 cm", "5").rule == "unit-omitted"
    assert equivalent("50%", "50").rule == "percent-sign"
    assert equivalent("x = 5", "5").rule == "label-omitted"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("7 3/4", "31/4"),
        (r"7\frac34", "31/4"),
        (r"0.1\overline{6}", "1/6"),
        ("14{,}916", "14916"),
        ("(3,100)", "(3, 100)"),
        ("(1,000, 2)", "(1000, 2)"),
        (r"3\frac{4}{3}", "(3 * (4 * (3 ^ -1)))"),
        ("-2^2", "-(2 ^ 2)"),
        ("5 miles per hour", "5 miles per hour"),
        ("[1, 2)", "[1, 2)"),
        ("x^2y", "((x ^ 2) * y)"),
        (r"\sin^2 x", "(sin(x) ^ 2)"),
        ("1010_2", "1010 in base 2"),
    ],
)
def test_an_answer_is_read_as_people_mean_it(text: str, meaning: str) -> None:
    assert show(read(text)) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3000 + "1" + ")" * 3000,
        "\\sqrt" * 1000,
        "5" + "!" * 60,
        "+".join(["9999!"] * 600),
        "9" * 4000,
        "1e999999999",
        "^".join(["9"] * 200),
        "exp(" * 40 + "9" + ")" * 40,
        "sin(10^{10^{10}})",
        "binomial(x, 9999.5)*1e900",
        "x" * 1_000_000,
        " " * 1_000_000 + "1",
        "{" * 4000,
        "|" * 4000,
        "\\cup".join(f"({i},{i + 1})" for i in range(300)),
        " and ".join(f"x>{i}" for i in range(300)),
        ",".join(str(i) for i in range(1000)),
        r"\mathbb{R}\setminus\{" + ",".join(map(str, range(300))) + r"\}",
        "5 km" * 1000,
        "C x+" * 1000 + "C",
    ],
    ids=lambda text: text[:20],
)
def test_a_huge_answer_ends_in_time_and_is_not_correct(text: str) -> None:
    started = time.process_time()
    for prediction, reference in ((text, "5"), ("5", text), (text, "sin(x) + 2")):
        assert not equivalent(prediction, reference).correct
    assert equivalent(text, text + "+1").outcome != "timeout"
    key(text)
    assert time.process_time() - started < 5.0


def test_past_a_cap_the_outcome_is_limit_which_is_no_fault_of_the_actor() -> None:
    assert equivalent("9**9**9**9", "5").outcome == "limit"
    assert equivalent("1+" * 3000 + "1", "5").outcome == "limit"
    assert equivalent("2^{30^5}+1", "2^{30^5}+2").outcome == "limit"


def test_numbers_that_agree_to_fifty_digits_are_told_apart() -> None:
    assert not equivalent("e^{1000}", "e^{1000}+1").correct  # 434 digits before the point
    assert not equivalent("10^{60}+1/3", "10^{60}+1/7").correct
    assert equivalent(r"\sqrt{2}^2-2", "0").correct  # noise of the last digit is zero


FRAGMENTS = [
    r"\frac",
    r"\sqrt",
    r"\sin",
    r"\log",
    r"\binom",
    r"\le",
    r"\in",
    r"\cup",
    r"\setminus",
    r"\{",
    r"\}",
    r"\pm",
    r"\infty",
    r"\begin{pmatrix}",
    r"\end{pmatrix}",
    r"\\",
    r"&",
    r"{",
    r"}",
    r"(",
    r")",
    r"[",
    r"]",
    r"|",
    r"^",
    r"_",
    r"!",
    r"%",
    r"$",
    r",",
    r";",
    r":",
    r"=",
    r"<",
    r">",
    r"+",
    r"-",
    r"*",
    r"/",
    r"**",
    r"0",
    r"1",
    r"2",
    r"9",
    r"10",
    r"99999",
    r"1e999",
    r"1e-999",
    r"0.",
    r"...",
    r"x",
    r"y",
    r"e",
    r"i",
    r"pi",
    r"oo",
    r"cm",
    r"word",
    r"and",
    r"or",
    r"exp(",
    r"factorial(",
    r"binomial(",
    r"mod(",
    r"floor(",
    r"Matrix(",
    r"Interval(",
    r"½",
    r"√",
    r"²",
    r"٣",
    r"Ⅷ",
    r"'",
]
ANSWERS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(" ".join),
    st.sampled_from([case["pred"] for case in CASES]),
)


@settings(max_examples=1000, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(ANSWERS, ANSWERS)
def test_no_text_raises_and_argument_order_does_not_matter(one: str, other: str) -> None:
    forth, back = equivalent(one, other), equivalent(other, one)
    assert forth.correct == back.correct
    assert hash(key(one)) == hash(key(one))
    if one.strip():
        assert equivalent(one, one).correct


ATOMS = st.sampled_from(
    ["1", "2", "0", "-1", "9", "0.5", "1e99", "1e999", "x", "n", "e", "i", "oo", r"\pi", "9999", "1/3"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(
            st.sampled_from(["({}+{})", "({}-{})", "({}*{})", r"\frac{{{}}}{{{}}}", "({})^{{{}}}"]), inner, inner
        ),
        st.tuples(
            st.sampled_from(["mod({},{})", r"\sqrt[{}]{{{}}}", r"\binom{{{}}}{{{}}}", "gcd({},{})"]), inner, inner
        ),
        st.tuples(st.sampled_from(["({})!", "sin({})", "log({})", "exp({})", "floor({})", "cis({})", "f({})"]), inner),
        st.tuples(st.sampled_from([r"\sum_{{k=1}}^{{99}} (k*{})", r"\prod_{{k=1}}^{{99}} (k*{})", "|{}|"]), inner),
    ).map(lambda parts: parts[0].format(*parts[1:])),
    max_leaves=12,
)


@settings(max_examples=120, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(
    EXPRESSIONS,
    st.sampled_from(["{}", "x < {}", "x = {}", "({}, 1)", "{} cm", r"\begin{{vmatrix}}{}&1\\2&{}\end{{vmatrix}}"]),
)
def test_no_formula_raises_however_large_its_value(inside: str, around: str) -> None:
    text = around.format(inside, inside)
    forth, back = equivalent(text, "5"), equivalent("5", text)
    assert forth.correct == back.correct
    hash(key(text))


def test_a_key_joins_unequal_answers_only_where_what_is_named_differs() -> None:
    # Names are dropped, as x = 5 and 5 are one vote, so that x = 5 and y = 5 meet.
    named = {"x=5", "x>3", "y \\in (1,2)", "f(x)=x^2+1"}
    joined = {c["pred"] for c in CASES if not c["equal"] and key(c["pred"]) == key(c["gold"])}
    assert joined <= named


def test_most_equal_answers_share_a_key() -> None:
    # The rest are equal by a convention that is not transitive: a unit, a percent sign or a list's order left out.
    equal = [c for c in CASES if c["equal"]]
    assert sum(key(c["pred"]) == key(c["gold"]) for c in equal) >= 0.9 * len(equal)


@given(st.fractions(max_denominator=10**6))
def test_every_way_to_write_a_fraction_is_the_same_number_with_the_same_key(value) -> None:
    above, below = value.numerator, value.denominator
    written = [
        f"{above}/{below}",
        rf"\frac{{{above}}}{{{below}}}",
        f"Fraction({above}, {below})",
        f"{above}*{below}**-1",
    ]
    assert all(equivalent(text, written[0]).correct for text in written)
    assert len({key(text) for text in written}) == 1
    assert not equivalent(written[0], f"{above + 1}/{below}").correct


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, min_value=-1e12, max_value=1e12))
def test_the_printed_form_of_a_float_equals_that_float(value: float) -> None:
    assert equivalent(repr(value), f"{value:.17g}").correct


@pytest.mark.parametrize(
    "group",
    [
        ("18", "18.0", "$18", "18.", "9*2", "x = 18", r"\boxed{18}"),
        ("1/3", r"\frac13", "0.3333333333333333", r"0.\overline{3}", "0.333..."),
        ("2*sqrt(2)", r"\sqrt{8}", "2.8284271247461903", "8**0.5"),
        ("1, 2", "2, 1", "{1, 2}", "x=1 or x=2"),
        ("x < 1", r"(-\infty, 1)", "1 > x"),
        ("1 m", "100 cm", "1000 mm"),
        ("x^2-1", "(x-1)(x+1)", "-1 + x**2"),
        ("Evelyn", r"\text{Evelyn}", "evelyn."),
        ("-4-6i", "(-4-6j)", "-6*I - 4"),
    ],
    ids=lambda group: group[0],
)
def test_equivalent_answers_share_a_key_for_votes(group: tuple[str, ...]) -> None:
    assert len({key(answer) for answer in group}) == 1
    assert key(group[0]) != key("17")


# The grader: from an action and what it printed to a verdict


def test_the_last_line_that_the_code_printed_is_the_answer() -> None:
    action = turns.parse("Step 1: add\n```python\nprint(9 * 2)\n```")
    assert judged(GRADER, problem("18"), action, Observation("9\nOut: 18")).correct
    assert judged(GRADER, problem("9"), action, Observation("9\nOut: 18")).outcome == "incorrect"


def test_a_sentence_that_the_code_printed_is_searched_for_its_answer() -> None:
    action = Action("x", code=("print(1)",))
    verdict = judged(GRADER, problem("18"), action, Observation("Janet makes $18 every day"))
    assert (verdict.outcome, verdict.rule) == ("correct", "unit-omitted (last statement)")
    assert judged(GRADER, problem("18"), action, Observation("The answer is 18 dollars.")).correct
    assert not judged(GRADER, problem("18"), action, Observation("18 ducks lay 20 eggs")).correct


def test_an_array_printed_over_several_lines_is_one_answer() -> None:
    action = Action("x", code=("print(m)",))
    reference = r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"
    assert judged(GRADER, problem(reference), action, Observation("the matrix\n[[1 2]\n [3 4]]")).correct


@pytest.mark.parametrize(
    ("status", "outcome", "rule"),
    [
        ("timeout", "timeout", "timeout"),
        ("error", "incorrect", "error"),
        ("memory", "incorrect", "memory"),
        ("killed", "incorrect", "killed"),
    ],
)
def test_code_that_did_not_end_well_is_judged_by_how_it_ended(status, outcome: str, rule: str) -> None:
    action = Action("x", code=("boom",), solution="18")
    verdict = judged(GRADER, problem("18"), action, Observation("NameError: name 'boom' is not defined", status))
    assert (verdict.outcome, verdict.rule) == (outcome, rule)


def test_code_that_prints_nothing_gives_no_answer_even_where_words_do() -> None:
    action = Action("x", code=("x = 18",), solution="18")
    verdict = judged(GRADER, problem("18"), action, Observation(turns.NO_OUTPUT))
    assert (verdict.outcome, verdict.rule) == ("unparsed", "no output")


def test_without_code_the_stated_solution_counts_and_then_the_text() -> None:
    assert judged(GRADER, problem("18"), turns.parse(r"so \boxed{18}"), None).correct
    assert judged(GRADER, problem("18"), turns.parse("It costs 3. The answer is 18."), None).correct
    assert judged(GRADER, problem("18"), turns.parse("We need 2 * 9 = 18"), None).correct
    assert judged(GRADER, problem("18"), turns.parse("I cannot tell"), None).outcome == "unparsed"


def test_a_problem_without_an_answer_is_the_users_to_mend() -> None:
    with pytest.raises(InputError, match="p1 has no reference answer"):
        judged(GRADER, problem(None), Action("5", solution="5"), None)


@pytest.mark.parametrize(
    ("text", "answer", "rule"),
    [
        (r"first \boxed{1}, then \boxed{\frac{1}{2}}", r"\frac{1}{2}", "boxed"),
        ("The answer is 5. I am sure.", "5", "stated"),
        ("The final answer is: 3.5", "3.5", "stated"),
        ("Draft answer: 4\nFinal answer: 7", "7", "stated"),
        ("some steps\n#### 1,234", "1,234", "stated"),
        (r"The integers are $\boxed{-2}$ and $\boxed{1}$.", "-2, 1", "boxed"),
        (r"\boxed{-2} \quad \text{and} \quad \boxed{1}", "-2, 1", "boxed"),
        (r"\boxed{3} or \boxed{4}", "3 or 4", "boxed"),
        (r"we get \boxed{\frac{1}{2}", r"\frac{1}{2}", "boxed"),
        (r"\boxed{5}, and then \boxed{}", "5", "boxed"),
        (r"\boxed{\boxed{3}}", r"\boxed{3}", "boxed"),
        (r"\boxed 7", "7", "boxed"),
        ("```output\n41\n42\n```\nThe answer is 7.", "7", "stated"),
        ("the answer is: **42**.", "42", "stated"),
        ("**Answer:** 42", "42", "stated"),
        ("The answers are 3 and 4.", "3 and 4", "stated"),
        ("The answer is 42 because geometry proves it", "42", "stated"),
        ("\u7b54\u6848\u662f\uff14\uff12\u3002", "\uff14\uff12", "stated"),
        ("**Answer:**\n\\[\n\\frac{3}{4}\n\\]", "\\frac{3}{4}", "stated"),
        ("### Final Answer\n\n42", "42", "stated"),
        ("Answer:\n```\n42\n```", "42", "stated"),
        ("<answer>\n42\n</answer>", "42", "tagged"),
        ('so {"reasoning": "...", "answer": "42"}', "42", "json"),
        ('{"answer": 42}', "42", "json"),
        (r"\boxed{3}. Hm, no: the answer is 5.", "5", "stated"),
        (r"The answer is $\boxed{5}$.", "5", "boxed"),
    ],
)
def test_what_a_reply_announces_last_is_its_answer(text: str, answer: str, rule: str) -> None:
    found = replies.announced(text)
    assert found is not None
    assert (found.answer, found.rule) == (answer, rule)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("We get 3 + 4 = 7.", "3 + 4 = 7"),
        ("It drops by -2.50 in all", "-2.50"),
        ("```python\nprint(99)\n```\nSo 12 remain.", "12"),
        ("That leaves 4 4/9 cups", "4 4/9 cups"),
        (r"So the chance is $\frac{1}{2}$.", r"\frac{1}{2}"),
    ],
)
def test_a_reply_that_announces_nothing_is_read_in_its_last_statement(text: str, answer: str) -> None:
    assert judge.answer(text, replies.announced(text)) == replies.Found(answer, "last statement")


def test_text_without_an_answer_gives_none() -> None:
    for text in ("I really do not know at all.", "There are at least 5 of them."):
        assert grade(text, "5", GRADER).outcome == "unparsed"


@pytest.mark.parametrize(
    "text",
    ["\\boxed{\n" * 9000, "\\(1" * 30000, "$$1" * 30000, "answer is " * 9000, "```output\n" * 9000, "1" * 100_000],
)
def test_long_text_is_searched_in_bounded_time(text: str) -> None:
    started = time.process_time()
    grade(text, "5", GRADER)
    replies.announced(text)
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize(
    ("prediction", "reference", "found"),
    [
        (None, "1", "the prediction is null"),
        ("1", None, "the reference is null"),
        (["1"], "1", "the prediction is a list"),
        (True, "1", "the prediction is a truth value"),
        ("1", [], "the reference is an empty list"),
        ("1", {"answer": "1"}, "the reference is an object"),
    ],
)
def test_what_is_neither_text_nor_number_is_an_error_in_words(prediction: Any, reference: Any, found: str) -> None:
    with pytest.raises(InputError, match=found):
        grade(prediction, reference)


def test_numbers_are_judged_as_their_text() -> None:
    assert grade(42, "42").correct
    assert grade("so it is \\boxed{1/2}", 0.5).correct


def test_searching_a_sentence_for_its_answer_accepts_nothing_more() -> None:
    found = [judge.judge(case["pred"], replies.announced(case["pred"]), case["gold"]) for case in CASES]
    assert [case for case, one in zip(CASES, found, strict=True) if one.correct != case["equal"]] == []


# Real data


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.realdata
def test_every_math_reference_can_be_read_and_equals_itself_otherwise_spelt(realdata: Path) -> None:
    answers = [row["answer"] for row in rows(realdata / "math" / "train_answers.jsonl.gz")]
    different = [a for a in answers if a and not equivalent("$" + a.replace("\\frac", "\\dfrac") + "$ ", a).correct]
    assert different == []


@pytest.mark.realdata
def test_the_labels_of_published_gsm8k_samples_are_reproduced(realdata: Path) -> None:
    wrong = []
    for row in rows(realdata / "rerank_gsm8k_openai" / "example_model_solutions.jsonl.gz"):
        reference = row["ground_truth"].rpartition("A:")[2].strip()
        for sample in row.values():
            if isinstance(sample, dict):
                answer = sample["solution"].rpartition("A:")[2].strip()
                correct = "A:" in sample["solution"] and equivalent(answer, reference).correct
                if correct != sample["is_correct"]:
                    wrong.append((answer, reference))
    assert wrong == []


@pytest.mark.realdata
def test_published_hard_pairs_are_judged_as_labelled(realdata: Path) -> None:
    path = realdata.parent / "cases" / "grading_public.jsonl"
    if not path.exists():
        pytest.skip(f"no {path}")
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    wrong = [case for case in cases if equivalent(case["pred"], case["gold"]).correct != case["equal"]]
    assert len(wrong) <= 0.03 * len(cases)
    assert not [case for case in wrong if not case["equal"] and not case["why"].startswith("[policy]")]


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("**Answer:** 42", "42"),
        ("so \\boxed{0.5}", "1/2"),
        ("Thus \\boxed{7}", "7"),
        ("<think>20 + 22, or 41?</think>\n<answer>42</answer>", "42"),
        ("<answer> \\frac{1}{2} </answer>", "0.5"),
        ("#### 42", "42"),
        ("**Final Answer**: $x = 5$", "5"),
    ],
)
def test_a_stated_answer_is_found_without_a_sentence_around_it(reply: str, answer: str) -> None:
    assert grade(reply, answer, GRADER).correct
    assert not grade(reply, "41", GRADER).correct


def test_a_denial_is_no_answer() -> None:
    assert not grade("**Answer:** not 42", "42", GRADER).correct


def test_a_vote_counts_what_is_boxed_not_the_word_before_it() -> None:
    said = [grade(text, "1/2", GRADER).parsed_prediction for text in ("so \\boxed{0.5}", "thus \\boxed{\\frac12}")]
    assert key(said[0]) == key(said[1]) == key("1/2")
