"""Models by reference, on the tiny model and a hub that a local server plays."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eurus_core import models
from eurus_core.errors import ModelError
from eurus_core.models import keep_template_hash
from eurus_core.records import Message


@pytest.fixture(scope="module")
def tiny() -> Path:
    return Path(models.find_source("tiny").location)


def test_tiny_is_a_folder_that_is_made_once_and_found_again(tiny: Path) -> None:
    assert (tiny / "config.json").is_file()
    assert models.find_source("tiny").location == str(tiny)
    assert models.find_source(str(tiny)).location == str(tiny)


def test_tiny_is_the_same_wherever_it_is_made(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EURUS_CACHE", str(tmp_path))
    again = Path(models.find_source("tiny").location)
    assert again.parent.parent == tmp_path
    assert models.weights_hash(again) == models.weights_hash(tiny)
    assert (again / "tokenizer.json").read_bytes() == (tiny / "tokenizer.json").read_bytes()
    assert not list(again.parent.glob(".tiny*"))  # nothing half-made is left behind


def test_tiny_is_the_same_whatever_device_and_dtype_are_the_default(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EURUS_CACHE", str(tmp_path))
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("meta"):
            again = Path(models.find_source("tiny").location)
        assert torch.get_default_dtype() == torch.bfloat16
    finally:
        torch.set_default_dtype(torch.float32)
    assert models.weights_hash(again) == models.weights_hash(tiny)


def test_two_processes_that_want_a_model_make_it_once(tmp_path: Path) -> None:
    program = (
        "import eurus_core.models.built_in as cache, pathlib, time\n"
        "def make(folder):\n"
        "    (folder / 'made').write_text('x'); time.sleep(0.3)\n"
        "    with open(cache.cache_folder() / 'count', 'a') as f: f.write('made ')\n"
        "print(cache._made_once('thing', make))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program], env={"EURUS_CACHE": str(tmp_path)}, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    folders = {process.communicate()[0] for process in running}
    assert folders == {f"{tmp_path}/models/thing\n".encode()}
    assert (tmp_path / "count").read_text() == "made "


def test_a_failed_making_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eurus_core.models import built_in

    monkeypatch.setenv("EURUS_CACHE", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        built_in._made_once("thing", fail)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["thing.lock"]


@given(st.text())
def test_the_tiny_tokenizer_gives_every_text_back(text: str) -> None:
    tokenizer = models.load_tokenizer("tiny")
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_a_prompt_ends_where_the_assistant_begins_and_special_tokens_stand_once() -> None:
    tokenizer = models.load_tokenizer("tiny")
    text = tokenizer.decode(models.prompt_ids(tokenizer, [Message("user", "Hi")]))
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_a_model_without_chat_template_says_so() -> None:
    tokenizer = models.load_tokenizer("tiny")
    tokenizer.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        models.prompt_ids(tokenizer, [Message("user", "Hi")])


def test_tiny_ends_its_turns_with_its_end_token() -> None:
    model, tokenizer = models.load_causal_lm("tiny", dtype="float32"), models.load_tokenizer("tiny")
    assert tokenizer.eos_token == "<|im_end|>"
    assert model.generation_config is not None
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.config.vocab_size == len(tokenizer)
    assert str(model.dtype) == "torch.float32"
    assert not model.training


def test_names_of_models_are_short(tmp_path: Path) -> None:
    folder = tmp_path / "sft" / "model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert models.model_name(str(folder)) == "sft"
    assert models.model_name("tiny") == "tiny"
    assert models.model_name("org/name") == "org/name"


def test_the_hash_of_weights_follows_their_content(tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    assert models.weights_hash(copy) == models.weights_hash(tiny)
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert models.weights_hash(copy) != models.weights_hash(tiny)


def test_an_unknown_reference_suggests_a_known_one() -> None:
    with pytest.raises(ModelError, match="Did you mean 'smollm2'"):
        models.find_source("smolm2")
    with pytest.raises(ModelError, match="neither a folder with config.json nor a hub id"):
        models.find_source("/no/such/folder")


def test_a_folder_without_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        models.find_source(str(tmp_path))


def test_a_folder_whose_weights_are_missing_says_so(tiny: Path, tmp_path: Path) -> None:
    shutil.copy(tiny / "config.json", tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        models.load_causal_lm(str(tmp_path))
    with pytest.raises(ModelError, match=r"no \*\.safetensors"):
        models.weights_hash(tmp_path)


def test_a_hub_id_may_name_a_revision() -> None:
    source = models.find_source("owner/name@v1.0")
    assert source == models.ModelSource("owner/name", revision="v1.0")


class _Hub(http.server.BaseHTTPRequestHandler):
    """Answers as the hub does: the header X-Error-Code tells what is wrong."""

    def do_GET(self) -> None:
        answers = {"owner/gated": (403, "GatedRepo"), "owner/missing": (404, "RepoNotFound")}
        status, code = next((a for name, a in answers.items() if name in self.path), (500, "Broken"))
        body = json.dumps({"error": code}).encode()
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield url
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("ref", "advice"),
    [
        ("owner/gated", "owner/gated is gated. Accept its licence"),
        ("owner/missing", "The hub has no model 'owner/missing'"),
        ("owner/broken", "the hub cannot be reached"),
    ],
)
def test_each_refusal_of_the_hub_says_what_to_do(hub: str, ref: str, advice: str) -> None:
    with pytest.raises(ModelError) as refused:
        models.load_tokenizer(ref)
    assert advice in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unreachable_hub_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused at once
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(ModelError, match="the hub cannot be reached"):
        models.load_causal_lm("owner/name")


def test_importing_the_room_imports_no_torch() -> None:
    program = "import sys, eurus_core.models, eurus_core.models.built_in, eurus_core.models.loading; print({'torch', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.slow
def test_smollm2_converts_with_its_end_of_turn_and_chat_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gguf")
    monkeypatch.setenv("EURUS_CACHE", str(tmp_path))
    model, tokenizer = models.load_causal_lm("smollm2", dtype="float32"), models.load_tokenizer("smollm2")
    assert sum(weights.numel() for weights in model.parameters()) == 134_515_008
    assert tokenizer.eos_token == "<|im_end|>"
    assert model.generation_config is not None
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert tokenizer.convert_ids_to_tokens(tokenizer("48")["input_ids"]) == ["4", "8"]  # digits one by one
    prompt = str(tokenizer.decode(models.prompt_ids(tokenizer, [Message("user", "Hi")])))
    assert prompt.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")


def _as_bert(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "bert", "hidden_size": 128}))


def _narrower(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 64}))


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_as_bert, "lack .* tensors of its architecture"),
        (_narrower, "do not fit its config.json"),
        (_cut, "cannot be loaded from"),
        (lambda folder: (folder / "config.json").write_text("[]"), "cannot be loaded from"),
    ],
    ids=["another architecture", "other sizes", "cut off", "no object"],
)
def test_a_model_whose_files_do_not_fit_is_refused_and_never_filled_up_with_random_weights(
    tiny: Path, tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    shutil.copytree(tiny, tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(ModelError, match=says):
        models.load_causal_lm(str(tmp_path / "model"))


def test_a_chat_template_that_fails_is_refused_with_the_tokenizer(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "model")
    (tmp_path / "model/chat_template.jinja").write_text("{% for message in %}")
    with pytest.raises(ModelError, match="tokenizer of .* cannot be loaded"):
        models.load_tokenizer(str(tmp_path / "model"))


def test_a_template_other_than_the_one_trained_with_is_warned_of_once(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    keep_template_hash(models.load_tokenizer(str(folder)), folder)
    models.load_tokenizer(str(folder))
    assert not caplog.records
    template = folder / "chat_template.jinja"
    before, after = template.read_text(), template.read_text() + "{# changed #}"
    template.write_text(after)
    for _ in range(2):
        models.load_tokenizer(str(folder))
    (record,) = caplog.records
    hashes = [hashlib.sha256(text.encode()).hexdigest()[:12] for text in (before, after)]
    assert (
        f"{folder} was trained with another chat template (SHA-256 {hashes[0]} in eurus.json) than its tokenizer has ({hashes[1]})"
        in record.getMessage()
    )


@pytest.mark.parametrize("about", ["", "[]", "{}", '{"chat_template": null}'])
def test_of_a_model_from_elsewhere_no_template_is_known(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, about: str
) -> None:
    shutil.copytree(tiny, tmp_path / "model")
    (tmp_path / "model/eurus.json").write_text(about)
    models.load_tokenizer(str(tmp_path / "model"))
    assert not caplog.records
