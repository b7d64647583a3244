from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eurus_core.records import Action, Node, Outcome, PreferenceTree, Problem, Verdict
from eurus_eval.report.drawing import ROW, lay_out

OUTCOMES: tuple[Outcome, ...] = ("correct", "incorrect", "unparsed", "limit")


@st.composite
def trees(draw: st.DrawFn) -> PreferenceTree:
    """Any tree of up to twenty nodes: stars, caterpillars and what lies between."""
    nodes: list[Node] = []
    for i in range(draw(st.integers(0, 20))):
        parent: Node | None = draw(st.sampled_from([None, *nodes]))
        outcome: Outcome = draw(st.sampled_from(OUTCOMES))
        turn = 1 if parent is None else parent.turn + 1
        nodes.append(Node(str(i), parent.id if parent else None, turn, Action(text=f"try {i}"), Verdict(outcome)))
    return PreferenceTree(Problem("p", "Math_PoT", "any", "How many?"), tuple(nodes))


@given(trees())
def test_no_two_nodes_overlap_and_turns_are_columns(tree: PreferenceTree) -> None:
    drawing = lay_out(tree)
    assert len(drawing.dots) == len(drawing.edges) == len(tree.nodes)
    columns: dict[int, list[float]] = {}
    for dot in drawing.dots:
        columns.setdefault(dot.node.turn, []).append(dot.y)
        assert 0 < dot.x < drawing.width
        assert 0 < dot.y < drawing.height
    for heights in columns.values():
        heights.sort()
        assert all(b - a > 0.999 * ROW for a, b in pairwise(heights))
    assert drawing.turns == tuple(30 + 148 * turn for turn in sorted({node.turn for node in tree.nodes}))


def test_a_caterpillar_has_a_straight_spine_with_correct_actions_above(three_turns: PreferenceTree) -> None:
    drawing = lay_out(three_turns)
    at = {dot.node.id: dot for dot in drawing.dots}
    assert at["1"].y == at["1.0"].y == drawing.root_y
    assert at["3"].y < at["1"].y < at["0"].y
    assert [dot.node.id for dot in drawing.dots if dot.expanded] == ["1", "1.0"]


def test_a_node_shows_its_answer_or_how_it_ended(three_turns: PreferenceTree) -> None:
    labels = {dot.node.id: dot.label for dot in lay_out(three_turns).dots}
    assert labels["1"] == "7"
    assert labels["0"] == "error"
