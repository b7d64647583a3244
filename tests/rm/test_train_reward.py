"""The stage ``train-reward``: it starts at the stated constant, learns, resumes, and leaves a plain classifier."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from eurus_core.errors import InputError
from eurus_core.models import load_tokenizer
from eurus_core.records import Action, Message, Node, Outcome, PreferenceTree, Problem, Verdict
from eurus_core.records.pairs import history
from eurus_core.records.tree_set import write_trees
from eurus_core.stages import Context
from eurus_core.stages.report import StageReport
from eurus_rm.loss_step import RewardLesson
from eurus_rm.model import RewardModel, load_reward_model, reward_model_from
from eurus_rm.objectives import BTDR
from eurus_rm.scorer import RewardScorer
from eurus_rm.stage import TrainReward
from eurus_train.data.chat import Chat
from eurus_train.data.examples import preferences
from eurus_train.data.tokenize import gather
from eurus_train.data.tree_tokens import Reading
from eurus_train.monitoring.metrics import Tally


def _tree(number: int) -> PreferenceTree:
    """Two turns: adding is right, taking away is wrong, and the wrong one is tried again."""
    a, b = 3 + number % 7, 2 + number % 5
    problem = Problem(
        f"p{number}", "Math_PoT", "toy", f"Case {number}. Sam has {a} apples and buys {b} more. How many?"
    )

    def node(name: str, text: str, outcome: Outcome) -> Node:
        parent = name.rpartition(".")[0] or None
        return Node(name, parent, name.count(".") + 1, Action(text=text, code=(text,)), Verdict(outcome))

    return PreferenceTree(
        problem,
        (
            node("0", f"print({a} + {b})", "correct"),
            node("1", f"print({a} - {b})", "incorrect"),
            node("2", f"x = {a}\nprint(x - {b})", "incorrect"),
            node("1.0", f"x = {a}\nprint(x + {b})  # now added", "correct"),
            node("1.1", f"x = {a}\nprint(x - {b})  # once more", "incorrect"),
        ),
    )


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("grown") / "trees"
    write_trees(folder, [_tree(number) for number in range(24)])
    return str(folder)


def _stage(trees: str, **settings: Any) -> TrainReward:
    defaults = {
        "model": "tiny",
        "trees": trees,
        "objective": "bt+dr",
        "learning_rate": 1e-3,
        "head_learning_rate": 1e-2,
        "trees_per_step": 4,
        "forest_tokens": 600,
        "precision": "float32",
    }
    return TrainReward.model_validate(defaults | settings)


def _run(stage: TrainReward, folder: Path, events: Callable[[dict[str, object]], None] | None = None) -> StageReport:
    folder.mkdir(exist_ok=True)
    context = Context(folder, name="reward", seed=1, events=events)
    stage.run(context)
    return context.report


@pytest.fixture(scope="module")
def learnt(trees: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[StageReport, Path]:
    folder = tmp_path_factory.mktemp("learnt")
    return _run(_stage(trees, heldout=8, max_steps=24), folder), folder / "model"


@pytest.mark.parametrize(("objective", "constant"), [("bt", math.log(2)), ("bt+dr", 3 * math.log(2))])
def test_the_first_loss_is_what_zero_rewards_cost(trees: str, tmp_path: Path, objective: str, constant: float) -> None:
    report = _run(_stage(trees, objective=objective, max_steps=1), tmp_path)
    assert report.figures["loss at step 1"] == pytest.approx(constant, abs=1e-5)
    assert report.figures["loss where every reward is 0"] == pytest.approx(constant)


def test_each_source_has_its_own_objective_as_in_the_paper(tmp_path: Path) -> None:
    """BT+DR on UltraInteract, BT on the others, in one training: 3 ln 2 and ln 2 at the start, and pairs across turns."""
    marked = [
        replace(tree, problem=replace(tree.problem, labels={"source": "UltraInteract"} if number % 2 else {}))
        for number, tree in enumerate(map(_tree, range(8)))
    ]
    write_trees(tmp_path / "trees", marked)
    routes = {"UltraInteract": "bt+dr", "default": "bt"}
    stage = _stage(str(tmp_path / "trees"), objective=routes, trees_per_step=8, max_steps=1, cross_turn_pairs=9)
    report = _run(stage, tmp_path / "out")
    (row,) = [json.loads(line) for line in (tmp_path / "out/metrics.jsonl").read_text().splitlines()]
    assert row["loss_source_UltraInteract"] == pytest.approx(3 * math.log(2), abs=1e-5)
    assert row["loss_source_toy"] == pytest.approx(math.log(2), abs=1e-5)
    assert row["loss"] == pytest.approx(2 * math.log(2), abs=1e-5)
    # two correct, three incorrect actions: 2 x 3 couples, three of them siblings
    assert (report.figures["cross-turn pairs"], report.figures["pairs"]) == (8 * 3, 8 * (3 + 3))
    assert "loss where every reward is 0" not in report.figures


def test_it_learns_what_tells_the_sides_apart(learnt: tuple[StageReport, Path]) -> None:
    report, _ = learnt
    assert report.figures["loss, mean of the last fifth"] < 1.0 < 3 * math.log(2)
    assert report.figures["held-out pairs"] == 24  # 8 problems, 2 pairs at turn 1 and 1 at turn 2
    assert report.figures["held-out accuracy"] > 0.9
    assert "below the 2.079" in report.notes[-1]


def test_the_report_shows_rewards_loss_accuracy_and_held_out_pairs(learnt: tuple[StageReport, Path]) -> None:
    report, _ = learnt
    assert [plot.name for plot in report.plots] == ["reward: rewards", "reward: loss", "reward: accuracy"]
    assert {line.label for line in report.plots[0].lines} == {"chosen", "rejected", "margin"}
    assert all(len(line.x) == 24 for plot in report.plots for line in plot.lines)
    (table,) = report.tables
    assert [row[:2] for row in table.rows] == [("all", 24), ("turn 1", 16), ("turn 2", 8)]
    assert report.figures["tokens of pairs per unique token"] > 2


def test_who_wrote_the_sides_is_told_of_training_and_of_held_out_pairs_apart(
    trees: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The second turn's correct action is written from ground truth: 1 of the 3 pairs of a tree, or 1 of 1 at that turn."""

    def assisted(tree: PreferenceTree) -> PreferenceTree:
        nodes = [replace(n, action=replace(n.action, assisted=n.id == "1.0")) for n in tree.nodes]
        return replace(tree, nodes=tuple(nodes))

    write_trees(tmp_path / "trees", [assisted(_tree(number)) for number in range(8)])
    report = _run(_stage(str(tmp_path / "trees"), heldout=2, max_steps=1), tmp_path / "mixed")
    assert report.figures["share of mixed pairs"] == pytest.approx(1 / 3)
    assert any(note.startswith("In 6 of 18 pairs (33 %) one side alone was written") for note in report.notes)
    rows = {row[0]: row[1] for row in report.tables[0].rows}
    assert (rows["all"], rows["sides of one author"], rows["assisted against sampled"]) == (6, 4, 2)
    assert any(note.startswith("Of held-out pairs whose sides have one author") for note in report.findings)
    alike = _run(_stage(str(tmp_path / "trees"), heldout=2, max_steps=1, mixed_pairs=False), tmp_path / "alike")
    assert (alike.figures["pairs"], alike.figures["held-out pairs"]) == (12, 4)
    assert "share of mixed pairs" not in alike.figures
    assert "assisted against sampled" not in {row[0] for row in alike.tables[0].rows}
    caplog.clear()
    second = [
        replace(tree, nodes=tuple(n for n in tree.nodes if n.id != "0")) for tree in map(assisted, map(_tree, range(4)))
    ]
    write_trees(tmp_path / "second", second)
    report = _run(_stage(str(tmp_path / "second"), heldout=1, max_steps=1), tmp_path / "second-out")
    assert "In 3 of 3 pairs (100 %) one side alone was written from ground truth" in caplog.text
    assert any(note.startswith("No held-out pair has sides of one author") for note in report.findings)


def test_a_model_that_ranks_held_out_pairs_no_better_than_chance_is_named(
    learnt: tuple[StageReport, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lone = [replace(tree, nodes=tree.nodes[:2]) for tree in map(_tree, range(4))]  # one pair each
    write_trees(tmp_path / "trees", lone)
    report = _run(_stage(str(tmp_path / "trees"), heldout=1, max_steps=1), tmp_path / "out")
    (low,) = [note for note in report.findings if "(n = 1): not known to be better than chance" in note]
    assert low in caplog.text
    assert any(
        note.startswith("Of held-out pairs ") and note.endswith(": better than chance.") for note in learnt[0].findings
    )


def test_the_scorer_prefers_what_was_rewarded(learnt: tuple[StageReport, Path]) -> None:
    _, model = learnt
    prompt = history(_tree(99), None)
    scores = RewardScorer(model=str(model)).load()
    right, wrong = scores.score_many([(prompt, ["print(4 + 6)", "print(4 - 6)"])])[0]
    assert right > 0 > wrong


def test_the_saved_model_reads_alike_in_transformers(learnt: tuple[StageReport, Path]) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    _, folder = learnt
    prompt = history(_tree(5), "1")
    scores = RewardScorer(model=str(folder)).load()
    (ours,) = scores.score_many([(prompt, ["print(1 + 1)"])])[0]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    assert tokenizer.pad_token_id == model.config.pad_token_id != tokenizer.eos_token_id
    chat = [{"role": m.role, "content": m.content} for m in (*prompt, Message("assistant", "print(1 + 1)"))]
    text = str(tokenizer.apply_chat_template(chat, tokenize=False)).removesuffix("\n")
    rows = tokenizer([text, "1"], add_special_tokens=False, padding=True, return_tensors="pt")
    with torch.no_grad():
        theirs = model(rows["input_ids"], attention_mask=rows["attention_mask"]).logits
    assert float(theirs[0]) == pytest.approx(ours, abs=1e-4)


class _Killed(BaseException):
    pass


def test_a_killed_run_ends_with_the_same_weights_as_an_undisturbed_one(trees: str, tmp_path: Path) -> None:
    stage = _stage(trees, max_steps=8, save_steps=3)
    _run(stage, tmp_path / "whole")

    def kill(event: dict[str, object]) -> None:
        if event.get("event") == "metrics" and event["step"] == 5:
            raise _Killed

    with pytest.raises(_Killed):
        _run(stage, tmp_path / "killed", events=kill)
    steps: list[object] = []
    report = _run(stage, tmp_path / "killed", events=lambda event: steps.append(event.get("step")))
    assert [step for step in steps if step] == [4, 5, 6, 7, 8]
    assert report.figures["steps"] == 8
    whole, resumed = (load_reward_model(str(tmp_path / name / "model")).state_dict() for name in ("whole", "killed"))
    assert whole.keys() == resumed.keys()
    for name, weights in whole.items():
        assert torch.equal(weights, resumed[name]), name


def test_head_and_body_have_learning_rates_of_their_own(trees: str) -> None:
    model = reward_model_from("tiny")
    body, head = _stage(trees).groups(model)
    assert (body["lr"], head["lr"]) == (1e-3, 1e-2)
    assert [weights.shape for weights in head["params"]] == [(1, 128)]
    assert len(body["params"]) + 1 == len(list(model.parameters()))


def test_defaults_are_the_papers(trees: str) -> None:
    stage = TrainReward.model_validate({"model": "tiny", "trees": trees, "objective": "bt+dr"})
    assert (stage.learning_rate, stage.warmup_ratio, stage.epochs) == (1e-5, 0.1, 1)


def test_a_forest_gives_the_losses_and_gradients_of_pairs_one_by_one() -> None:
    chat = Chat(load_tokenizer("tiny"))
    pairs = [pair for tree in gather(preferences, [_tree(0), _tree(1)], chat, Reading()).trees for pair in tree]
    assert len(pairs) == 6

    def graded(loss_of: Callable[[RewardModel], torch.Tensor]) -> tuple[float, list[torch.Tensor]]:
        model = reward_model_from("tiny").eval()
        torch.nn.init.normal_(model.head.weight, std=0.1, generator=torch.Generator().manual_seed(0))
        loss = loss_of(model)
        torch.autograd.backward(loss)
        return loss.item(), [weights.grad for weights in model.parameters() if weights.grad is not None]

    lesson = RewardLesson(BTDR(), "float32")

    def naive(model: RewardModel) -> torch.Tensor:
        def reward(tokens: Sequence[int]) -> torch.Tensor:
            ids = torch.tensor([tokens])
            logits: torch.Tensor = model.classifier(ids, attention_mask=torch.ones_like(ids)).logits
            return logits[0, 0]

        sides = [[reward([*side.history, *side.action]) for side in (pair.chosen, pair.rejected)] for pair in pairs]
        softplus = torch.nn.functional.softplus
        return torch.stack([softplus(r - c) + softplus(-c) + softplus(r) for c, r in sides]).sum()

    together, gradients = graded(lambda model: lesson.loss(model, lesson.plant(pairs), Tally()))
    apart, expected = graded(naive)
    assert together == pytest.approx(apart, rel=1e-5)
    assert len(gradients) == len(expected) == len(list(reward_model_from("tiny").parameters()))
    for got, wanted in zip(gradients, expected, strict=True):
        assert (got - wanted).norm() <= 1e-4 * wanted.norm()


def test_learning_goes_on_from_a_reward_models_head(
    learnt: tuple[StageReport, Path], trees: str, tmp_path: Path
) -> None:
    _, model = learnt
    report = _run(_stage(trees, model=str(model), max_steps=1), tmp_path)
    assert report.figures["loss at step 1"] < 1.0


def test_an_objective_on_policies_is_refused_by_name(trees: str) -> None:
    with pytest.raises(ValidationError, match="DPO learns a policy: use the stage train"):
        _stage(trees, objective="dpo")


def test_trees_without_pairs_are_refused_with_what_is_there(tmp_path: Path) -> None:
    tree = _tree(0)
    write_trees(tmp_path / "trees", [PreferenceTree(tree.problem, tree.nodes[:1])])
    with pytest.raises(InputError, match="no pair of a correct and an incorrect action after the same prompt"):
        _run(_stage(str(tmp_path / "trees")), tmp_path / "out")
