"""Several processes on one model: the numbers of one process, shards in place of the whole, no orphans, and a run that goes on."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from eurus_core.models import fetch, load_config, load_tokenizer
from eurus_core.records.tree_set import write_trees

pytestmark = pytest.mark.slow

EURUS = [sys.executable, "-m", "eurus_core"]
SECONDS = 500

SETTINGS = {
    "model": "tiny",
    "objective": "nca",
    "learning_rate": 1e-3,
    "precision": "float32",
    "trees_per_step": 4,
    "forest_tokens": 200,
}
POLICIES = {
    "nca": {},
    "kto": {"objective": "kto"},
    "experts": {"model": "tiny-moe"},
    "tied": {"model": "TIED", "reference": "tiny"},
    "lora": {"lora": {"rank": 4}},
    "bfloat16": {"precision": "bfloat16"},
    "best": {"heldout": 3, "eval_steps": 1, "keep": "best"},
}
REWARDS = {
    "begun": {"objective": "bt+dr"},
    "continued": {"objective": "bt+dr", "model": "REWARD"},
    "adapted": {"objective": "bt+dr", "lora": {"rank": 4}, "gradient_checkpointing": True},
}
SHARED = ["ddp", "fsdp", "zero2", "zero3"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("several")


@pytest.fixture(scope="module")
def surroundings(_own_cache):
    told = {**os.environ, "OMP_NUM_THREADS": "1", "EURUS_CACHE": str(_own_cache)}
    return {name: value for name, value in told.items() if name not in ("RANK", "WORLD_SIZE")}


@pytest.fixture(scope="module")
def trees(place, make_tree):
    write_trees(place / "trees", [make_tree(n) for n in range(2, 12)])
    return place / "trees"


@pytest.fixture(scope="module")
def tied(place):
    """A model whose head is its embeddings."""
    config = load_config("tiny")
    config.tie_word_embeddings = True
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(config).save_pretrained(place / "tied")
    load_tokenizer("tiny").save_pretrained(place / "tied")
    return place / "tied"


@pytest.fixture(scope="module")
def reward(place):
    """A reward model with a head of its own."""
    torch.manual_seed(2)
    kind = transformers.AutoModelForSequenceClassification
    kind.from_pretrained(fetch("tiny"), num_labels=1).save_pretrained(place / "reward")
    load_tokenizer("tiny").save_pretrained(place / "reward")
    return place / "reward"


@pytest.fixture(scope="module")
def carried_out(place, trees, tied, reward, surroundings):
    """Return what carries out stages of one kind, all in one run, and returns its folder; each run once."""
    done = {}

    def run(kind, stages, parallel=None):
        out = place / f"{kind}-{parallel}"
        if out not in done:
            tables = {
                name: {**SETTINGS, "stage": kind, "trees": str(trees), "parallel": parallel or "ddp", **settings}
                for name, settings in stages.items()
            }
            text = json.dumps(tables).replace("TIED", str(tied)).replace("REWARD", str(reward))
            recipe = place / f"{out.name}.toml"
            recipe.write_text("".join(toml(name, table) for name, table in json.loads(text).items()))
            command = ["train", "run"] if kind == "train" else ["rm", "train"]
            words = [*EURUS, *command, str(recipe), "--out", str(out), "--processes", "2" if parallel else "1"]
            done[out] = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=SECONDS)
        assert done[out].returncode == 0, done[out].stderr
        return out

    return run


def toml(name, table):
    def value(of):
        return (
            "{ " + ", ".join(f"{k} = {value(v)}" for k, v in of.items()) + " }"
            if isinstance(of, dict)
            else json.dumps(of)
        )

    return f"[{name}]\n" + "".join(f"{key} = {value(of)}\n" for key, of in table.items())


def rows(stage):
    return [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]


def weights(stage):
    """Return what transformers loads from a stage's model as the class that its configuration names."""
    kind = getattr(transformers, load_config(str(stage / "model")).architectures[0])
    model, info = kind.from_pretrained(stage / "model", dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    return model.state_dict()


def need(parallel):
    if parallel.startswith("zero") and importlib.util.find_spec("deepspeed") is None:
        pytest.skip("needs deepspeed")


def compare(stage, alone, *, loss=1e-5, norm=1e-4, apart=1e-3):
    """Compare what two stages measured at each step and the weights they ended with.

    Adam's first steps have the size of the learning rate whatever the gradient's: noise decides signs of tiny ones.
    """
    found, expected = rows(stage), rows(alone)
    assert len(found) == len(expected)
    for row, other in zip(found, expected, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], abs=loss)
        assert row["grad_norm"] == pytest.approx(other["grad_norm"], rel=norm)
        assert row["margin"] == pytest.approx(other["margin"], abs=loss)
        assert row["unique_tokens"] == other["unique_tokens"]
        assert row.get("heldout_loss", 0) == pytest.approx(other.get("heldout_loss", 0), abs=loss)
    found, expected = weights(stage), weights(alone)
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], weight, atol=apart) for name, weight in expected.items())


@pytest.mark.parametrize("parallel", SHARED)
@pytest.mark.parametrize("name", [name for name in POLICIES if name != "bfloat16"])
def test_two_processes_give_the_numbers_and_weights_of_one(carried_out, parallel, name):
    need(parallel)
    compare(carried_out("train", POLICIES, parallel) / name, carried_out("train", POLICIES) / name)


@pytest.mark.parametrize("parallel", SHARED)
def test_bfloat16_products_give_the_numbers_of_one_process_as_far_as_they_are_exact(carried_out, parallel):
    need(parallel)
    together, alone = carried_out("train", POLICIES, parallel), carried_out("train", POLICIES)
    compare(together / "bfloat16", alone / "bfloat16", loss=2e-2, norm=2e-2, apart=5e-3)
    assert rows(together / "bfloat16")[0]["grad_norm"] != rows(together / "nca")[0]["grad_norm"]


@pytest.mark.parametrize("parallel", ["ddp", "fsdp", "zero3"])
@pytest.mark.parametrize("name", REWARDS)
def test_a_reward_model_learns_alike_in_two_processes(carried_out, parallel, name):
    need(parallel)
    together, alone = carried_out("train-reward", REWARDS, parallel), carried_out("train-reward", REWARDS)
    compare(together / name, alone / name)


LOADING = """
import gc, json, re, sys
from pathlib import Path
import torch
from eurus_train.forest.layout import nothing
from eurus_train.forest.likelihood import scored_logprobs
from eurus_train.learning import ranks, sharding
from eurus_train.learning.stage import Train

def megabytes(what):
    return int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

def begin(model):
    settings = {"model": model, "trees": ".", "objective": "sft", "learning_rate": 1e-3, "parallel": sys.argv[2]}
    return Train.model_validate({**settings, "lora": {"rank": 4}}).begin(0)

def ask(model):
    stage = Train.model_validate({"model": model, "trees": ".", "objective": "sft", "learning_rate": 1, "parallel": sys.argv[2]})
    with sharding.asked(stage.load, sys.argv[2], "float32") as model, torch.no_grad():
        scored_logprobs(model, nothing())

ranks.join()
begin("tiny"), ask("tiny")
Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins here
before = megabytes("VmRSS")
ask(sys.argv[1])
gc.collect()
asked = megabytes("VmRSS") - before
Path("/proc/self/clear_refs").write_text("5")
before = megabytes("VmRSS")
model = begin(sys.argv[1])
found = ranks.all_gather((megabytes("VmHWM") - before, asked))
if ranks.is_main():
    print(json.dumps(found))
ranks.leave()
"""


LEARNING = """
import gc, sys
from pathlib import Path
from transformers import PreTrainedModel
from eurus_core.stages import Context
from eurus_train.learning import ranks
from eurus_train.learning.stage import Train

ranks.join()
settings = {"model": "tiny", "objective": "sft", "learning_rate": 1e-3, "max_steps": 1, "precision": "float32"}
stage = Train.model_validate({**settings, "trees": sys.argv[1], "parallel": sys.argv[2]})
stage.run(Context(Path(sys.argv[3]), name="train", seed=0))
gc.collect()
found = ranks.all_gather(sum(isinstance(one, PreTrainedModel) for one in gc.get_objects()))
if ranks.is_main():
    print(found)
ranks.leave()
"""
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d"]
TORCHRUN += ["--rdzv-endpoint=localhost:0", "--no-python", sys.executable, "-c"]


@pytest.mark.parametrize("parallel", ["ddp", "fsdp", "zero3"])
def test_a_stage_leaves_no_model_in_memory_for_the_next_one(trees, surroundings, tmp_path, parallel):
    need(parallel)
    words = [*TORCHRUN, LEARNING, str(trees), parallel, str(tmp_path)]
    done = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[0, 0]"


@pytest.fixture(scope="module")
def heavy(place):
    """A model of 300 MB in float32, none of its tensors above 4 MB; saved in bfloat16, else it would be mapped, not read."""
    config = load_config("tiny")
    config.hidden_size, config.intermediate_size, config.num_hidden_layers = 512, 2048, 18
    config.num_attention_heads = config.num_key_value_heads = 8
    config.head_dim = 64
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(place / "heavy")
    load_tokenizer("tiny").save_pretrained(place / "heavy")
    return place / "heavy"


@pytest.mark.parametrize(("parallel", "least", "most"), [("ddp", 0.9, 3.0), ("fsdp", 0.4, 0.75), ("zero3", 0.4, 0.75)])
def test_a_rank_loads_its_shards_alone(heavy, surroundings, parallel, least, most):
    """In parts of the whole model: a copy holds all, a shard of two half. The first rank may read the whole."""
    need(parallel)
    whole = 2 * (heavy / "model.safetensors").stat().st_size / 2**20
    assert whole > 250
    at_once = {**surroundings, "MALLOC_MMAP_THRESHOLD_": "65536"}  # what is freed goes back to the system
    done = subprocess.run(
        [*TORCHRUN, LOADING, str(heavy), parallel], env=at_once, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    _, (begun, asked) = json.loads(done.stdout.splitlines()[-1])
    print(whole, done.stdout)
    assert least < begun / whole < most
    assert asked / whole < 0.2


@pytest.fixture
def command(trees, surroundings):
    """Return what gives the words of a run by settings alone."""

    def words(out, *, processes=2, **settings):
        values = {**SETTINGS, "trees": str(trees), **settings}
        sets = [word for name, value in values.items() for word in ("--set", f"{name}={json.dumps(value)}")]
        return [*EURUS, "train", "run", *sets, "--out", str(out), "--processes", str(processes)]

    return words


@pytest.mark.parametrize("parallel", ["ddp", "fsdp", "zero3"])
def test_a_killed_group_leaves_no_process_and_goes_on_to_the_same_bits(command, surroundings, place, parallel):
    need(parallel)
    settings = {"parallel": parallel, "save_steps": 2, "max_steps": 8}
    undisturbed, out = place / f"undisturbed-{parallel}", place / f"killed-{parallel}"
    for stopped in (False, True):
        if stopped:
            started = subprocess.Popen(command(out, **settings), env=surroundings, stderr=subprocess.DEVNULL)
            until(lambda: list(out.glob(".partial/*/checkpoints/checkpoint-*/complete")))
            started.send_signal(signal.SIGKILL)
            started.wait()
            until(lambda: not running(out), seconds=60)
        words = command(out if stopped else undisturbed, **settings)
        done = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
    one, other = weights(undisturbed / "train"), weights(out / "train")
    assert all(torch.equal(one[name], weight) for name, weight in other.items())


@pytest.mark.parametrize("parallel", SHARED)
def test_references_of_two_processes_are_what_the_policy_says_before_its_first_step(
    command, surroundings, place, parallel
):
    need(parallel)
    out = place / f"references-{parallel}"
    words = command(out, parallel=parallel, precision="bfloat16", objective="kto", max_steps=1)
    done = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    (row,) = rows(out / "train")
    assert (row["rewards_chosen"], row["rewards_rejected"], row["kl"]) == (0, 0, 0)


def test_an_interrupted_group_says_so_once(command, surroundings, place):
    out = place / "interrupted"
    started = subprocess.Popen(command(out, max_steps=500), env=surroundings, stderr=subprocess.PIPE, text=True)
    until(lambda: list(out.glob(".partial/*/metrics.jsonl")))
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "Traceback" not in said
    until(lambda: not running(out), seconds=60)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["stages"][0]["status"] == "interrupted"


DIVERGES = {"objective": "sft", "learning_rate": 1e38, "warmup_ratio": 0, "max_steps": 3}


@pytest.mark.parametrize("mistake", [{"max_length": 8}, DIVERGES], ids=["of rows", "of one rank's loss"])
def test_a_mistake_is_told_once(command, surroundings, place, mistake):
    words = command(place / f"mistake-{len(mistake)}", **mistake)
    done = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 2
    assert done.stderr.count("eurus: ") == 1
    assert "Traceback" not in done.stderr


def test_a_process_that_is_killed_is_told_in_a_line(command, surroundings, place):
    out = place / "one-killed"
    started = subprocess.Popen(command(out, max_steps=500), env=surroundings, stderr=subprocess.PIPE, text=True)
    until(lambda: started.poll() is not None or list(out.glob(".partial/*/metrics.jsonl")))
    (second,) = [one for one in running(out) if b"\0RANK=1\0" in Path(f"/proc/{one}/environ").read_bytes()]
    os.kill(int(second), signal.SIGKILL)
    _, said = started.communicate(timeout=SECONDS)
    assert started.returncode == 2
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("eurus: process 1 of 2 was ended by SIGKILL")
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["stages"][0]["status"] in ("failed", "interrupted")  # by the one who is gone, or by who noticed


def until(condition, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def running(out):
    """Return the processes whose command names the run folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(out).encode() in one.read_bytes():
                found.append(one.parent.name)
        except OSError:
            continue
    return found
