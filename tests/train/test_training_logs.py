"""The monitor of rewards on logs: ours, and those of TRL in the forms in which people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from eurus_core.errors import InputError, UserError
from eurus_train.commands import train
from eurus_train.monitoring.logs import read_log

STEPS = range(1, 21)


def falling(step: int) -> dict[str, float]:
    """What DPO did in the paper: both rewards fall, the margin grows."""
    return {"rewards/chosen": -0.05 * step, "rewards/rejected": -0.1 * step, "rewards/accuracies": 0.8}


def show(*arguments: object) -> Result:
    return CliRunner().invoke(train, ["monitor", *map(str, arguments)], catch_exceptions=False)


def test_the_state_of_a_trl_trainer_is_read_from_its_checkpoint(tmp_path: Path) -> None:
    history = [{"step": step, "loss": 0.5, **falling(step)} for step in STEPS]
    state = {"global_step": 20, "log_history": [*history, {"train_runtime": 3.5}]}
    (tmp_path / "trainer_state.json").write_text(json.dumps(state))
    rows = read_log(tmp_path)
    assert len(rows) == 20
    assert rows[-1]["rewards_chosen"] == -1.0
    assert rows[-1]["margin"] == 1.0  # -1.0 - -2.0
    shown = show(tmp_path).stdout
    # the first fifth is steps 1 to 4: -(0.05 + ... + 0.2) / 4 = -0.125; the last -(0.85 + ... + 1) / 4 = -0.925
    assert "chosen          -0.125 to -0.925" in shown
    assert "The margin grows only because both rewards fall" in shown


def test_of_all_checkpoints_of_trl_the_last_is_read(tmp_path: Path) -> None:
    for steps in (5, 20, 10):  # 5 is last by letters
        folder = tmp_path / f"checkpoint-{steps}"
        folder.mkdir()
        history = [{"step": step, **falling(step)} for step in range(1, steps + 1)]
        (folder / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    assert show(tmp_path).stdout.startswith(f"{tmp_path / 'checkpoint-20'}: 20 entries")


@pytest.mark.parametrize("quote", [repr, json.dumps], ids=["as Python prints them", "as JSON"])
def test_lines_that_transformers_printed_are_found_between_others(tmp_path: Path, quote) -> None:
    log = tmp_path / "out.log"
    lines = [quote({name: str(value) for name, value in falling(step).items()}) for step in STEPS]
    log.write_text("\n 10%|#    | 2/20 [00:01<00:09]\n".join(["Loading weights", *lines]))
    assert [row["rewards_chosen"] for row in read_log(log)] == [-0.05 * step for step in STEPS]


def test_our_own_curves_that_hold_up_are_nothing_to_warn_of(tmp_path: Path) -> None:
    rows = [
        {"step": s, "rewards_chosen": 0.01 * s, "rewards_rejected": -0.1 * s, "chosen_below_zero": 0.1} for s in STEPS
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "Nothing to warn of." in show(tmp_path).stdout
    told = json.loads(show(tmp_path, "--json").stdout)
    assert told["findings"] == []
    assert told["trends"]["chosen"]["end"] == pytest.approx(0.185)


def test_held_out_pairs_are_shown_with_their_interval(tmp_path: Path) -> None:
    rows = [{"step": s, "rewards_chosen": 0.01 * s, "rewards_rejected": 0.01 * s} for s in STEPS]
    rows[9] |= {"heldout_accuracy": 0.5, "heldout_pairs": 32}
    rows[19] |= {"heldout_accuracy": 0.8125, "heldout_pairs": 32}
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    *_, shown, said = show(tmp_path).stdout.splitlines()
    assert shown == "  held out        81.2 % [64.7, 91.1] of 32 held-out pairs are ranked right"
    assert said.startswith("  Some measurements tell which side is better, others cannot")
    (told,) = json.loads(show(tmp_path, "--json").stdout)["held out"]
    assert told["low"] == pytest.approx(0.647, abs=1e-3)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, 2]", b"{'loss': 0.5}", b"\xff\xfe", b"[" * 100_000])
def test_a_file_without_rewards_is_refused_with_what_is_needed(tmp_path: Path, content: bytes) -> None:
    log = tmp_path / "log"
    log.write_bytes(content)
    with pytest.raises(InputError, match="trainer_state.json"):
        read_log(log)


def test_logs_that_cannot_be_read_are_named_after_the_others(tmp_path: Path) -> None:
    (tmp_path / "bad.log").write_text("nothing")
    write_rewards(tmp_path / "good", 1.0)
    write_rewards(tmp_path / "better", 2.0)
    bad, gone = tmp_path / "bad.log", tmp_path / "gone"
    shown = CliRunner().invoke(train, ["monitor", *map(str, (bad, tmp_path / "good", gone, tmp_path / "better"))])
    assert [line for line in shown.stdout.splitlines() if "entries" in line] == [
        f"{tmp_path / 'good'}: 20 entries",
        f"{tmp_path / 'better'}: 20 entries",
    ]
    assert isinstance(shown.exception, UserError)  # which the launcher tells with exit status 2
    assert [line.partition(". ")[0] for line in str(shown.exception).splitlines()] == [
        f"{bad}: no rewards of chosen and rejected actions",
        f"{gone}: no such file or folder",
    ]


def test_a_few_steps_are_no_trend_whatever_they_seem_to_show(tmp_path: Path) -> None:
    lines = [json.dumps(falling(step)) for step in STEPS]
    (tmp_path / "short.log").write_text("\n".join(lines[:9]))
    (tmp_path / "long.log").write_text("\n".join(lines[:10]))
    assert "Fewer than 10 entries are no trend." in show(tmp_path / "short.log").stdout
    assert "both rewards fall" in show(tmp_path / "long.log").stdout


def test_a_folder_without_a_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no metrics\.jsonl"):
        read_log(tmp_path)


def begun(run: Path, *stages: str) -> None:
    """Write the manifest of a run, as :class:`eurus_core.runs.Run` does; fingerprints are f-NAME and so on to 64 letters."""
    entries = [{"name": name, "kind": "train", "fingerprint": f"f-{name}".ljust(64, "0")} for name in stages]
    run.mkdir()
    (run / "manifest.json").write_text(json.dumps({"stages": entries}))


def write_rewards(folder: Path, at_end: float) -> None:
    folder.mkdir(parents=True)
    rows = [{"step": s, "rewards_chosen": at_end * s / 20, "rewards_rejected": 0.0, "margin": 0.0} for s in STEPS]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_of_a_run_every_stage_that_logged_rewards_is_shown_finished_or_under_way(tmp_path: Path) -> None:
    run = tmp_path / "run"
    begun(run, "grow", "sft", "dpo", "nca", "kto")
    (run / "grow").mkdir()
    (run / "sft").mkdir()
    (run / "sft/metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    write_rewards(run / "dpo", -1.0)
    write_rewards(run / "nca", 5.0)  # of other settings: what is under way counts
    write_rewards(run / ".partial/nca-f-nca0000000", 1.0)
    (run / ".partial/dpo-f-dpo0000000/tokens").mkdir(parents=True)  # has not logged a step yet
    told = [json.loads(line) for line in show(run, "--json").stdout.splitlines()]
    assert [log["log"] for log in told] == [str(run / "dpo"), str(run / ".partial/nca-f-nca0000000")]
    assert [log["trends"]["chosen"]["end"] for log in told] == pytest.approx([-0.925, 0.925])


def test_of_a_run_the_other_stages_are_shown_where_one_log_cannot_be_read(tmp_path: Path) -> None:
    run = tmp_path / "run"
    begun(run, "dpo", "kto", "nca")
    for stage in ("dpo", "kto", "nca"):
        write_rewards(run / stage, 1.0)
    (run / "kto/metrics.jsonl").write_bytes(b"\xff")
    shown = CliRunner().invoke(train, ["monitor", str(run)])
    assert shown.stdout.count("20 entries") == 2
    assert str(shown.exception).startswith(f"{run / 'kto/metrics.jsonl'}: not text")


def test_a_run_without_rewards_is_refused_with_the_stages_that_began(tmp_path: Path) -> None:
    begun(tmp_path / "run", "grow", "sft", "dpo")
    (tmp_path / "run/grow").mkdir()
    (tmp_path / "run/sft").mkdir()
    with pytest.raises(UserError, match=r"no stage of this run has logged rewards yet \(begun: grow, sft\)"):
        show(tmp_path / "run")
