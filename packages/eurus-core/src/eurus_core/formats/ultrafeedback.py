"""UltraFeedback's own rows: one instruction, four scored completions, hence a star of up to six pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from eurus_core.files.rows import Row
from eurus_core.formats.messages import chat
from eurus_core.parts.contracts import Format, RowKeys
from eurus_core.records import FragmentTurn, Message, TreeFragment, Verdict

NEEDED = 'UltraFeedback rows hold "instruction" and "completions", a list of objects with "response" and the score that is read'


class UltraFeedback(Format):
    """Every two completions of different scores are a pair, the higher one chosen.

    The paper counts 340,000 pairs of 64,000 prompts; which score it read is not stated.
    """

    keys: ClassVar = (frozenset({"instruction", "completions"}),)
    row_keys: ClassVar = (
        RowKeys(
            {"instruction": "text", "completions": "a list of objects with response (text) and the score that is read"},
            example={
                "instruction": "Is 7 odd?",
                "completions": [
                    {"response": "Yes.", "fine-grained_score": 4.5, "overall_score": 8},
                    {"response": "No.", "fine-grained_score": 1.25, "overall_score": 2},
                ],
            },
        ),
    )
    source: ClassVar = "UltraFeedback"

    score: Literal["fine-grained_score", "overall_score"] = "fine-grained_score"
    """The mean of the four aspects' ratings, or the critic's overall score. Ours."""

    def fragments(self, row: Row, source: str) -> Iterator[TreeFragment]:
        instruction = row.text("instruction", f"{NEEDED}.")
        completions = row.data.get("completions")
        if not isinstance(completions, list) or not completions:
            raise row.error('"completions" is no list of completions', f"{NEEDED}.")
        scored: dict[str, float] = {}
        for at, completion in enumerate(completions):
            text, score = self._read(row, f"completions[{at}]", completion)
            if text.strip():
                scored.setdefault(text, score)
        if not scored:
            raise row.error("no completion holds text", f"{NEEDED}.")
        problem, history = chat(row, (Message("user", instruction),), source)
        values = list(scored.values())
        edges = [
            (better, worse, 1.0) for better, high in enumerate(values) for worse, low in enumerate(values) if high > low
        ]
        # scored, not judged: neither correct nor incorrect
        siblings = tuple(
            FragmentTurn(text, Verdict("continued", rule=self.score, score=score)) for text, score in scored.items()
        )
        yield TreeFragment(problem, history, siblings, tuple(edges))

    def _read(self, row: Row, where: str, completion: Any) -> tuple[str, float]:
        if not isinstance(completion, Mapping) or not isinstance(completion.get("response"), str):
            raise row.error(f'"{where}" has no text "response"', f"{NEEDED}.")
        try:
            score = float(completion.get(self.score))  # type: ignore[arg-type] # published as number or text
        except (TypeError, ValueError):
            score = float("nan")
        if not abs(score) < float("inf"):
            raise row.error(f'"{where}" has no number "{self.score}"', f"{NEEDED}.")
        return completion["response"], score
