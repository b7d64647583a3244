"""What a reply says aloud: its text without what the model thought, and without its template's tokens."""

from __future__ import annotations

import re

_TAGS = (
    ("<think>", "</think>"),  # DeepSeek, Qwen, GLM, MiniMax, Nemotron, Phi, SmolLM3, Kimi K2
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # the paper's collection; EXAONE Deep
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<longcat_think>", "</longcat_think>"),
    ("[think]", "[/think]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi VL
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<|start_thinking|>", "<|end_thinking|>"),  # Command A
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("<|thought_start|>", "<|thought_end|>"),  # MiniCPM
    ("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    ("here is my thought process:", "here is my response:"),  # Granite 3.2
)
_CLOSED_BY = dict(_TAGS)
_ACTS = ("<execute>", "<solution>")
"""The paper's tags of what an action does: they end a ``<thought>`` that was not closed."""
# Spelt in each case: a pattern that ignores case is tried at every letter of the text.
_TAG = re.compile(
    "|".join(
        sorted(
            {
                re.escape(form)
                for pair in _TAGS
                for tag in (*pair, *_ACTS)
                for form in (tag, tag.upper(), tag.title(), tag.capitalize())
            }
        )
    )
)
# GPT-OSS: a message opens with its channel, and only the one of `final` is meant for a reader.
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>")
_PLAIN_CHANNELS = re.compile(r"\s*(?:analysis|commentary)(?![a-z ]).*assistant\s*final", re.DOTALL)
"""The same once a decoder has dropped the special tokens."""
_END = re.compile(
    r"</s>|<eos>|<end_of_turn>|<turn\|>|<\|(?:im_end|im_start|endoftext|end_of_text|eot_id|eom_id|end|return|call|endofturn|eot|EOT|user|assistant|END_RESPONSE)\|>"
    r"|<｜[^｜<>]{1,40}｜>|\[/?INST\]"
)
_OPENING = re.compile(r"\s*(?:<s>|<\|(?:im_start|start)\|>\s*assistant\b|<\|START_RESPONSE\|>|<｜Assistant｜>)\s*")


def spoken(text: str) -> str:
    """Return the text without thinking, closed or not, and up to where the template ends the turn.

    A closing tag that nothing opened closes what the prompt opened: all before it was thought. Linear in the text's length.
    """
    if "<" not in text and "[" not in text and "◁" not in text and "assistant" not in text and "thought" not in text:
        return text
    text = _without_thoughts(_final_channel(text))
    opened = _OPENING.match(text)
    text = text[opened.end() :] if opened is not None else text
    ended = _END.search(text)
    return text if ended is None else text[: ended.start()]


def _final_channel(text: str) -> str:
    channels = list(_CHANNEL.finditer(text))
    if channels:
        final = [found for found in channels if found[1] == "final"]
        return text[final[-1].end() :] if final else text[: channels[0].start()]
    plain = _PLAIN_CHANNELS.match(text)
    return text[plain.end() :] if plain is not None else text


def _without_thoughts(text: str) -> str:
    kept: list[str] = []
    at, closing = 0, ""
    for found in _TAG.finditer(text):
        tag = found.group().lower()
        if closing:
            if tag == closing:
                at, closing = found.end(), ""
            elif tag in _ACTS and closing == "</thought>":
                at, closing = found.start(), ""
        elif tag in _ACTS:
            continue
        elif tag in _CLOSED_BY:
            kept.append(text[at : found.start()])
            closing = _CLOSED_BY[tag]
        else:
            kept.clear()
            at = found.end()
    if not closing:
        kept.append(text[at:])
    return "".join(kept) if len(kept) != 1 else kept[0]
