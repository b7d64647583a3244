"""Generated problems: exact answers, splits that share nothing, held-out families, one order a seed."""

import itertools
import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from eurus_data.sources import Arithmetic
from eurus_data.sources.generated.kinds import KINDS
from eurus_data.sources.generated.story import tell
from eurus_data.sources.generated.worlds import WORLDS

ALL = Arithmetic(levels=(1, 2, 3, 4, 5))


def first(count, split="train", seed=0, source=ALL):
    return list(itertools.islice(source.problems(split, seed=seed), count))


def result(program):
    *lines, last = program.splitlines()
    names = {}
    exec("\n".join(lines), names)
    return eval(last, names)


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_program_computes_the_answer_and_so_does_the_last_step_of_the_rationale(split):
    for problem in first(500, split):
        reference = problem.reference
        value = result(reference.solutions[0])
        assert type(value) is int
        assert str(value) == reference.answer
        assert reference.rationale.endswith(f"= {value}.")


def test_every_line_of_a_rationale_is_true():
    for problem in first(300):
        for line in problem.reference.rationale.splitlines():
            _, equals, claimed = line.rpartition(" = ")
            if equals:
                assert eval(line.rpartition(": ")[2].partition(" = ")[0]) == int(claimed.rstrip("."))


def test_levels_take_turns_and_count_the_operations():
    problems = first(50)
    assert [problem.labels["level"] for problem in problems[:6]] == ["1", "2", "3", "4", "5", "1"]
    for problem in problems:
        assert problem.reference.solutions[0].count("# Step") == int(problem.labels["level"])


def test_the_seed_fixes_the_order_and_another_seed_changes_it():
    assert first(20, seed=3) == first(20, seed=3)
    assert first(20, seed=3) != first(20, seed=4)


def test_a_longer_read_begins_like_a_shorter_one():
    assert first(40)[:10] == first(10)


def test_splits_share_no_problem_and_no_numbers_whatever_the_seed():
    def arithmetic(problem):
        lines = problem.reference.solutions[0].splitlines()[:-1]
        return tuple(re.sub("[a-z]+", "_", line.partition(" = ")[2].partition("#")[0]) for line in lines)

    short = Arithmetic(levels=(1, 2))
    train = {arithmetic(problem) for seed in (0, 1) for problem in first(500, "train", seed, short)}
    test = {arithmetic(problem) for seed in (0, 2) for problem in first(500, "test", seed, short)}
    assert len(train) > 500
    assert not train & test


def test_held_out_families_occur_in_the_test_split_only():
    assert {problem.labels["family"] for problem in first(300)} == {"seen"}
    families = [problem.labels["family"] for problem in first(300, "test")]
    assert 45 <= families.count("held-out") <= 105  # a quarter of 300 is 75, four standard deviations are 30
    train_words = " ".join(problem.instruction for problem in first(300))
    for word in ("bus", "tram", "tank", "barrel", "even out"):
        assert word not in train_words


def test_a_held_out_kind_is_asked_where_its_level_allows_it():
    source = Arithmetic(held_out=("change",), held_out_share=1.0, levels=(1, 2))
    for problem in first(40, "test", source=source):
        assert ("get back" in problem.instruction) == (problem.labels["level"] == "2")


def test_problems_do_not_repeat():
    problems = first(600)
    assert len({problem.instruction for problem in problems}) == 600
    assert len({problem.id for problem in problems}) == 600


def test_distractors_come_in_the_share_asked_for():
    assert all(p.labels["distractor"] == "no" for p in first(50, source=Arithmetic(distractors=0)))
    some = [p.labels["distractor"] for p in first(400, source=Arithmetic(distractors=0.5))]
    assert 160 <= some.count("yes") <= 240


def test_a_distractor_adds_one_sentence_with_a_number_that_the_program_leaves_out():
    for problem in first(200, source=Arithmetic(distractors=1, levels=(2,))):
        numbers_told = sum(word.strip(".,%?").replace("/", "").isdigit() for word in problem.instruction.split())
        assert numbers_told >= 2
        assert problem.labels["distractor"] == "yes"


def test_sixteen_kinds_or_more_are_seen_in_training():
    assert len(set(KINDS) - set(ALL.held_out)) >= 16
    seen = {
        name
        for seed in range(300)
        for name in tell(Random(seed), WORLDS["toys"], 2, frozenset(KINDS) - set(ALL.held_out)).kinds
    }
    assert seen == set(KINDS) - {"average"}


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**63), st.sampled_from(sorted(WORLDS)), st.integers(1, 5))
def test_any_draw_tells_a_whole_story(seed, world, level):
    story = tell(Random(seed), WORLDS[world], level, frozenset(KINDS), distract=0.5)
    assert len(story.kinds) == level
    assert "{" not in story.text + story.program + story.rationale
    assert "  " not in story.text
    assert story.text.endswith("?")
    assert result(story.program) == story.answer >= 1


def test_nobody_whose_amount_is_known_is_given_a_second_one():
    for problem in first(400, source=Arithmetic(levels=(5,))):
        words = problem.instruction.split()
        owners = [words[i - 1] for i, word in enumerate(words) if word == "has"]
        assert len(owners) == len(set(owners))


def test_text_is_short():
    words = [len(problem.instruction.split()) for problem in first(400, source=Arithmetic(levels=(1, 2, 3, 4)))]
    assert max(words) <= 70


def test_chain_of_thought_problems_come_without_a_tool():
    problem = first(1, source=Arithmetic(task="Math_CoT"))[0]
    assert (problem.task, problem.tools) == ("Math_CoT", ())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"held_out": ("buss",)}, "did you mean 'bus'"),
        ({"held_out": tuple(WORLDS)}, "every world is held out"),
        ({"held_out": tuple(k for k in KINDS if KINDS[k].place == "middle")}, "three kinds"),
        ({"levels": (6,)}, "less than or equal to 5"),
        ({"levels": ()}, "at least 1"),
        ({"distractors": 2}, "less than or equal to 1"),
        ({"level": (1,)}, "'levels'"),
    ],
)
def test_settings_that_cannot_work_are_refused(setting, message):
    with pytest.raises(ValidationError, match=message):
        Arithmetic(**setting)
