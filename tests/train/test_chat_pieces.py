"""Pieces of a conversation in tokens: they concatenate to what the chat template gives, and are cut where generation starts."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from eurus_core.errors import ModelError
from eurus_core.models import load_tokenizer
from eurus_core.records import Message
from eurus_train.data.chat import Chat

MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}[INST] {{ message['content'] }} [/INST]"
    "{% else %} {{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
WORDS = st.text("abc 1+=\n", min_size=1, max_size=12).map(lambda text: f"x{text}x")  # templates may strip the ends


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("tiny")


def with_template(tokenizer, template):
    changed = copy.deepcopy(tokenizer)
    changed.chat_template = template
    return changed


def template_ids(tokenizer, messages):
    turns = [{"role": m.role, "content": m.content} for m in messages]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=messages[-1].role == "user")
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("template", [None, MISTRAL])
@given(texts=st.lists(WORDS, min_size=3, max_size=5).filter(lambda texts: len(texts) % 2))
def test_pieces_concatenate_to_the_template_s_tokens(tokenizer, template, texts):
    if template:
        tokenizer = with_template(tokenizer, template)
    messages = [Message(("user", "assistant")[i % 2], text) for i, text in enumerate(texts)]
    prompt = Chat(tokenizer).prompt(messages)
    assert tokenizer.decode(prompt) == tokenizer.decode(template_ids(tokenizer, messages))
    if template is None:  # special tokens stand at every boundary: nothing can merge
        assert prompt.tolist() == template_ids(tokenizer, messages)


@pytest.mark.parametrize("template", [None, MISTRAL])
@given(texts=st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_pieces_read_together_as_each_reads_alone_after_the_whole_prompt(tokenizer, template, texts):
    """Also "" and what begins with a space: no such text may reach back over the special token that it is cut behind."""
    if template:
        tokenizer = with_template(tokenizer, template)
    chat = Chat(tokenizer)
    pieces = [piece for text in texts for piece in (chat.template.action(text), chat.template.feedback(text))]
    together = chat.tokens(pieces)
    prompt = chat.prompt([Message("user", "Is it?")]).tolist()
    for piece, text in zip(pieces[::2], texts, strict=True):
        whole = template_ids(tokenizer, [Message("user", "Is it?"), Message("assistant", text)])
        if whole[: len(prompt)] == prompt:  # else a token merges over the boundary, and the action is cut off before it
            assert whole[len(prompt) :][: len(together[piece])] == together[piece].tolist()
        assert together[piece].tolist() == chat.action(text).tolist()
    for piece, text in zip(pieces[1::2], texts, strict=True):
        assert together[piece].tolist() == chat.feedback(text).tolist()


@pytest.mark.parametrize("where", ["first", "always", "never"])
@pytest.mark.parametrize("opening", ["<s>", "<s>assistant\n"])
def test_tokenizers_that_write_spaces_into_words_cut_as_they_read_the_whole(where, opening):
    """As SentencePiece does: what a text begins with depends on whether it stands first, or behind a special token."""
    inner = Tokenizer(models.BPE(unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=where)
    trainer = trainers.BpeTrainer(vocab_size=80, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False)
    inner.train_from_iterator(["Which one? That one. It is 4. assistant\n"] * 9, trainer)
    template = (
        "{% for m in messages %}{{ OPENING + m['content'] }}</s>{% endfor %}"
        "{% if add_generation_prompt %}{{ OPENING }}{% endif %}"
    ).replace("OPENING", repr(opening))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", unk_token="<unk>", chat_template=template
    )
    chat, ask = Chat(tokenizer), Message("user", "Which one?")
    prompt = template_ids(tokenizer, [ask])
    for text in ("It is 4.", "", " ", " It", "  It", "\nIt", "It "):
        whole = template_ids(tokenizer, [ask, Message("assistant", text)])
        assert prompt + chat.action(text).tolist() == whole


def test_an_action_ends_with_the_token_that_ends_the_turn(tokenizer):
    action = Chat(tokenizer).action("It is 4.")
    assert action[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(action) == "It is 4.<|im_end|>"


def test_what_the_template_writes_after_the_end_of_turn_opens_the_feedback(tokenizer):
    feedback = Chat(tokenizer).feedback("Your answer is wrong.")
    assert tokenizer.decode(feedback) == "\n<|im_start|>user\nYour answer is wrong.<|im_end|>\n<|im_start|>assistant\n"


def test_there_is_one_bos_where_the_template_writes_one(tokenizer):
    chat = Chat(with_template(tokenizer, MISTRAL))
    prompt = chat.prompt([Message("user", "a"), Message("assistant", "b"), Message("user", "c")])
    bos = chat.tokenizer.bos_token_id
    assert (prompt == bos).sum() == 1
    assert prompt[0] == bos


def test_no_token_merges_across_the_boundary_between_history_and_action(tokenizer):
    chat = Chat(with_template(tokenizer, MISTRAL))
    history = chat.prompt([Message("user", "2 + 2")])
    whole = np.concatenate([history, chat.action("4")])
    assert tokenizer.decode(whole[: len(history)]).endswith("[/INST]")


def test_a_tokenizer_without_a_template_is_refused(tokenizer):
    with pytest.raises(ModelError, match="no chat template"):
        Chat(with_template(tokenizer, None))


def test_a_template_that_rewrites_earlier_turns_is_refused(tokenizer):
    last_only = "{% for m in messages %}{% if loop.last %}{{ m['content'] }}{% endif %}{% endfor %}<|im_end|>"
    with pytest.raises(ModelError, match="rewrites earlier turns"):
        Chat(with_template(tokenizer, last_only))


def test_a_template_without_an_end_of_turn_is_refused(tokenizer):
    endless = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    with pytest.raises(ModelError, match="could not learn to stop"):
        Chat(with_template(tokenizer, endless))
