"""Rewards from forests equal rewards one by one, and transformers' own reading of the saved model."""

from pathlib import Path

import pytest
import torch

from eurus_core.errors import InputError, ModelError
from eurus_core.models import load_tokenizer
from eurus_core.records import Message
from eurus_core.testing import ScorerContract
from eurus_rm.model import RewardModel, is_reward_model, load_reward_model, padding_token, reward_model_from
from eurus_rm.scorer import RewardScorer, RewardScores
from eurus_train.data.chat import Chat

PROMPT = (Message("user", "Sam has 3 apples and buys 4. How many has he?"),)
RETRY = (*PROMPT, Message("assistant", "8"), Message("user", "Your answer is wrong."))
RESPONSES = ("3 + 4 = 7", "3 + 4 = 8, so the answer is 8.", "", "a = 3\nb = a + 4\nprint(b)", "3 + 4 = 7")


def _one_by_one(folder: Path, prompt: tuple[Message, ...], response: str) -> float:
    """Read the reward as a stranger would: transformers alone, the chat template, up to the end of the turn."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    chat = [{"role": m.role, "content": m.content} for m in (*prompt, Message("assistant", response))]
    text = str(tokenizer.apply_chat_template(chat, tokenize=False)).removesuffix("\n")
    ids = torch.tensor([tokenizer(text, add_special_tokens=False).input_ids])
    with torch.no_grad():
        return float(model(ids).logits)


class TestRewardScorer(ScorerContract):
    tolerance = 1e-4

    @pytest.fixture(autouse=True)
    def _folder(self, folder: Path) -> None:
        self.folder = folder

    def part(self) -> RewardScorer:
        return RewardScorer(model=str(self.folder))


def test_a_zero_head_gives_zero_rewards() -> None:
    scores = RewardScores(reward_model_from("tiny"), Chat(load_tokenizer("tiny")))
    assert scores.score_many([(PROMPT, RESPONSES)])[0] == [0.0] * len(RESPONSES)


@pytest.mark.parametrize("prompt", [PROMPT, RETRY], ids=["first turn", "second turn"])
def test_shared_prompts_change_no_reward(folder: Path, prompt: tuple[Message, ...]) -> None:
    scores = RewardScorer(model=str(folder)).load()
    together = scores.score_many([(prompt, RESPONSES)])[0]
    assert together == pytest.approx([_one_by_one(folder, prompt, response) for response in RESPONSES], abs=1e-4)
    assert len(set(together)) == 4  # and the two equal responses have equal rewards
    assert together[0] == together[-1]


@pytest.mark.parametrize("forest_tokens", [1, 60, 90, 10_000])
def test_bins_of_any_size_give_the_same_rewards_in_the_same_order(folder: Path, forest_tokens: int) -> None:
    rows = [(PROMPT, RESPONSES), (RETRY, RESPONSES[:2]), (PROMPT, ()), (PROMPT, RESPONSES[::-1])]
    scores = RewardScorer(model=str(folder), forest_tokens=forest_tokens).load()
    got = scores.score_many(rows)
    alone = [[scores.score_many([(prompt, [response])])[0][0] for response in responses] for prompt, responses in rows]
    assert [len(row) for row in got] == [5, 2, 0, 5]
    for row, expected in zip(got, alone, strict=True):
        assert row == pytest.approx(expected, abs=1e-4)


def test_a_conversation_beyond_the_models_positions_is_refused(folder: Path) -> None:
    scores = RewardScorer(model=str(folder)).load()
    with pytest.raises(InputError, match=r"takes \d+ tokens.*reads 4096"):
        scores.score_many([(PROMPT, ["7 " * 5000])])


def test_the_saved_form_is_a_plain_classifier(folder: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    assert type(model).__name__ == "LlamaForSequenceClassification"
    assert model.config.architectures == ["LlamaForSequenceClassification"]
    assert model.score.weight.shape == (1, 128)
    assert model.score.weight.dtype == torch.float32
    assert is_reward_model(str(folder))
    assert not is_reward_model("tiny")


def test_transformers_reads_padded_rows_as_we_do(folder: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    scores = RewardScorer(model=str(folder)).load()
    ours = scores.score_many([(PROMPT, RESPONSES)])[0]
    rows = [[*scores.chat.prompt(PROMPT), *scores.chat.action(response)] for response in RESPONSES]
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    longest, pad = max(map(len, rows)), model.config.pad_token_id
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
    seen = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    with torch.no_grad():
        theirs = model(ids, attention_mask=seen).logits.squeeze(1)
    assert theirs.tolist() == pytest.approx(ours, abs=1e-4)


def test_padding_is_never_a_token_that_ends_an_action() -> None:
    tokenizer = load_tokenizer("tiny")
    tokenizer.pad_token = tokenizer.eos_token  # as many chat models ship
    assert padding_token(tokenizer) not in {
        None,
        tokenizer.eos_token_id,
        *tokenizer.apply_chat_template(
            [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], return_dict=False
        ),
    }


def test_starting_from_a_reward_model_keeps_its_head(folder: Path) -> None:
    head = reward_model_from(str(folder)).head.weight
    assert torch.equal(head, load_reward_model(str(folder)).head.weight)
    assert head.abs().sum() > 0


def test_a_language_model_is_not_taken_for_a_reward_model() -> None:
    with pytest.raises(ModelError, match="not a reward model"):
        load_reward_model("tiny")


def test_the_head_is_computed_in_float32_under_autocast(folder: Path) -> None:
    model: RewardModel = load_reward_model(str(folder))
    ids = torch.arange(3, 40)[None]
    place = torch.arange(37)[None]
    mask = torch.ones(37, 37, dtype=torch.bool).tril()[None, None]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        reading = {"input_ids": ids, "position_ids": place, "attention_mask": mask}
        hidden = model.body(**reading).last_hidden_state[0, -1]
        reward = model(**reading, reward_positions=torch.tensor([36]))
    assert reward.dtype == torch.float32
    exact = (hidden.double() @ model.head.weight[0].double()).item()
    assert reward.item() == pytest.approx(exact, rel=1e-5)


def test_rewards_that_are_no_numbers_are_refused(folder: Path) -> None:
    scores = RewardScorer(model=str(folder)).load()
    torch.nn.init.constant_(scores.model.classifier.score.weight, torch.nan)
    with pytest.raises(ModelError, match="no numbers"):
        scores.score_many([(PROMPT, RESPONSES)])
