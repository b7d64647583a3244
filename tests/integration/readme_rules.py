"""How the READMEs' blocks are run and compared: what stands in for what, and which blocks are left alone, each with its reason.

What is shown beneath a command is compared by line. White space counts as one space. A line ``...`` stands for any lines, ``...`` in
a line for any characters. Words and whole numbers are equal. Times and rates may be any; other numbers with a decimal point were
measured, and may differ by a quarter or by 0.05. The precision that a machine is fast at, the tier of its sandbox, and the
program that started are the machine's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

COMMANDS = ("eurus", "make", "pip", "python", "source")
"""The first words of blocks of commands."""

_PLUGIN = "a file of the plugin: installed from the README by a test of its own"
_DRAWING = "a drawing"
LEFT_ALONE: dict[str, str] = {
    "README.md: Two commands": "16 minutes, and the tests themselves; test_demo.py runs the demo's stages on the tiny model",
    "README.md: A plugin of your own": _PLUGIN,
    "README.md: A plugin of your own (2)": _PLUGIN,
    "README.md: A plugin of your own (3)": _PLUGIN,
    "README.md: Eurus": _DRAWING,
    "README.md: Packages": _DRAWING,
    "packages/eurus-serve/README.md: Speed": "what a benchmark printed on another day: python benchmarks/generation.py",
    "packages/eurus-train/README.md: How it works": "several machines with GPUs, and public data",
}
"""Blocks that are not run here, and why."""

_TINY, _DRY = " --profile tiny", " --dry-run"
_BARE = '{ name = "python", preload = [] }'  # importing numpy and sympy is most of what a sandbox costs
IN_PLACE_OF: dict[str, tuple[tuple[str, str], ...]] = {
    # 16 minutes each with SmolLM2
    "README.md: Your own problems": ((" --set grow.problems=20", _TINY), ("mine.jsonl", "mine.jsonl" + _TINY)),
    "examples/eurus-simpo/README.md: eurus-simpo": (("objective.beta=2.5", "objective.beta=2.5" + _TINY),),
    # the first command reads public data
    "packages/eurus-train/README.md: The paper's recipes": (
        (".rows=UltraInteract_pair.jsonl", ".rows=examples/data/pairs.jsonl" + _DRY),
        (".rows=ultrafeedback/", ".rows=examples/data/pairs.jsonl"),
    ),
}
"""What a block says -> what is run, also by `make test-slow`."""

TWINS: dict[str, tuple[tuple[str, str], ...]] = {
    "": (("smollm2", "tiny"),),
    "README.md: Your own problems": ((_TINY, _TINY + _DRY),),
    "packages/eurus-data/README.md: eurus-data (2)": (
        (
            "--out runs",
            f"--set grow.problems=1 --set grow.turns=1 --set grow.actors.0.max_tokens=16 --set 'grow.tool={_BARE}' --out runs",
        ),
    ),
    "packages/eurus-eval/README.md: eurus-eval": (
        (_TINY, _TINY + "".join(f" --set '{stage}.tool={_BARE}'" for stage in ("base", "grow", "assist", "regrow"))),
    ),
    "examples/eurus-simpo/README.md: eurus-simpo": ((_TINY, _TINY + _DRY),),
}
"""What the fast tests put in the place of what takes long, in every block and in some. From there on in a README numbers are any."""

STUBS: dict[str, str] = {
    "grow": '[grow]\nstage = "grow"\nsource = "arithmetic"\nactors = [{ backend = "reference" }]\n',
    "sft": '[sft]\nstage = "train"\nmodel = "smollm2"\ntrees = "@grow"\nobjective = "sft"\nlearning_rate = 1e-4\n',
    "base": '[base]\nstage = "evaluate"\nsource = "arithmetic"\nbackend = { name = "transformers", model = "smollm2" }\n',
    "sft-accuracy": '[sft-accuracy]\nlike = "base"\nbackend = { model = "@sft" }\n',
    "samples": '[samples]\nlike = "base"\nsamples = 8\nsampling = { temperature = 0.8 }\n',
    "reward": '[reward]\nstage = "train-reward"\nmodel = "@sft"\ntrees = "@grow"\nobjective = "bt+dr"\nlearning_rate = 1e-4\n',
}
"""Stages that parts of recipes read from, in an order in which they can run."""

_TIME = r"(?:\d+ h )?(?:\d+ min )?\d+(?:\.\d+)? (?:s|min)\b"
_ANY = {  # each word, unlike any of a README -> what it stands for
    "<rate>": re.compile(rf"[\d.,]+ a second|{_TIME} each"),
    "<time>": re.compile(rf'{_TIME}|(?<="seconds": )[\d.e-]+'),
    "<speed>": re.compile(r"(?<=tokens_per_second )\d+|(?<=tokens a second )[\d.]+"),
    "<precision>": re.compile(r"\bb?float(?:16|32)\b"),
    "tier <tier>": re.compile(r"\btier T[23]\b"),
    '"tier": "<tier>"': re.compile(r'"tier": "T[23]"'),
}
_DIGITS = r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?"
_NUMBER = re.compile(rf"(?<![\w.]){_DIGITS}")


def difference(shown: Sequence[str], printed: Sequence[str], *, loose: bool = False) -> str:
    """Return in words how what was printed differs from what is shown; "" where it does not. ``loose``: numbers may be any."""
    if _lines_match([*shown], [*printed], loose):
        return ""
    return "\n".join(("shown:", *(f"  {line}" for line in shown), "printed:", *(f"  {line}" for line in printed)))


def _lines_match(shown: list[str], printed: list[str], loose: bool) -> bool:
    """Match by lines: ``reached`` holds how many printed lines the shown ones so far may stand for."""
    reached = {0}
    for line in shown:
        if line.strip() == "...":
            reached = set(range(min(reached), len(printed) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(printed) and matches(line, printed[at], loose=loose)}
    return len(printed) in reached


def matches(shown: str, printed: str, *, loose: bool = False) -> bool:
    """Say whether a printed line is as the shown one; see the module for the rules."""
    if shown == printed:
        return True
    shown, printed = _without_what_varies(shown), _without_what_varies(printed)
    numbers = _NUMBER.findall(shown)
    pieces = [_pattern(piece) for piece in _NUMBER.split(shown)]
    found = re.fullmatch(f"({_DIGITS})".join(pieces), printed)
    return found is not None and all(loose or _close(*pair) for pair in zip(numbers, found.groups(), strict=True))


def _without_what_varies(line: str) -> str:
    for word, pattern in _ANY.items():
        line = pattern.sub(word, line)
    return " ".join(line.split())


def _pattern(text: str) -> str:
    return ".*".join(map(re.escape, text.split("...")))


def _close(shown: str, printed: str) -> bool:
    """Say whether a number is near enough to the shown one: a whole number is equal."""
    if not re.search(r"[.e]", shown):
        return shown == printed
    a, b = (float(number.replace(",", "")) for number in (shown, printed))
    return abs(a - b) <= max(0.05, abs(a) / 4)
