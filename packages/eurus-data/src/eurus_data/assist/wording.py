"""The words of reference actions, in several phrasings: short, so that a small model learns the step and not the style."""

from __future__ import annotations

import re
from random import Random

from eurus_core.records.turns import NO_OUTPUT, WRONG

PLANS = ("We {plan}.", "The plan: {plan}.", "First {plan}.")
PLAIN = (
    "Work out the amounts in order.",
    "Follow the amounts one after the other.",
    "Compute each amount in turn.",
)
FUNCTIONS = (
    "Write a function for this and call it.",
    "Put the computation into a function, then call it.",
    "Make a function that computes it.",
)
FUNCTION_PLANS = (
    "Write a function to {plan}.",
    "The function has to {plan}.",
    "Make a function: {plan}.",
)
FUNCTION_NAMES = ("solve", "compute", "result")
CONCLUSIONS = (
    "The answer is \\boxed{{{answer}}}.",
    "So the answer is \\boxed{{{answer}}}.",
    "Answer: \\boxed{{{answer}}}",
)

AFTER_ERROR = (
    "The code stopped with a {error}, so I write it again.",
    "That code raised a {error}. Here it is from the start.",
    "The {error} means that the code was not right.",
)
AFTER_SILENCE = (
    "The code showed no result, so I end on the value.",
    "Nothing was shown. The last line must be the result.",
)
AFTER_RESULT = (
    "{result} is wrong, so I read the problem again.",
    "The result {result} was wrong. I start again.",
    "Not {result}: I go through the story once more.",
)
AFTER_WORDS = (
    "The earlier answer went wrong, so I compute it.",
    "My answer was wrong. I work it out step by step.",
)

LONGEST_PLAN = 110  # characters
LONGEST_NOTE = 34
_ERROR = re.compile(r"\b([A-Z]\w*(?:Error|Exception|Interrupt))\b")
_RESULT = re.compile(r"^(?:Out: )?(\S[^\n]{0,19})$")


def acknowledgement(feedback: str, rng: Random) -> str:
    """Return the sentence that opens a repair and says what went wrong, read from the turn before."""
    observed = feedback.partition(WRONG)[0].strip()
    error = _ERROR.search(observed)
    last = _RESULT.match(observed.splitlines()[-1]) if observed else None
    if error:
        return rng.choice(AFTER_ERROR).format(error=error[1])
    if NO_OUTPUT in observed:
        return rng.choice(AFTER_SILENCE)
    if last:
        return rng.choice(AFTER_RESULT).format(result=last[1])
    return rng.choice(AFTER_WORDS)


def plan(notes: tuple[str, ...]) -> str | None:
    """Return the notes of a program as one sentence, or None where they are missing or too long to be said at once."""
    said = ", then ".join(notes)
    speakable = notes and all(note and note[0].islower() and len(note) <= LONGEST_NOTE for note in notes)
    return said if speakable and len(said) <= LONGEST_PLAN else None


def marked(rationale: str) -> str:
    """Return the rationale with step marks: those it has, or one a paragraph (figures and environments stay whole)."""
    if re.match(r"\s*Step \d+", rationale):
        return rationale.strip()
    paragraphs: list[str] = []
    for piece in filter(None, map(str.strip, re.split(r"\n\s*\n", rationale))):
        if paragraphs and _open(paragraphs[-1]):
            paragraphs[-1] += "\n\n" + piece
        else:
            paragraphs.append(piece)
    return "\n".join(f"Step {k}: {paragraph}" for k, paragraph in enumerate(paragraphs, 1))


def _open(text: str) -> bool:
    return text.count("[asy]") > text.count("[/asy]") or text.count("\\begin{") > text.count("\\end{")
