"""What can be known of a training before its first step: template, tokens, data, weights, and the numbers of step 0.

Each check is a sentence with a verdict. A failed one would spoil the run; a warning says what to look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from eurus_core.models import fast_device, template_hash
from eurus_core.records import PreferenceTree
from eurus_core.records.pairs import history
from eurus_core.records.prompts import opening
from eurus_train.data.chat import Chat
from eurus_train.data.tokenize import Examples
from eurus_train.forest.layout import Branch
from eurus_train.inspection.dry_run import DryRun
from eurus_train.inspection.outcome import Check
from eurus_train.inspection.step_zero import at_start, forest_against_naive
from eurus_train.learning.learning import Learning


def check(one: DryRun, examples_of: int = 4) -> Iterator[Check]:
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
    yield from forest_against_naive(stage, model, chosen)
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
