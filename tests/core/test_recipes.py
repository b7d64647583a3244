"""Recipes: layers, part names, references, and errors that name file, line and the nearest right key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.errors import RecipeError
from eurus_core.runs import plan
from eurus_core.runs.recipes import assignment, load, parse
from eurus_core.runs.references import as_written
from eurus_core.runs.toml_lines import line_numbers, line_of

TEXT = """\
title = "A small one"
seed = 7

[grow]
stage = "grow"
problems = 10
source = { name = "arithmetic", levels = [1, 2], distractors = 0.5 }

[[grow.actors]]
backend = "scripted"

[[grow.actors]]
backend = "reference"
samples = 2

[learn]
stage = "train"
trees = "@grow"
rate = 1e-5
source = "$grow.source"

[profile.tiny.grow]
problems = 2
"""


def recipe(*sets: str, profile: str | None = None, text: str = TEXT, seed: int | None = None):
    return parse(text, file="a.toml", name="a", profile=profile, sets=sets, seed=seed)


def test_stages_keep_the_order_of_the_file():
    assert list(recipe().stages) == ["grow", "learn"]
    assert recipe().title == "A small one"


def test_precedence_is_recipe_then_profile_then_set_then_flag():
    assert recipe().stages["grow"]["problems"] == 10
    assert recipe(profile="tiny").stages["grow"]["problems"] == 2
    assert recipe("grow.problems=3", profile="tiny").stages["grow"]["problems"] == 3
    assert (recipe().seed, recipe("seed=8").seed, recipe("seed=8", seed=9).seed) == (7, 8, 9)


def test_another_part_name_drops_the_old_settings_and_says_so():
    changed = recipe("grow.source.name=gsm8k", "grow.source.path=a.jsonl")
    assert changed.stages["grow"]["source"] == {"name": "gsm8k", "path": "a.jsonl"}
    (note,) = changed.notes
    assert "grow.source is now 'gsm8k'" in note
    assert "levels, distractors" in note


def test_the_same_part_name_keeps_the_settings():
    changed = recipe("grow.source.name=arithmetic", "grow.source.distractors=0.1")
    assert changed.stages["grow"]["source"] == {"name": "arithmetic", "levels": [1, 2], "distractors": 0.1}
    assert changed.notes == ()


def test_a_table_given_by_set_takes_the_place_of_the_old_one_and_says_what_it_dropped():
    changed = recipe('grow.source={ name = "arithmetic", levels = [3] }')
    assert changed.stages["grow"]["source"] == {"name": "arithmetic", "levels": [3]}
    (note,) = changed.notes
    assert (
        note == "--set grow.source: grow.source is given as a whole; dropped the settings of 'arithmetic': distractors"
    )


def test_a_table_of_sources_given_by_set_takes_the_place_of_one_objective():
    text = '[learn]\nstage = "train"\nobjective = "nca"\n'
    changed = recipe('learn.objective={ UltraInteract = "dpo", default = "nca" }', text=text)
    assert changed.stages["learn"]["objective"] == {"UltraInteract": "dpo", "default": "nca"}


def test_a_later_set_changes_one_key_of_an_earlier_whole_table():
    changed = recipe('grow.source={ name = "gsm8k", path = "a" }', "grow.source.path=b")
    assert changed.stages["grow"]["source"] == {"name": "gsm8k", "path": "b"}


def test_a_table_of_a_profile_is_laid_over_key_by_key():
    changed = recipe(profile="one", text=TEXT + "\n[profile.one.grow.source]\ndistractors = 0.1\n")
    assert changed.stages["grow"]["source"] == {"name": "arithmetic", "levels": [1, 2], "distractors": 0.1}


def test_a_bare_part_name_takes_settings():
    text = '[grow]\nstage = "grow"\nsource = "gsm8k"\n'
    assert recipe("grow.source.path=x", text=text).stages["grow"]["source"] == {"name": "gsm8k", "path": "x"}


def test_a_reference_follows_what_was_set():
    assert recipe("grow.source.name=gsm8k").stages["learn"]["source"] == {"name": "gsm8k"}


LIKE = """
[dpo]
stage = "train"
rate = 1e-5
objective = { name = "dpo", beta = 0.1 }

[kto]
like = "dpo"
objective = { name = "kto" }

[slow]
like = "kto"
rate = 1e-6
"""


def test_a_stage_like_another_begins_with_its_settings():
    stages = recipe("dpo.rate=2e-5", text=LIKE).stages
    assert stages["kto"] == {"stage": "train", "rate": 2e-5, "objective": {"name": "kto"}}
    assert stages["slow"] == {"stage": "train", "rate": 1e-6, "objective": {"name": "kto"}}
    assert list(stages) == ["dpo", "kto", "slow"]


def test_a_table_given_by_set_takes_the_place_of_what_a_stage_would_inherit():
    text = LIKE.replace('objective = { name = "kto" }', "")
    whole = 'kto.objective={ name = "dpo" }'
    assert recipe(whole, text=text).stages["kto"]["objective"] == {"name": "dpo"}
    assert recipe(whole, "kto.objective.weight=2", text=text).stages["kto"]["objective"] == {"name": "dpo", "weight": 2}


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("dpo.like=slow", "goes round in circles"),
        ("kto.like=dop", "kto is like 'dop', which is no stage. Did you mean 'dpo'"),
    ],
)
def test_likeness_to_nothing_or_in_a_circle_is_named(setting, says):
    with pytest.raises(RecipeError, match=says):
        recipe(setting, text=LIKE)


@pytest.mark.parametrize(
    ("one", "other"), [("arithmetic", "eurus-data/arithmetic"), ("eurus-data/arithmetic", "arithmetic")]
)
def test_a_bare_name_and_its_full_name_are_one_part_and_drop_nothing(one, other):
    found = recipe(f"grow.source.name={other}", text=TEXT.replace('"arithmetic"', f'"{one}"'))
    assert found.stages["grow"]["source"] == {"name": other, "levels": [1, 2], "distractors": 0.5}
    assert not found.notes
    others = recipe("grow.source.name=mine/arithmetic", text=TEXT.replace('"arithmetic"', '"eurus-data/arithmetic"'))
    assert others.stages["grow"]["source"] == {"name": "mine/arithmetic"}


def test_an_element_of_an_array_is_set_by_number():
    assert recipe("grow.actors.1.samples=5").stages["grow"]["actors"][1] == {"backend": "reference", "samples": 5}
    with pytest.raises(RecipeError, match="--set grow.actors.2.samples: there are 2 elements"):
        recipe("grow.actors.2.samples=5")


def test_references_in_a_circle_are_named():
    with pytest.raises(RecipeError, match=r"\$a.y -> \$a.x -> \$a.y goes round in circles"):
        recipe(text='[a]\nstage = "grow"\nx = "$a.y"\ny = "$a.x"\n')


def test_a_reference_to_nothing_is_named():
    with pytest.raises(RecipeError, match=r"'\$grow.nothing' names a setting that is not there"):
        recipe(text='[grow]\nstage = "grow"\nx = "$grow.nothing"\n')


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-5", 1e-5), ("no", "no"), ("true", True), ("[1, 2]", [1, 2]), ("", ""), ("a=b", "a=b"), ('"12"', "12")],
)
def test_a_value_is_toml_or_else_text(text, value):
    assert assignment(f"a.b={text}") == (("a", "b"), value)


@pytest.mark.parametrize("text", ["a", "=1", "a..b=1", ""])
def test_an_assignment_without_path_or_value_is_refused(text):
    with pytest.raises(RecipeError, match="write path=value"):
        assignment(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "a.toml: not TOML"),
        ("", "no stage"),
        ("[gorw]\nproblems = 1", "a.toml, line 1: 'gorw' is not a stage"),
        ("sede = 1\n[grow]\nstage='grow'", "a.toml, line 1: 'sede' is not a stage.*Did you mean 'seed'"),
        ("seed = 'x'\n[grow]\nstage='grow'", "a.toml, line 1: seed is 'x'; it must be int"),
    ],
)
def test_a_recipe_that_cannot_be_used_says_where(text, says):
    with pytest.raises(RecipeError, match=says):
        recipe(text=text)


def test_an_unknown_profile_suggests():
    with pytest.raises(RecipeError, match="no profile 'tyni'. Did you mean 'tiny'"):
        recipe(profile="tyni")


def test_origin_names_the_layer_that_set_a_key():
    changed = recipe("grow.problems=3", profile="tiny")
    assert changed.origin(("grow", "problems")) == "--set grow.problems"
    assert changed.origin(("learn", "rate")) == "a.toml, line 19"
    assert changed.origin(("grow", "source", "levels")) == "a.toml, line 7"
    assert changed.origin(("grow", "actors", 1, "samples")) == "a.toml, line 14"
    assert recipe(profile="tiny").origin(("grow", "problems")) == "profile tiny of a.toml"


def test_line_numbers_follow_tables_arrays_and_quoted_keys():
    lines = line_numbers('a = 1\n["b c".d]\ne.f = 2\n[[g]]\nh = 1\n[[g]]\nh = 2\n[g.i]\nj = 3\n')
    assert line_of(lines, ("a",)) == 1
    assert line_of(lines, ("b c", "d", "e", "f")) == 3
    assert line_of(lines, ("g", 0, "h")) == 5
    assert line_of(lines, ("g", 1, "h")) == 7
    assert line_of(lines, ("g", 1, "i", "j")) == 9
    assert line_of(lines, ("nowhere",)) is None


@given(st.text())
def test_any_text_is_a_recipe_or_a_recipe_error(text):
    try:
        recipe(text=text)
    except RecipeError as error:
        assert "a.toml" in str(error)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = " + "[" * 9000 + "]" * 9000, "nested too deeply"),
        (f"[{'.'.join('a' * 3000)}]", "nested too deeply"),
        ("seed = " + "9" * 5000, "limit"),
        ("seed = true", "seed is True"),
        ("profile = 1", "'profile' holds tables"),
        ("[profile]\ntiny = 1", "'profile' holds tables"),
        ("[[profile]]\na = 1", "'profile' holds tables"),
        ("[a]\nlike = ['b']", "is like \\['b'\\], which is no stage"),
    ],
)
def test_a_recipe_of_the_wrong_shape_is_refused(text, says):
    with pytest.raises(RecipeError, match=says):
        recipe(text=text)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../../home", "a/b", ".partial", "manifest.json", "a\nb", "a\0b", "a" * 61]
)
def test_a_stage_cannot_be_named_out_of_the_run_folder_or_over_its_files(name):
    with pytest.raises(RecipeError, match="cannot be a stage's name"):
        recipe(text=f'[{json.dumps(name)}]\nstage = "grow"\n')


def test_references_that_double_thirty_times_are_refused():
    doubling = "".join(f'a{i} = ["$g.a{i - 1}", "$g.a{i - 1}"]\n' for i in range(1, 31))
    with pytest.raises(RecipeError, match="more than 1,000,000 values"):
        recipe(text=f'[g]\nstage = "grow"\na0 = 1\n{doubling}')


TEXTS = """\
[ask]
stage = "grow"
stop = ["$$END", "$$$", "@me", "@@", "a $b", "5$"]
again = "$ask.stop.0"
"""


def test_text_that_begins_with_a_dollar_is_written_with_two():
    assert recipe(text=TEXTS).stages["ask"]["stop"] == ["$END", "$$", "@me", "@@", "a $b", "5$"]
    assert recipe(text=TEXTS).stages["ask"]["again"] == "$END"
    assert recipe('ask.stop.0="$$1"', text=TEXTS).stages["ask"]["again"] == "$1"


@pytest.mark.parametrize("written", ["$5 each", "$", "$END", "$ask"])
def test_an_unknown_reference_says_where_it_stands_and_how_its_text_is_written(written):
    text = f'[base]\nstage = "grow"\nstop = [\n  "x",\n  "{written}",\n]\n\n[other]\nlike = "base"\n'
    if written == "$ask":
        text = text.replace("[base]", '[base]\nask = "$nowhere"').replace('"$ask"', '"$base.ask"')
        place, written = "a.toml, line 2: base.ask", "$nowhere"
    else:
        place = "a.toml, line 3: base.stop.1"
    with pytest.raises(RecipeError) as told:
        recipe(text=text)
    assert str(told.value).startswith(f"{place}: '{written}' names a setting that is not there")
    assert str(told.value).endswith(f"Write '${written}' for the text '{written}'.")


def test_an_unknown_reference_that_was_typed_is_named_as_typed():
    with pytest.raises(
        RecipeError, match=r"^--set grow.problems: grow.problems: '\$1' names a setting that is not there"
    ):
        recipe("grow.problems=$1")


@given(st.recursive(st.text('$@a.\\"\n', max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_resolved_settings_written_again_are_the_same_recipe(value):
    again = {"a": {"stage": "grow", "x": as_written(value)}}
    text = f'[a]\nstage = "grow"\nx = {json.dumps(again["a"]["x"])}\n'
    assert recipe(text=text).stages["a"]["x"] == value


def test_a_setting_holds_one_value_and_no_more_keys():
    assert assignment("grow.problems=3\nother = 4") == (("grow", "problems"), "3\nother = 4")


def test_a_setting_that_is_not_utf8_is_refused():
    with pytest.raises(RecipeError, match="not UTF-8"):
        assignment("grow.source.path=\udcff.jsonl")


def test_an_element_is_not_addressed_by_a_number_of_thousands_of_digits():
    changed = recipe(f"grow.actors.{'9' * 5000}.samples=1")
    assert isinstance(changed.stages["grow"]["actors"], dict)


def test_a_byte_order_mark_before_a_recipe_is_skipped(tmp_path):
    (tmp_path / "a.toml").write_text(TEXT, encoding="utf-8-sig")
    assert list(load(str(tmp_path / "a.toml")).stages) == ["grow", "learn"]


def test_a_stage_without_a_recipe_is_told_its_settings_by_their_bare_names():
    alone = parse('[grow]\nstage = "grow"\n', file="stage grow", name="grow", bare=True)
    with pytest.raises(RecipeError, match=r"stage grow: source: is needed and missing; give --set source=\.\.\."):
        plan(alone, Path("runs/grow"))
