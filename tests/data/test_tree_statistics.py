import json

from eurus_core.records import Action, Critique, Node, PreferenceTree, Problem, Verdict
from eurus_core.treeset import write_trees
from eurus_data.statistics import Counts, telling


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
    assert telling([]) is None


def test_withheld_critiques_are_counted_where_there_are_any():
    leaky = Node("0", None, 1, Action("x"), Verdict("incorrect"), critique=Critique("", "critic", leaks=True))
    assert Counts([tree("leaky", leaky)]).figures()["critiques withheld for giving the answer away"] == 1


def test_the_tree_to_draw_ends_right_after_several_turns():
    assert telling([ONE, TWO, NONE]) is TWO
    assert telling([ONE, NONE]) is None


def test_stats_prints_tables_for_eyes_and_json_for_programs(eurus, tmp_path):
    write_trees(tmp_path / "trees", [TWO, ONE, NONE])
    seen = eurus("data", "stats", str(tmp_path / "trees"))
    assert seen.returncode == 0, seen.stderr
    assert "pairs: 3" in seen.stdout
    assert "Actions by actor" in seen.stdout
    found = json.loads(eurus("data", "stats", str(tmp_path / "trees"), "--json").stdout)
    assert found["figures"]["pairs"] == 3
    assert found["tables"][0]["name"] == "Actions and pairs by turn"


def test_stats_of_a_folder_that_holds_no_trees_is_one_line(eurus, tmp_path):
    seen = eurus("data", "stats", str(tmp_path))
    assert seen.returncode == 2
    assert "no tree set here" in seen.stderr
    assert len(seen.stderr.splitlines()) == 1


def test_labels_that_are_none_are_counted_where_there_are_any():
    by_itself = Node("0", None, 1, Action("a"), Verdict("correct", trusted=False))
    by_a_judge = Node("1", None, 1, Action("b"), Verdict("incorrect", judged_by="a model"))
    figures = Counts([tree("three", by_itself, by_a_judge, node("2", "incorrect"))]).figures()
    assert figures["pairs"] == 0
    assert figures["correct actions that are no label, since their own code could have shaped the verdict"] == 1
    assert figures["actions that a model judged, which make no pair"] == 1
