"""What can be known of a training before its first step: template, tokens, precision, constants, forest against naive.

Each check is a sentence with a verdict. A failed one would spoil the run; a warning says what to look at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from eurus_core.models import fast_device, template_hash
from eurus_core.prompts import opening
from eurus_core.records import PreferenceTree
from eurus_core.trees import history
from eurus_train.data.chat import Chat
from eurus_train.data.gathering import Examples
from eurus_train.forest.layout import Branch, plant
from eurus_train.preview.rehearsal import Rehearsal
from eurus_train.training.learning import Learning
from eurus_train.training.reference import References, reference_key
from eurus_train.watching.metrics import Tally

Outcome = Literal["ok", "warning", "failed"]

EXACT = 1e-3
"""Nats, or units of reward, by which sums over an action may differ in float32: rounding reaches 1e-4 at 500 tokens."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    outcome: Outcome
    found: str


def check(one: Rehearsal, examples_of: int = 4) -> Iterator[Check]:
    """Yield the checks of a learning stage, cheap ones first. The model is loaded once and takes no step."""
    stage = one.stage
    tokenizer = stage.tokenizer()
    chat = stage.chat(tokenizer)
    yield Check(
        "template", "ok", f"cut into prompt, action and feedback (SHA-256 {str(template_hash(tokenizer))[:16]}...)"
    )
    yield round_trip(chat, one.trees)
    yield first_tokens(chat, one.trees[0])
    examples = stage.examples(one.trees, chat, left_out=one.left_out)
    yield data(stage, examples)
    model = stage.load()
    yield end_of_turn(chat, model, examples)
    yield numbers(stage, model)
    yield vocabulary(tokenizer, model)
    chosen = smallest(examples, examples_of)
    yield forest_against_naive(stage, model, chosen)
    yield from at_start(stage, model, chosen)


def round_trip(chat: Chat, trees: Sequence[PreferenceTree]) -> Check:
    """Compare a trajectory in pieces with the whole one through the tokenizer's own ``apply_chat_template``."""
    tree = max(trees[:100], key=lambda tree: max((node.turn for node in tree), default=0))
    node = max(tree.nodes, key=lambda node: node.turn)
    said = history(tree, node.parent)
    pieces = [*chat.prompt(said).tolist(), *chat.action(node.action.text).tolist()]
    turns = [{"role": one.role, "content": one.content} for one in said]
    turns.append({"role": "assistant", "content": node.action.text})
    whole = [int(token) for token in chat.tokenizer.apply_chat_template(turns, return_dict=False)]
    where = f"tree {tree.problem.id!r}, {node.turn} turns, {len(pieces)} tokens"
    if whole[: len(pieces)] == pieces:
        return Check("round trip", "ok", f"equal to apply_chat_template ({where})")
    text, expected = chat.tokenizer.decode(pieces), chat.tokenizer.decode(whole)
    if expected.startswith(text):
        apart = next(at for at, (a, b) in enumerate(zip(pieces, whole, strict=False)) if a != b)
        return Check("round trip", "ok", f"equal as text; tokens part at {apart}, where no token may merge ({where})")
    return Check("round trip", "failed", f"apply_chat_template writes other text than the pieces ({where})")


def first_tokens(chat: Chat, tree: PreferenceTree) -> Check:
    """Count the tokens that begin a text: two, and the model reads what it never saw in training."""
    ids = chat.opening(opening(tree.problem)).tolist()
    bos = chat.tokenizer.bos_token_id
    count = next((at for at, token in enumerate(ids) if token != bos), len(ids))
    shown = chat.tokenizer.convert_ids_to_tokens(ids[:2])
    if count > 1:
        return Check("beginning", "failed", f"{count} times {shown[0]}: the template and the tokenizer both write it")
    own = chat.tokenizer("a")["input_ids"]
    if not count and own and own[0] == bos:
        return Check("beginning", "warning", f"the template writes no {chat.tokenizer.bos_token}; begins {shown}")
    return Check("beginning", "ok", f"no double BOS; begins {shown}")


def end_of_turn(chat: Chat, model: Any, examples: Examples[Any]) -> Check:
    """See whether actions end with a token at which generation stops."""
    branch: Branch = examples.trees[0][0].branches[0]
    last = int(branch.action[-1])
    settings = getattr(model, "generation_config", None)
    stops = getattr(settings, "eos_token_id", None)
    known = {chat.tokenizer.eos_token_id, *(stops if isinstance(stops, list) else [stops])} - {None}
    shown = chat.tokenizer.convert_ids_to_tokens([last])[0]
    if last in known:
        return Check("end", "ok", f"actions end with {shown}, where generation stops")
    names = ", ".join(chat.tokenizer.convert_ids_to_tokens(sorted(known)))
    return Check("end", "warning", f"actions end with {shown}, but generation stops at {names or 'no token'}")


def data(stage: Learning, examples: Examples[Any]) -> Check:
    """Count examples and what was left out of them."""
    lengths = [len(branch) for tree in examples.trees for example in tree for branch in example.branches]
    sources = ", ".join(f"{name} {source.trees}" for name, source in sorted(examples.counts.sources.items()))
    found = (
        f"{len(examples):,} examples of {len(examples.trees):,} trees ({sources}), the longest {max(lengths):,} tokens"
    )
    stage.routes(examples)  # a source without an objective stops here
    if cut := str(examples.left_out):
        return Check("data", "warning", f"{found}; cut or left out: {cut}")
    return Check("data", "ok", found)


def numbers(stage: Learning, model: Any) -> Check:
    """Look for weights that are no finite numbers, and name the precision."""
    for name, weights in model.named_parameters():
        total = weights.detach().sum()  # one pass, and finite but for a sum beyond float32
        if not bool(torch.isfinite(total)) and not bool(torch.isfinite(weights).all()):
            return Check("precision", "failed", f"{name} holds values that are not finite")
    kinds = {str(weights.dtype).removeprefix("torch.") for weights in model.parameters()}
    if kinds != {"float32"}:
        return Check("precision", "failed", f"weights in {', '.join(sorted(kinds))}: small updates would be lost")
    return Check("precision", "ok", f"weights float32, products {stage.dtype()} on {fast_device()}")


def vocabulary(tokenizer: Any, model: Any) -> Check:
    """Compare tokenizer, embeddings and head in size; a reward model's head is one line."""
    body = getattr(model, "classifier", model)
    rows = body.get_input_embeddings().weight.shape[0]
    head = getattr(model, "head", None)
    if head is None:
        head = model.get_output_embeddings()
        wanted, what = rows, f"head of {head.weight.shape[0]:,} rows"
    else:
        wanted, what = 1, f"head of one line, {'zero' if not head.weight.any() else 'learnt already'}"
    if len(tokenizer) > rows:  # those of the examples have been checked
        return Check("head", "warning", f"{len(tokenizer):,} tokens, but embeddings of {rows:,}")
    if head.weight.shape[0] != wanted:
        return Check("head", "failed", f"{what}, embeddings of {rows:,}")
    return Check("head", "ok", f"{what}; {len(tokenizer):,} tokens, embeddings of {rows:,}")


def smallest(examples: Examples[Any], count: int) -> list[Any]:
    """Return some examples, of trees that share something, short enough to be read in seconds."""
    order = sorted(examples.trees, key=lambda tree: (len(tree) < 2, sum(len(one) for e in tree for one in e.branches)))
    found: list[Any] = []
    for tree in order:
        found += tree[: count - len(found)]
        if len(found) >= count:
            break
    return found


@torch.no_grad()
def forest_against_naive(stage: Learning, model: Any, examples: Sequence[Any]) -> Check:
    """Compare each branch in the forest with the same branch alone through the model's plain forward, in float32."""
    branches = list(dict.fromkeys(branch for example in examples for branch in example.branches))
    exact = stage.model_copy(update={"precision": "float32"})
    lesson = exact.lesson(stage.objective)
    forest = plant(branches)
    together = lesson.read(model, forest)
    alone = torch.stack([lesson.read_alone(model, branch) for branch in branches])
    apart = float((together - alone).abs().max())
    tokens = sum(map(len, branches))
    found = f"{len(branches)} branches, {tokens:,} tokens as {len(forest):,}: largest difference {apart:.1e}"
    return Check("forest = naive", "ok" if apart <= EXACT else "failed", found)


@torch.no_grad()
def at_start(stage: Learning, model: Any, examples: Sequence[Any]) -> Iterator[Check]:
    """Compare the loss before the first step with its constant, and the policy with its reference."""
    routes = stage.objective.weighted(stage.source_weights)
    references = None
    lesson = stage.lesson(routes)
    forest = lesson.plant(examples)
    if routes.uses_reference:
        source = getattr(stage, "reference", None) or stage.model
        references = References(reference_key(source, stage.dtype()))
        judge = model if source == stage.model else stage.model_copy(update={"model": source}).load()
        for planted in (forest, *_couples(examples)):
            references.learn(judge, planted.branches, stage.dtype())
        lesson = stage.lesson(routes, references)
        own = lesson.read(model, forest)
        apart = float((own - _known(references, forest.branches, own)).abs().max())
        same = source == stage.model
        yield Check(
            "policy = reference",
            "ok" if apart <= _rounding(stage) or not same else "failed",
            f"largest log-ratio {apart:.1e}" + ("" if same else f"; the reference is another model, {source}"),
        )
    lesson.before_step(model, [examples])
    tally = Tally()
    loss = float(lesson.loss(model, forest, tally)) / lesson.count(examples)
    stated = [routes.of(example.source).at_start for example in examples]
    weights = [lesson.weight(example) for example in examples]
    if not math.isfinite(loss):
        yield Check("loss at step 0", "failed", f"{loss:.4f}")
        return
    if any(constant is None for constant in stated):
        yield Check("loss at step 0", "ok", f"{loss:.4f}; the objective states no constant")
        return
    constant = sum(c * w for c, w in zip(stated, weights, strict=True) if c is not None) / sum(weights)
    far = abs(loss - constant) > 1e-2
    yield Check("loss at step 0", "warning" if far else "ok", f"{loss:.4f}, the constant is {constant:.4f}")


def _couples(examples: Sequence[Any]) -> Iterator[Any]:
    found = [example.mismatch for example in examples if getattr(example, "mismatch", None) is not None]
    if found:
        yield plant(found)


def _known(references: References, branches: Sequence[Branch], like: Tensor) -> Tensor:
    return like.new_tensor([references[branch] for branch in branches])


def _rounding(stage: Learning) -> float:
    """The reference may have been computed in other company: bfloat16 products then round otherwise."""
    return EXACT if stage.dtype() == "float32" else 1.0
