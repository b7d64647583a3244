from eurus_eval.report.glossary import Glossary


def met(text: str, *terms: str) -> list[str]:
    return list(Glossary(dict.fromkeys(terms, "meaning")).met_in(text))


def test_a_meaning_is_told_to_the_first_part_that_uses_the_word() -> None:
    glossary = Glossary({"margin": "the difference", "family": "the story"})
    assert glossary.met_in("<p>The Margin of two <b>families</b></p>") == {
        "family": "the story",
        "margin": "the difference",
    }
    assert glossary.met_in("<p>margin, margins, family</p>") == {}


def test_words_inside_words_do_not_count_nor_do_marks_and_models_words() -> None:
    assert met('<p class="margin">marginal, un-margin</p><pre>margin</pre>', "margin") == []


def test_a_longer_term_is_not_its_parts() -> None:
    assert met("the reward model", "reward", "reward model") == ["reward model"]
    assert met("the reward model and its reward", "reward", "reward model") == ["reward", "reward model"]


def test_an_n_stands_for_any_number() -> None:
    assert met("random, best of 4", "best of N") == ["best of N"]
    assert met("Best of N", "best of N") == ["best of N"]
    assert met("best of all", "best of N") == []
