"""``eurus train explain``: packed rows in words and as a page."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from eurus_core.errors import InputError
from eurus_train.forest.layout import Branch, Group, Pair, plant
from eurus_train.inspection.explain import explain, text
from eurus_train.inspection.forest_page import page
from eurus_train.inspection.outlines import parents_of, roles, scored_for, stretches


class Letters:
    """Tokens are letters."""

    def decode(self, tokens):
        return "".join(chr(token) for token in tokens)


def ids(letters):
    return np.array([ord(letter) for letter in letters], dtype=np.int64)


def branch(history, action, **names):
    return Branch(ids(history), ids(action), **names)


FIRST = Pair(
    branch("hi ", "yes", tree="t", node="0", source="toy"), branch("hi ", "yo", tree="t", node="1", source="toy"), 2.0
)
LATER = Pair(
    branch("hi yo?", "si", tree="t", node="1.0", turn=2, source="toy"),
    branch("hi yo?", "no", tree="t", node="1.1", turn=2, source="toy"),
)


def test_a_row_in_words_by_hand():
    assert text(plant([FIRST, LATER]), Letters(), "row 0") == (
        "row 0: 12 unique tokens for 27 (2.25 x)\n\n"
        "branch 0: t 0, turn 1, source toy, 3 + 3 tokens, chosen in pair 0, weight 2\n"
        "branch 1: t 1, turn 1, source toy, 3 + 2 tokens, rejected in pair 0, weight 2\n"
        "branch 2: t 1.0, turn 2, source toy, 6 + 2 tokens, chosen in pair 1, weight 1\n"
        "branch 3: t 1.1, turn 2, source toy, 6 + 2 tokens, rejected in pair 1, weight 1\n\n"
        "[0] positions 0 to 2, depth 0 to 2, begins a path\n"
        "  | hi \n"
        "[1] positions 3 to 3, depth 3 to 3, follows [0], scored for 0, 1\n"
        "  > y\n"
        "  [2] positions 4 to 5, depth 4 to 5, follows [1], scored for 0\n"
        "    > es\n"
        "  [3] positions 6 to 6, depth 4 to 4, follows [1], scored for 1\n"
        "    > o\n"
        "  [4] positions 7 to 7, depth 5 to 5, follows [3]\n"
        "    | ?\n"
        "    [5] positions 8 to 9, depth 6 to 7, follows [4], scored for 2\n"
        "      > si\n"
        "    [6] positions 10 to 11, depth 6 to 7, follows [4], scored for 3\n"
        "      > no\n"
    )


def test_scores_of_a_group_are_named():
    forest = plant([Group((branch("a", "b"), branch("a", "c")), (4.5, 1.0))])
    assert roles(forest) == ["score 4.5 in group 0", "score 1 in group 0"]
    assert roles(plant([branch("a", "b")])) == ["imitated"]


words = st.text("ab", min_size=1, max_size=5)


@given(st.lists(st.tuples(words, words), min_size=1, max_size=6))
def test_following_stretches_back_reads_every_branch(pairs):
    forest = plant([branch(history, action) for history, action in pairs])
    found = stretches(forest)
    assert [at for one in found for at in range(one.start, one.end)] == list(range(len(forest)))
    for number, one in enumerate(forest.branches):
        index = next(i for i, stretch in enumerate(found) if number in stretch.ends)
        read = []
        while index is not None:
            read[:0] = forest.tokens[found[index].start : found[index].end].tolist()
            index = found[index].parent
        assert read == [*one.history, *one.action]
    scored = scored_for(forest)
    assert [sum(b in one for one in scored) for b in range(len(pairs))] == [len(action) for _, action in pairs]
    depths = [0 if parent < 0 else int(forest.depth[parent]) + 1 for parent in parents_of(forest)]
    assert depths == forest.depth.tolist()


def test_a_page_holds_every_token_once_and_escapes_it():
    forest = plant([Pair(branch("<p>", "&a"), branch("<p>", "&b"))])
    made = page(forest, Letters(), "row <0>")
    assert made.count('<span id="t') == len(forest)
    assert "<p>" not in made.replace("<p>6 unique", "")
    assert 'class="chosen" title="position 4, depth 4, id 97">a<' in made
    assert 'class="rejected" title="position 5, depth 4, id 98">b<' in made
    assert "http" not in made


def test_a_row_of_a_recipe_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    done = run(explain, ["eurus-7b-dpo", "--profile", "tiny", "--row", "1"], catch_exceptions=False)
    assert done.stdout.startswith("dpo, row 1 of ")
    assert "chosen in pair 0" in done.stdout
    done = run(explain, ["eurus-7b-sft", "--profile", "tiny", "--html", "row.html"], catch_exceptions=False)
    assert done.stdout == "row.html\n"
    assert "imitated" in (tmp_path / "row.html").read_text()
    with pytest.raises(InputError, match="no row 99"):
        run(explain, ["eurus-7b-dpo", "--profile", "tiny", "--row", "99"], catch_exceptions=False)


def test_rows_of_ones_own_are_shown_without_a_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "1 + 1?", "chosen": "2", "rejected": "3"}\n')
    run = CliRunner().invoke
    done = run(explain, ["dpo", "--model", "tiny", "--rows", "pairs.jsonl"], catch_exceptions=False)
    assert done.stdout.startswith("train, row 0 of 1")
    with pytest.raises(InputError, match=r"^gone: no such folder\."):
        run(
            explain,
            ["dpo", "--model", "tiny", "--rows", "pairs.jsonl", "--html", "gone/row.html"],
            catch_exceptions=False,
        )
