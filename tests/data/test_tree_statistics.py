import json
from dataclasses import replace

from eurus_core.records import Action, Critique, Node, PreferenceTree, Problem, Verdict
from eurus_core.records.tree_set import write_trees
from eurus_data.audits.counts import Counts, telling


def node(
    name: str, outcome: str, *, actor: str = "policy", assisted: bool = False, schema: str = "none", tokens: int = 10
):
    parent = name.rpartition(".")[0] or None
    action = Action(f"text of {name}", actor=actor, assisted=assisted, schema=schema, tokens=tokens)
    return Node(name, parent, name.count(".") + 1, action, Verdict(outcome))


def tree(name: str, *nodes: Node) -> PreferenceTree:
    return PreferenceTree(Problem(name, "Math_PoT", "Sums", "?"), nodes)


# Two turns: turn 1 has 1 correct and 2 wrong (2 pairs), turn 2 an assisted correct and 1 unparsed (1 pair).
TWO = tree(
    "two",
    node("0", "correct", schema="cot"),
    node("1", "incorrect"),
    node("2", "incorrect", tokens=40),
    node("1.0", "unparsed"),
    node("1.1", "correct", actor="reference", assisted=True, schema="modular"),
)
ONE = tree("one", node("0", "limit"), node("1", "correct"))  # our own cap makes no pair
NONE = tree("none", node("0", "timeout"))


def test_totals_are_counted():
    assert Counts([TWO, ONE, NONE]).figures() == {
        "trees": 3,
        "trees with a correct action": 2,
        "nodes": 8,
        "correct actions": 3,
        "pairs": 3,
        "share of pairs with an assisted chosen": 1 / 3,
        "tokens in nodes": 110,
    }


def test_turns_are_counted_apart_and_together():
    table = Counts([TWO, ONE, NONE]).by_turn()
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["turn"] for row in rows] == [1, 2, "all"]
    assert [row["nodes"] for row in rows] == [6, 2, 8]
    assert [row["correct"] for row in rows] == [2, 1, 3]
    assert [row["pairs"] for row in rows] == [2, 1, 3]
    assert [row["assisted chosen, % of pairs"] for row in rows] == [0.0, 100.0, 33.3]
    assert [row["assisted, % of correct"] for row in rows] == [0.0, 100.0, 33.3]
    assert [(row["timeout"], row["limit"], row["unparsed"]) for row in rows] == [(1, 1, 0), (0, 0, 1), (1, 1, 1)]
    assert [(row["chain of thought"], row["modular"]) for row in rows] == [(1, 0), (0, 1), (1, 1)]


def test_actors_are_counted_apart():
    table = Counts([TWO]).by_actor()
    assert table.rows == (("policy", "no", 4, 1, 25.0, 17.5), ("reference", "yes", 1, 1, 100.0, 10.0))


def test_no_trees_give_empty_tables_and_no_division_by_zero():
    counts = Counts([])
    assert counts.figures()["share of pairs with an assisted chosen"] == 0.0
    assert counts.by_turn().rows == (("all", *[0] * 7, None, 0, None, 0, 0, 0),)
    assert telling([]) == []
    assert counts.origin() == ""


def test_withheld_critiques_are_counted_where_there_are_any():
    leaky = Node("0", None, 1, Action("x"), Verdict("incorrect"), critique=Critique("", "critic", leaks=True))
    assert Counts([tree("leaky", leaky)]).figures()["critiques withheld for giving the answer away"] == 1


def test_the_tree_to_draw_ends_right_after_several_turns():
    assert telling([ONE, TWO, NONE]) == [TWO]
    assert telling([ONE, NONE]) == []


def test_other_trees_to_draw_look_otherwise_as_far_as_there_are_such():
    again = replace(TWO, problem=Problem("again", "Math_PoT", "Sums", "?"))
    flat = tree("flat", node("0", "correct"), node("1", "incorrect"))
    assert telling([TWO, again, flat], most=2) == [TWO, flat]
    assert telling([TWO, again, flat], most=6) == [TWO, flat, again]


def test_where_correct_actions_came_from_is_said_where_most_were_assisted():
    written = [node(str(i), "correct", assisted=True) for i in range(3)]
    sampled = [node(str(i), "correct") for i in range(3, 6)]
    assert Counts([tree("all", *written)]).origin() == (
        "All 3 correct actions were assisted, written from ground truth; none was sampled from a model."
    )
    assert Counts([tree("most", *written, *sampled[:1])]).origin() == (
        "3 of 4 correct actions (75 %) were assisted, written from ground truth; 1 was sampled from a model."
    )
    assert Counts([tree("half", *written, *sampled)]).origin() == ""


def test_stats_prints_tables_for_eyes_and_json_for_programs(eurus, tmp_path):
    write_trees(tmp_path / "trees", [TWO, ONE, NONE])
    seen = eurus("data", "stats", str(tmp_path / "trees"))
    assert seen.returncode == 0, seen.stderr
    assert "pairs: 3" in seen.stdout
    assert "Actions by actor" in seen.stdout
    found = json.loads(eurus("data", "stats", str(tmp_path / "trees"), "--json").stdout)
    assert found["figures"]["pairs"] == 3
    assert found["tables"][0]["name"] == "Actions and pairs by turn"


def test_stats_of_a_run_or_a_stage_counts_each_of_its_tree_sets_by_name(eurus, tmp_path):
    run = tmp_path / "run"
    for name, trees in {"regrow": [TWO], "grow": [ONE, NONE]}.items():
        write_trees(run / name / "trees", trees)
    stages = [{"name": name, "fingerprint": "f"} for name in ("grow", "sft", "regrow")]
    (run / "manifest.json").write_text(json.dumps({"stages": stages}))
    seen = eurus("data", "stats", "run").stdout.splitlines()
    assert [line for line in seen if line.startswith(("run/", "trees: "))] == [
        "run/grow/trees",
        "trees: 2",
        "run/regrow/trees",
        "trees: 1",
    ]
    assert "trees: 1" in eurus("data", "stats", "run/regrow").stdout
    found = json.loads(eurus("data", "stats", "run", "--json").stdout)
    assert {name: one["figures"]["trees"] for name, one in found.items()} == {
        "run/grow/trees": 2,
        "run/regrow/trees": 1,
    }


def test_stats_of_rows_counts_the_trees_that_they_make(eurus, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "Is 7 odd?", "chosen": "Yes.", "rejected": "No."}\n')
    assert "pairs: 1" in eurus("data", "stats", "rows.jsonl").stdout


def test_stats_of_a_run_or_a_folder_that_holds_no_trees_is_one_line(eurus, tmp_path):
    (tmp_path / "run/sft").mkdir(parents=True)
    (tmp_path / "run/manifest.json").write_text('{"stages": [{"name": "sft", "fingerprint": "f"}]}')
    (tmp_path / "folder").mkdir()
    for path, said in (
        (
            "run",
            "run: this run has no tree set yet. Its stages are sft; trees are made by stages that grow or import them.",
        ),
        ("folder", "folder: holds neither a tree set nor rows"),
        ("nothing", "nothing: no such file or folder"),
    ):
        seen = eurus("data", "stats", path)
        assert (seen.returncode, len(seen.stderr.splitlines())) == (2, 1)
        assert said in seen.stderr


def test_labels_that_are_none_are_counted_where_there_are_any():
    by_itself = Node("0", None, 1, Action("a"), Verdict("correct", trusted=False))
    by_a_judge = Node("1", None, 1, Action("b"), Verdict("incorrect", judged_by="a model"))
    figures = Counts([tree("three", by_itself, by_a_judge, node("2", "incorrect"))]).figures()
    assert figures["pairs"] == 0
    assert figures["correct actions that are no label, since their own code could have shaped the verdict"] == 1
    assert figures["actions that a model judged, which make no pair"] == 1
