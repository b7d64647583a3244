"""The choice grader: which option a reply picks, by its letter or its text. Never by substring, and never one of several."""

from __future__ import annotations

from collections.abc import Hashable

from eurus_core.records import Verdict
from eurus_graders.answers import AnswerGrader, Said
from eurus_graders.choice_answer import bare, pick, pick_of_own_list, several, several_picked
from eurus_graders.options import normal, options
from eurus_graders.picks import AMBIGUOUS, Pick
from eurus_graders.verdicts import short, verdict


class ChoiceGrader(AnswerGrader):
    """Judges a pick among lettered options.

    Reads ``B``, ``(B)``, ``b.``, ``B) Paris``, ``Answer: B``, ``The answer is (C) because ...`` (the last statement counts) and, where the
    problem or the reference spells the options out, an option's whole text. A reply that names two options, or an option's letter with
    another option's text, is ``unparsed`` (rule ``ambiguous``), as is one that names none (rule ``no choice``). A reference of several
    letters (``A, C``) wants all of them and no other.
    """

    def compare(self, said: Said, reference: str) -> Verdict:
        listed = options(said.instruction)
        wanted = several(reference)
        if wanted:
            return _compare_several(several_picked(said.text), wanted)
        expected = bare(reference, listed) or Pick(text=reference.strip())
        if expected.letter and expected.text:
            listed = {**listed, expected.letter: expected.text}
        found = pick(said.text, listed, said.instruction)
        if found.problem and not listed:
            found = pick_of_own_list(said.text) or found
        if expected.text and found.letter == expected.letter != "":
            own = pick(said.text, options(said.instruction), said.instruction)
            if (
                own.letter and own.text and normal(own.text) != normal(expected.text)
            ):  # the letter with another option's words
                found = AMBIGUOUS
        shown = str(found), str(expected)
        if found.problem or bool(found.letter) < bool(expected.letter):
            why = f"{short(said.text)!r} picks no one option"
            return verdict("unparsed", found.problem or "no choice", why, *shown)
        by_letter = bool(found.letter and expected.letter)
        right = (
            found.letter == expected.letter if by_letter else normal(found.text) == normal(expected.text) != normal("")
        )
        rule = "letter" if by_letter else "option text"
        if right:
            return verdict("correct", rule, "", *shown)
        return verdict("incorrect", rule, f"{short(str(found))} is not the answer", *shown)

    def key(self, answer: str) -> Hashable:
        found = pick(answer, {})
        return ("letter", found.letter) if found.letter else ("text", normal(found.text or answer))


def _compare_several(found: frozenset[str], wanted: frozenset[str]) -> Verdict:
    shown = ", ".join(sorted(found)), ", ".join(sorted(wanted))
    if not found:
        return verdict("unparsed", "no choice", "no letters are stated as the answer", *shown)
    if found == wanted:
        return verdict("correct", "letters", "", *shown)
    return verdict("incorrect", "letters", f"{shown[0]} is not the answer", *shown)
