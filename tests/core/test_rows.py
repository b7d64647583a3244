"""Published rows: what trees they make, and what is said of rows that make none."""

from __future__ import annotations

import gc
import gzip
import json
import tracemalloc

import pytest

from eurus_core.errors import InputError
from eurus_core.formats import fragments, open_trees, read_rows
from eurus_core.formats.conversations import Conversations
from eurus_core.formats.pairs import PreferenceRows
from eurus_core.formats.stage import Import
from eurus_core.formats.ultrafeedback import UltraFeedback
from eurus_core.formats.ultrainteract import UltraInteractActions, UltraInteractPairs
from eurus_core.parts import installed
from eurus_core.records import Message
from eurus_core.records.pairs import disorder, history, pairs
from eurus_core.records.tree_set import TreeSet, write_trees
from eurus_core.records.turns import feedback
from eurus_core.stages import Context
from eurus_core.testing import FormatContract

PROMPT = "Solve the following problem step-by-step:\nIs 7 odd?"


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def ultrainteract(turn, history=(), *, chosen="Yes.", rejected="No.", parent="tree"):
    said = [PROMPT, *history]
    return {
        "id": f"{parent}_5_{turn}",
        "parent_id": parent,
        "task": "Math_Cot",
        "dataset": "toy",
        "trajectory": [{"from": ("user", "assistant")[at % 2], "value": text} for at, text in enumerate(said)],
        "chosen": chosen,
        "rejected": rejected,
    }


def test_a_tree_knows_the_line_of_its_first_row_and_tells_no_file_of_it(tmp_path):
    rows = write(
        tmp_path / "pairs.jsonl", ultrainteract(2, ["No.", WRONG]), ultrainteract(1, parent="other"), ultrainteract(1)
    )
    made = list(open_trees(rows))
    assert [tree.origin for tree in made] == [f"{rows}, line 1", f"{rows}, line 2"]
    kept = list(write_trees(tmp_path / "trees", made))
    assert kept == made
    assert [tree.origin for tree in kept] == ["", ""]


WRONG = "Out: 3\nYour answer is wrong.\nLook at the last digit."


def test_rows_of_one_parent_rebuild_its_caterpillar(tmp_path):
    rows = [
        ultrainteract(2, ["No.", WRONG], chosen="Yes, it is.", rejected="Never."),
        ultrainteract(1),
        ultrainteract(1, chosen="It is.", rejected="Hardly.", parent="other"),
    ]
    tree, other = open_trees(write(tmp_path / "pairs.jsonl", *rows))
    assert tree.problem.id == "tree"
    assert (tree.problem.task, tree.problem.dataset) == ("Math_CoT", "toy")
    assert {node.id: (node.parent, node.action.text, node.verdict.outcome) for node in tree} == {
        "0": (None, "No.", "incorrect"),
        "0.0": ("0", "Yes, it is.", "correct"),
        "0.1": ("0", "Never.", "incorrect"),
        "1": (None, "Yes.", "correct"),
    }
    assert [(one.chosen, one.rejected, one.source) for one in pairs(tree)] == [
        ("0.0", "0.1", "UltraInteract"),
        ("1", "0", "UltraInteract"),
    ]
    assert tree.node("0").critique.text == "Look at the last digit."
    assert not disorder(tree)
    assert len(pairs(other)) == 1


def test_a_turn_without_a_pair_stays_a_gap(tmp_path):
    rows = [ultrainteract(3, ["No.", WRONG, "Maybe.", WRONG]), ultrainteract(1)]
    (tree,) = open_trees(write(tmp_path / "pairs.jsonl", *rows))
    assert [len(tree.path(one.chosen)) for one in pairs(tree)] == [3, 1]
    assert [message.content for message in history(tree, "0.0")] == [PROMPT, "No.", WRONG, "Maybe.", WRONG]


def test_many_pairs_of_one_instruction_stay_those_pairs(tmp_path):
    rows = [ultrainteract(1, chosen=f"Yes {n}.", rejected=f"No {n}.") for n in range(5)]
    (tree,) = open_trees(write(tmp_path / "pairs.jsonl", *rows))
    assert len(pairs(tree)) == 5  # not the 25 of every correct with every incorrect action


@pytest.mark.parametrize(
    "said",
    [
        WRONG,
        "Your answer is wrong.",
        "Your answer is wrong.\nHm.\n",
        "\nYour answer is wrong.\n",
        "Try again.",
        "a\n",
        "",
    ],
)
def test_what_followed_an_action_is_kept_to_the_letter(tmp_path, said):
    (tree,) = open_trees(write(tmp_path / "pairs.jsonl", ultrainteract(2, ["No.", said])))
    assert feedback(tree.node("0")).content == said


def test_the_task_prompt_is_never_applied_twice(tmp_path):
    unknown = ultrainteract(1) | {"trajectory": [{"from": "user", "value": "A prompt worded otherwise. Is 7 odd?"}]}
    for row in (ultrainteract(1), unknown):
        (tree,) = open_trees(write(tmp_path / "pairs.jsonl", row))
        assert history(tree, None) == (Message("user", row["trajectory"][0]["value"]),)


def test_supervised_rows_make_correct_actions_without_pairs(tmp_path):
    row = {"id": "a_1_1", "parent_id": "tree", "task": "Logic", "dataset": "toy", "instruction": PROMPT}
    rows = [row | {"response": text} for text in ("Yes.", "It is.", "Yes.")]
    (tree,) = open_trees(write(tmp_path / "sft.jsonl", *rows))
    assert [node.action.text for node in tree] == ["Yes.", "It is."]
    assert pairs(tree) == ()
    assert all(node.verdict.correct for node in tree)


def test_an_instruction_that_holds_a_history_has_a_tree_of_its_own(tmp_path):
    row = {"id": "a_1_1", "parent_id": "tree", "task": "Logic", "dataset": "toy", "response": "Yes."}
    trees = list(
        open_trees(
            write(
                tmp_path / "sft.jsonl",
                *(row | {"instruction": text} for text in (PROMPT, PROMPT + "\nStep 1: Search.")),
            )
        )
    )
    assert [tree.problem.id for tree in trees] == ["tree", "tree"]


USER, YES, NO = (
    {"role": "user", "content": "Is 7 odd?"},
    {"role": "assistant", "content": "Yes."},
    {"role": "assistant", "content": "No."},
)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Is 7 odd?", "chosen": "Yes.", "rejected": "No."},
        {"prompt": [USER], "chosen": [YES], "rejected": [NO]},
        {"chosen": [USER, YES], "rejected": [USER, NO]},
        {
            "prompt": "Is 7 odd?",
            "chosen": [USER, YES],
            "rejected": [USER, NO],
            "score_chosen": 8.5,
            "score_rejected": 2,
        },
        {"chosen": "Is 7 odd? Yes.", "rejected": "Is 7 odd? No."},
        {"chosen": "\n\nHuman: Is 7 odd?\n\nAssistant: Yes.", "rejected": "\n\nHuman: Is 7 odd?\n\nAssistant: No."},
        {"prompt": "\n\nHuman: Is 7 odd?\n\nAssistant:", "chosen": "Yes.", "rejected": "No."},
        {
            "conversations": [{"from": "human", "value": "Is 7 odd?"}],
            "chosen": {"from": "gpt", "value": "Yes."},
            "rejected": {"from": "gpt", "value": "No."},
        },
    ],
)
def test_every_spelling_of_a_preference_row_makes_the_same_pair(tmp_path, row):
    (tree,) = open_trees(write(tmp_path / "pairs.jsonl", row))
    (pair,) = pairs(tree)
    assert history(tree, None) == (Message("user", "Is 7 odd?"),)
    assert (tree.node(pair.chosen).action.text, tree.node(pair.rejected).action.text) == ("Yes.", "No.")
    assert (pair.source, tree.problem.task) == ("pairs", "Chat")


def test_a_conversation_keeps_its_system_message_and_turns(tmp_path):
    said = [{"role": "system", "content": "Be brief."}, USER, NO, {"role": "user", "content": "Really?\n"}]
    (tree,) = open_trees(
        write(tmp_path / "pairs.jsonl", {"prompt": said, "chosen": [YES], "rejected": [NO], "weight": 2})
    )
    (pair,) = pairs(tree)
    assert pair.weight == 2.0
    assert [(m.role, m.content) for m in history(tree, tree.node(pair.chosen).parent)] == [
        ("system", "Be brief."),
        ("user", "Is 7 odd?"),
        ("assistant", "No."),
        ("user", "Really?\n"),
    ]


def test_rows_with_one_prompt_make_one_star(tmp_path):
    rows = [{"prompt": "Q", "chosen": a, "rejected": b} for a, b in (("a", "b"), ("b", "c"), ("a", "c"), ("a", "c"))]
    (tree,) = open_trees(write(tmp_path / "pairs.jsonl", *rows))
    assert len(pairs(tree)) == 3  # the fourth says nothing new


def test_four_scored_completions_make_a_star(tmp_path):
    scores = {"a": 4.5, "b": 4.5, "c": 2.0, "d": 1.0}
    completions = [
        {"response": text, "fine-grained_score": score, "overall_score": 5} for text, score in scores.items()
    ]
    path = write(tmp_path / "feedback.jsonl", {"instruction": "Q", "source": "sharegpt", "completions": completions})
    (tree,) = open_trees(path)
    text = {node.id: node.action.text for node in tree}
    assert [text[p.chosen] + text[p.rejected] for p in pairs(tree)] == [
        "ac",
        "ad",
        "bc",
        "bd",
        "cd",
    ]  # a tie is no pair
    assert [node.verdict.score for node in tree] == list(scores.values())
    (flat,) = read_rows([path], form=UltraFeedback(score="overall_score"))
    assert pairs(flat) == ()


def test_conversations_teach_every_reply(tmp_path):
    said = [USER, NO, {"role": "user", "content": "Really?"}, YES]
    (tree,) = open_trees(write(tmp_path / "chat.jsonl", {"messages": said}))
    correct = [node for node in tree if node.verdict.correct]
    assert [(node.action.text, len(history(tree, node.parent))) for node in correct] == [("No.", 1), ("Yes.", 3)]
    (one,) = open_trees(write(tmp_path / "chat.jsonl", {"prompt": "Is 7 odd?", "completion": "Yes."}))
    assert [node.action.text for node in one] == ["Yes."]


GOOD = {"prompt": "Is 7 odd?", "chosen": "Yes.", "rejected": "No."}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (GOOD | {"chosen": 7}, "neither text nor messages"),
        (GOOD | {"chosen": ""}, "empty reply"),
        (GOOD | {"rejected": "Yes."}, "the same"),
        (GOOD | {"prompt": None, "chosen": "Yes.", "rejected": "No."}, "share none"),
        (GOOD | {"chosen": [YES]}, "one of the two sides is text"),
        (GOOD | {"prompt": [YES]}, "goes: assistant"),
        (GOOD | {"prompt": [{"role": "tool", "content": "3"}]}, "is from 'tool'"),
        (GOOD | {"prompt": [{"role": "user"}]}, "has no text"),
        (GOOD | {"weight": 0}, '"weight" is 0'),
        (GOOD | {"weight": True}, '"weight" is True'),
        (GOOD | {"prompt": "\ud800"}, "surrogate"),
        ({"prompt": [USER], "chosen": [YES, USER, YES], "rejected": [NO]}, "part before their last message"),
        ({"chosen": "Yes.", "rejected": "No."}, "share none"),
        ({"rejected": "No.", "prompt": "Q"}, 'no "chosen"'),
        (ultrainteract(1) | {"task": "Cooking"}, "'Cooking'"),
        (ultrainteract(1) | {"trajectory": []}, "no messages"),
        (ultrainteract(6), "_5_6"),
        (ultrainteract(1, ["No."]), "user, assistant"),
        ({"instruction": "Q", "completions": [{"response": "a"}]}, "fine-grained_score"),
        ({"instruction": "Q", "completions": []}, "no list of completions"),
        ({"messages": [USER]}, "no message from the assistant"),
    ],
)
def test_a_bad_row_is_named_with_what_was_found(tmp_path, row, said):
    path = tmp_path / "rows.jsonl"
    write(path, *([GOOD, row] if "rejected" in row and "trajectory" not in row else [row]))
    line = len(path.read_text().splitlines())
    with pytest.raises(InputError, match=f"rows.jsonl, line {line}: ") as caught:
        list(open_trees(path))
    assert said in str(caught.value)
    assert caught.value.needed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no rows"),
        (b"\n\n", "holds no rows"),
        (json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode()[:30], "line 2: the line ends in the middle"),
        (b'{"prompt": "\xff"}\n', "line 1: byte 13 is no UTF-8"),
        (b"[1, 2]\n", "found a number"),
        (b'[{"prompt": "Q", "chosen": "a", "rejected": "b"},\n {"prompt": "Q"', "line 2: the JSON array breaks off"),
        (b'{"question": "Q"}\n', "no known form of rows has the keys question"),
        (b"{}\n", "of an empty object"),
    ],
)
def test_a_file_that_holds_no_rows_says_so(tmp_path, content, said):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(open_trees(path))
    assert said in str(caught.value)


def test_arrays_gzip_and_folders_are_read(tmp_path):
    other = {"prompt": "Is 8 odd?", "chosen": "No.", "rejected": "Yes."}
    (tmp_path / "a.json").write_text(json.dumps([GOOD, other], indent=1))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress((json.dumps(GOOD | {"chosen": "Sure."}) + "\n").encode()))
    (tmp_path / "notes.txt").write_text("not rows")
    assert [len(pairs(tree)) for tree in read_rows([tmp_path], source="mine")] == [2, 1]


def test_parquet_is_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist([GOOD, GOOD | {"prompt": "Is 9 odd?"}]), tmp_path / "rows.parquet")
    assert len(list(open_trees(tmp_path / "rows.parquet"))) == 2


def test_bad_rows_can_be_skipped_and_are_counted(tmp_path):
    path = write(tmp_path / "rows.jsonl", GOOD, GOOD | {"rejected": "Yes."}, GOOD | {"prompt": "Is 9 odd?"})
    context = Context(tmp_path)
    Import(rows=[path], skip_bad=True, source="mine").run(context)
    assert context.report.figures["bad rows left out"] == 1
    assert "line 2" in context.report.notes[0]
    assert [tree.problem.dataset for tree in TreeSet.open(tmp_path / "trees")] == ["mine", "mine"]
    assert TreeSet.open(tmp_path / "trees").manifest["pairs"] == 2


def test_as_many_trees_as_wanted_are_drawn_by_seed(tmp_path):
    path = write(tmp_path / "rows.jsonl", *(GOOD | {"prompt": f"Is {n} odd?"} for n in range(20)))
    drawn = []
    for seed in (1, 1, 2):
        Import(rows=[path], most=5).run(Context(tmp_path, seed=seed))
        drawn.append([tree.problem.instruction for tree in TreeSet.open(tmp_path / "trees")])
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 5


def test_what_is_drawn_from_bad_rows_too_counts_them_once_and_is_not_held(tmp_path):
    path = write(
        tmp_path / "rows.jsonl", GOOD | {"rejected": "Yes."}, *(GOOD | {"prompt": f"Is {n}?"} for n in range(400))
    )
    bad, most_held = [], {}
    for most in (2, 400):
        some = Import(rows=[path], most=most, skip_bad=True)
        list(some.read(0))
        gc.collect()
        tracemalloc.start()
        assert sum(1 for _ in some.read(0, bad.append)) == most
        most_held[most] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(bad) == 2  # one a reading
    assert (
        most_held[400] - most_held[2] < 400 * 1500
    )  # a tree takes 2,500 bytes; what other tests left may be in between


def test_pairs_that_rows_state_survive_in_a_tree_set(tmp_path):
    found = list(open_trees(write(tmp_path / "rows.jsonl", GOOD, GOOD | {"chosen": "Sure.", "weight": 0.5})))
    write_trees(tmp_path / "trees", found)
    assert list(open_trees(tmp_path / "trees")) == found


def test_a_stated_pair_of_no_siblings_is_refused(tmp_path):
    (tree,) = open_trees(write(tmp_path / "rows.jsonl", GOOD))
    write_trees(tmp_path / "trees", [tree])
    shard = tmp_path / "trees/trees-00000.jsonl"
    shard.write_text(shard.read_text().replace('"rejected": "1"', '"rejected": "7"'))
    with pytest.raises(InputError, match="a pair names the node '7'"):
        list(TreeSet.open(tmp_path / "trees"))


def test_no_two_forms_of_ours_know_rows_by_the_same_keys():
    known = [keys for offer in installed().offers("formats").values() for keys in offer.load().keys]
    assert len(known) == len(set(known))
    assert Conversations.keys[0] == {"messages"}


class TestPreferenceRows(FormatContract):
    def part(self):
        return PreferenceRows()

    def rows(self):
        return [GOOD]


class TestConversations(FormatContract):
    def part(self):
        return Conversations()

    def rows(self):
        return [{"messages": [USER, YES]}, {"prompt": "Is 7 odd?", "completion": "Yes."}]


class TestUltraInteractPairs(FormatContract):
    def part(self):
        return UltraInteractPairs()

    def rows(self):
        return [ultrainteract(2, ["No.", WRONG]), ultrainteract(1)]


class TestUltraInteractActions(FormatContract):
    def part(self):
        return UltraInteractActions()

    def rows(self):
        row = {"id": "a_1_1", "parent_id": "tree", "task": "Logic", "dataset": "toy"}
        return [row | {"instruction": PROMPT, "response": "Yes."}]


class TestUltraFeedback(FormatContract):
    def part(self):
        return UltraFeedback()

    def rows(self):
        scored = [{"response": text, "fine-grained_score": score} for text, score in (("a", 4), ("b", 2.5))]
        return [{"instruction": "Q", "completions": scored}]


def lenient(text):
    """Read the examples of the released README: comments, raw line breaks and cut ends within JSON."""
    import re

    for block in re.split(r"\n\s*\n(?=\{)", text):
        yield dict(re.findall(r'"(id|parent_id|task|dataset|instruction)": "((?:[^"\\]|\\.)*)"', block, re.DOTALL))


@pytest.mark.realdata
def test_the_released_readmes_examples_keep_their_prompts(realdata, tmp_path):
    rows = [
        row for row in lenient((realdata / "ultrainteract_readme_examples.jsonc").read_text()) if "instruction" in row
    ]
    assert len(rows) == 2  # the third's is cut inside the text
    for row in rows:
        row = {key: json.loads(f'"{value}"', strict=False) for key, value in row.items()} | {
            "response": "Step 1: Done."
        }
        (tree,) = open_trees(write(tmp_path / "rows.jsonl", row))
        assert history(tree, None)[0].content == row["instruction"]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "found", "bad"),
    [
        ("ultrafeedback/train_clean.jsonl.gz", 994, 6),
        ("ultrafeedback/eval_clean.jsonl.gz", None, None),
        ("pref_chat/dpo_en_demo.json.gz", 295, 0),
        ("pref_chat/hh_harmless_base_test.jsonl.gz", 2299, 13),
    ],
)
def test_public_preference_rows_are_read(realdata, file, found, bad):
    refused = []
    trees = list(read_rows([realdata / file], on_bad=refused.append))
    assert not any(disorder(tree) for tree in trees)
    if found is not None:
        assert sum(len(pairs(tree)) for tree in trees) == found
        assert len(refused) == bad


def test_rows_that_fill_more_than_memory_is_given_make_the_same_trees(tmp_path, monkeypatch):
    rows = [ultrainteract(1, chosen=f"{n}", parent=f"tree {n % 7}") for n in range(50)]
    file = write(tmp_path / "pairs.jsonl", *rows)
    found = list(open_trees(file))
    assert [len(pairs(tree)) for tree in found] == [8, *[7] * 6]
    monkeypatch.setattr(fragments, "IN_MEMORY_BYTES", 100)
    assert list(open_trees(file)) == found


def test_text_of_rows_waits_on_disk(tmp_path, monkeypatch):
    file = write(tmp_path / "pairs.jsonl", *(ultrainteract(1, chosen="x" * 50_000, parent=f"{n}") for n in range(300)))
    monkeypatch.setattr(fragments, "IN_MEMORY_BYTES", 1 << 16)
    tracemalloc.start()
    assert sum(1 for _ in open_trees(file)) == 300
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < file.stat().st_size / 5
