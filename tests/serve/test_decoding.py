"""The decoder against transformers' own generate and against a naive forward, on the tiny model in float32."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from transformers import (
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)

from eurus_core.errors import ModelError
from eurus_core.models import load_causal_lm, load_tokenizer
from eurus_core.records import Sampling
from eurus_serve.backends.transformers.decoding import Decoder, Draft, cache_argument

torch.set_num_threads(1)
MODEL: Any = load_causal_lm("tiny", dtype="float32")
TOKENIZER = load_tokenizer("tiny")
END = TOKENIZER.eos_token_id


def decoder(capacity: int = 8, model: PreTrainedModel = MODEL) -> Decoder:
    return Decoder(model, TOKENIZER, capacity)


def prompt_of(length: int, seed: int = 0, start: Sequence[int] = ()) -> tuple[int, ...]:
    draw = random.Random(f"{seed} {length}")
    return (*start, *(draw.randrange(3, len(TOKENIZER)) for _ in range(length - len(start))))


def write(decoder: Decoder, drafts: Sequence[Draft]) -> list[Draft]:
    """Write all drafts to their end, admitting them in order as rows become free."""
    waiting, done = list(drafts), []
    while waiting or decoder.drafts:
        now, waiting = waiting[: decoder.free], waiting[decoder.free :]
        done += decoder.admit(now) if now else []
        done += decoder.step()
    assert {id(draft) for draft in done} == {id(draft) for draft in drafts}
    return list(drafts)


def naive_logprob(draft: Draft, model: PreTrainedModel = MODEL) -> float:
    """Return the log-probability of a draft's tokens from one forward over prompt and reply."""
    ids = torch.tensor([[*draft.prompt, *draft.tokens]])
    with torch.inference_mode():
        logprobs = model(ids).logits[0].float().log_softmax(-1)
    at = range(len(draft.prompt) - 1, ids.shape[1] - 1)
    return sum(float(logprobs[i, ids[0, i + 1]]) for i in at)


def test_greedy_text_equals_that_of_generate() -> None:
    prompts = [prompt_of(length, seed) for seed, length in enumerate((5, 12, 12, 40, 33))]
    drafts = write(decoder(), [Draft(prompt, Sampling(max_tokens=24)) for prompt in prompts])
    for draft in drafts:
        ids = torch.tensor([draft.prompt])
        expected = MODEL.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False)
        assert draft.tokens == expected[0, len(draft.prompt) :].tolist()


class OlderCode(LlamaForCausalLM):
    """As custom code on a hub still is: its ``forward`` knows the cache by the older name alone."""

    def forward(self, input_ids: Any, past_key_values: Any = None, **settings: Any) -> Any:
        return super().forward(input_ids, **{cache_argument(MODEL): past_key_values}, **settings)


@pytest.mark.filterwarnings("error")
def test_the_cache_goes_by_the_name_that_the_model_takes_and_nobody_is_warned() -> None:
    older: Any = OlderCode(MODEL.config).eval()
    older.load_state_dict(MODEL.state_dict())
    assert cache_argument(older) == "past_key_values"
    texts = {
        write(decoder(model=model), [Draft(prompt_of(20), Sampling(max_tokens=16))])[0].text for model in (MODEL, older)
    }
    assert len(texts) == 1


def test_the_logprob_is_that_of_a_naive_forward() -> None:
    start = prompt_of(20)
    drafts = [
        Draft(prompt_of(length, seed, start), Sampling(temperature, max_tokens=30), seed)
        for seed, (length, temperature) in enumerate([(25, 0.0), (31, 1.0), (60, 0.7), (60, 1.5), (22, 1.0)] * 4)
    ]
    for draft in write(decoder(6), drafts):
        assert draft.logprob == pytest.approx(naive_logprob(draft), abs=1e-3, rel=1e-5)


def test_a_sampled_reply_does_not_depend_on_its_company() -> None:
    def drafts() -> list[Draft]:
        return [
            Draft(prompt_of(10 + 7 * (seed % 5), seed % 5), Sampling(1.0, 0.9, max_tokens=5 + 3 * (seed % 7)), seed)
            for seed in range(24)
        ]

    alone = [write(decoder(1), [draft])[0] for draft in drafts()]
    for capacity in (3, 8, 24):
        together = write(decoder(capacity), drafts())
        assert [draft.tokens for draft in together] == [draft.tokens for draft in alone]
    backwards = write(decoder(5), drafts()[::-1])[::-1]
    assert [draft.tokens for draft in backwards] == [draft.tokens for draft in alone]


def test_samples_of_one_prompt_differ_by_seed_alone_and_compute_it_once() -> None:
    engine = decoder(8)
    prompt = prompt_of(30)
    first, second, again = write(engine, [Draft(prompt, Sampling(1.0, max_tokens=10), seed) for seed in (1, 2, 1)])
    assert first.tokens == again.tokens != second.tokens
    assert engine.computed_prompt_tokens == 30


def test_a_common_beginning_is_computed_once_and_remembered() -> None:
    engine = decoder(8)
    start = prompt_of(40)
    write(engine, [Draft(prompt_of(50, seed, start), Sampling(max_tokens=3)) for seed in range(4)])
    assert engine.computed_prompt_tokens == 40 + 4 * 10
    write(engine, [Draft(prompt_of(45, 9, start), Sampling(max_tokens=3))])
    assert engine.computed_prompt_tokens == 40 + 4 * 10 + 5


def test_a_longer_prompt_may_join_a_batch_of_shorter_ones() -> None:
    engine = decoder(4)
    short = [Draft(prompt_of(5, seed), Sampling(max_tokens=300)) for seed in range(3)]
    engine.admit(short)
    for _ in range(20):
        engine.step()
    long = Draft(prompt_of(700), Sampling(max_tokens=12))
    engine.admit([long])
    while engine.drafts:
        engine.step()
    for draft in (*short, long):
        assert draft.logprob == pytest.approx(naive_logprob(draft), abs=1e-3, rel=1e-5)


def test_a_reply_of_more_columns_than_there_is_room_for_goes_on() -> None:
    draft = write(decoder(2), [Draft(prompt_of(4), Sampling(1.0, max_tokens=600), seed=3)])[0]
    assert draft.logprob == pytest.approx(naive_logprob(draft), rel=1e-5)


def test_max_tokens_bounds_the_reply() -> None:
    one, many = write(decoder(), [Draft(prompt_of(9), Sampling(max_tokens=n)) for n in (1, 7)])
    assert (len(one.tokens), one.finish) == (1, "length")
    assert (len(many.tokens), many.finish) == (7, "length")
    assert many.tokens[0] == one.tokens[0]


def test_the_text_ends_before_the_stop_string() -> None:
    free = write(decoder(), [Draft(prompt_of(9), Sampling(1.0, max_tokens=60), seed=5)])[0]
    stop = free.text[20:23]  # crosses tokens as it likes
    cut = write(decoder(), [Draft(prompt_of(9), Sampling(1.0, max_tokens=60, stop=("\0never", stop)), seed=5)])[0]
    assert cut.text == free.text[: free.text.index(stop)]
    assert cut.finish == "stop"
    assert len(cut.tokens) < 60
    assert stop in TOKENIZER.decode(cut.tokens)
    assert stop not in TOKENIZER.decode(cut.tokens[:-1])  # it stopped at once


def test_the_end_token_ends_the_reply_and_is_no_part_of_its_text() -> None:
    engine = decoder()
    free = write(engine, [Draft(prompt_of(9), Sampling(1.0, max_tokens=30), seed=5)])[0]
    engine._ends = frozenset({free.tokens[10]})
    ended = write(engine, [Draft(prompt_of(9), Sampling(1.0, max_tokens=30), seed=5)])[0]
    length = free.tokens.index(free.tokens[10])
    assert ended.tokens == free.tokens[: length + 1]
    assert ended.text == TOKENIZER.decode(free.tokens[:length])
    assert ended.finish == "stop"


def test_an_abandoned_draft_makes_room_and_the_others_go_on() -> None:
    engine = decoder(3)
    drafts = [Draft(prompt_of(6 + seed, seed), Sampling(1.0, max_tokens=20), seed) for seed in range(3)]
    engine.admit(drafts)
    engine.step()
    drafts[1].abandoned = True
    engine.step()
    assert engine.free == 1
    while engine.drafts:
        engine.step()
    assert [draft.finish for draft in drafts] == ["length", None, "length"]
    assert drafts[2].logprob == pytest.approx(naive_logprob(drafts[2]), rel=1e-5)


def test_a_sliding_window_stays_a_window() -> None:
    config = MistralConfig(
        vocab_size=len(TOKENIZER),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=16,
    )
    torch.manual_seed(0)
    model = MistralForCausalLM(config)
    start = prompt_of(30)
    drafts = write(
        decoder(4, model), [Draft(prompt_of(32 + 5 * i, i, start), Sampling(1.0, max_tokens=30), i) for i in range(6)]
    )
    for draft in drafts:
        assert draft.logprob == pytest.approx(naive_logprob(draft, model), rel=1e-5)


def test_a_model_with_recurrent_state_is_refused() -> None:
    config = MambaConfig(vocab_size=50, hidden_size=16, state_size=4, num_hidden_layers=1)
    with pytest.raises(ModelError, match="attention models only"):
        decoder(2, MambaForCausalLM(config))


def test_weights_that_are_not_finite_are_an_error_and_no_garbage() -> None:
    broken: Any = load_causal_lm("tiny", dtype="float32")
    torch.nn.init.constant_(broken.model.norm.weight, float("nan"))
    with pytest.raises(ModelError, match="nothing finite"):
        write(decoder(model=broken), [Draft(prompt_of(12), Sampling(max_tokens=4), seed=0)])


def test_more_drafts_than_rows_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="3 drafts for 2 free rows"):
        decoder(2).admit([Draft(prompt_of(5), Sampling()) for _ in range(3)])
