"""Judging an answer, or a reply around one, against a reference: what the guard's worker runs.

What the answer is does not depend on the reference. It is what the reply announces; else the whole text, where that reads as mathematics
and is no sentence; else what its last statement says; else the text as words, where it is short.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from eurus_core.records import Verdict
from eurus_graders import dress, reply
from eurus_graders.denials import denies
from eurus_graders.math.algebra.scalars import is_scalar
from eurus_graders.math.algebra.terms import Apply, Relation, Sequence, Symbol, Term, Words, show, symbols, walk
from eurus_graders.math.equal import compare
from eurus_graders.math.errors import TooLarge, Unreadable
from eurus_graders.math.read import chains, languages, lettered
from eurus_graders.math.read.reading import read
from eurus_graders.math.read.spelling import clean
from eurus_graders.math.read.statement import last_statement
from eurus_graders.math.read.tokens import MAX_CHARACTERS
from eurus_graders.reply import Found, is_prose
from eurus_graders.verdicts import short, verdict

MAX_WORDS = 300
"""Characters of a text that may be an answer in words as it stands."""
_NAMED = re.compile(r"\$?[A-Za-z]\$? (?:is|equals|=)\s+(?!equal)")
SHORT = 4
"""Words of a line that is no sentence, so that it is an answer as it stands."""
_REMARKED = re.compile(
    r"(?P<answer>[^()]*[^()\s])\s+\((?:(?P<why>(?:since|because|as|so|not|rounded|i\.e\.|that is|approx|approximately|exact|exactly|multiplicity)\b)?(?:or\s+)?(?P<value>[^()]*))\)\.?",
    re.DOTALL,
)
_REMARK = re.compile(r" \(| of (?:the|an?|his|her|its|their|all) |i\.e\.|that is|equivalently|in other words|or simply")
_ONLY_TELLS = re.compile(
    r"(?![^()]*\b(?:mod|modulo|base|or|and|least|most|per|each|every|if|when|unless|where|million|billion|thousand|hundred|dozen|percent|times|plus|minus|over"
    r"|more|less|than|up|wrong|incorrect|invalid|rejected|extraneous|maybe|perhaps|no|never|except|without|pm|am|degrees|radians|units?|squared|cubed)s?\b)"
    r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’,;-]*(?:\s+[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’,;-]*)+",
    re.IGNORECASE,
)
"""A remark of several words without a number or anything that changes the one before it."""
_NUMBERS = re.compile(r"\d+(?:[.,]\d+)*")
_RANKS = re.compile(r"\d\.\s|\d\s+mal\b", re.IGNORECASE)
"""A number of another language that is a rank or a factor."""
_TWICE = re.compile(
    r"(?P<answer>[^,;]+?)[,;]?\s+(?:i\.e\.|that is|or equivalently|equivalently|in other words|or simply),?\s+(?P<again>[^,;]+)"
)
_AGAIN = re.compile(
    r"[,;]\s+(?:i\.\s?e\.|that is(?: to say)?|or equivalently|in other words),?\s+(?P<again>.+)\Z", re.DOTALL
)
_PART_OF = re.compile(r"(?P<answer>.*[\d}$]) of (?:the|a|an|his|her|its|their|all) [A-Za-z ]+", re.DOTALL)


def at_sight(text: str, reference: str, *, cut: bool = False) -> Verdict | Found | None:
    """Return the verdict where no parser is needed, or what the text announces, or None where it announces nothing. Linear."""
    if not cut:
        found = compare.at_sight(text, reference)
        if found is not None:
            return found
    announced = reply.announced(text, cut=cut)
    if announced is None or reply.withdrawn(announced):
        return announced
    same = compare.at_sight(announced.answer, reference)
    return announced if same is None else replace(same, rule=f"{same.rule} ({announced.rule})")


def judge(text: str, announced: Found | None, reference: str, *, cut: bool = False) -> Verdict:
    """Compare the answer of a text, in which ``announced`` was found, with a reference."""
    expected = _expected(reference)
    found = answer(text, announced, cut=cut)
    if isinstance(found, str) and announced is None and not cut and len(text) <= MAX_WORDS and "```" not in text:
        whole = compare.equivalent(text.strip(), expected)  # a sentence may be the answer itself
        if whole.correct and not is_scalar(read(text)):
            return whole
    if isinstance(found, str):
        return verdict("unparsed", "no answer", found, "", short(expected, 1000))
    judged = _compared(found.answer, expected)
    for value, other in () if judged.correct else _values(found, expected):
        again = _compared(value, other)
        judged = again if again.correct or not judged.correct else judged
    if judged.outcome == "incorrect" and found.rule == "last statement" and _is_unsolved(found.answer, expected):
        why = f"the last statement, {short(found.answer)!r}, gives no value"
        return verdict("unparsed", "no answer", why, judged.parsed_prediction, judged.parsed_reference)
    return replace(judged, rule=f"{judged.rule} ({found.rule})") if found.rule else judged


def _is_unsolved(statement: str, expected: str) -> bool:
    """Whether a statement is an equation to be solved, an inequality or several of them, of which the reference is none: a step on the way."""
    said, wanted = _read(statement), _read(expected)
    if any(isinstance(one, Relation) for one in walk(wanted)) if isinstance(wanted, Term) else False:
        return False
    if isinstance(said, Sequence):
        return any(isinstance(one, Relation) for one in said.items)
    return isinstance(said, Relation) and not isinstance(said.sides[0], Symbol) and not _value(statement)


def answer(text: str, announced: Found | None, *, cut: bool = False) -> Found | str:
    """Return the answer that a text gives, or why it gives none."""
    text = reply.without_code(text).strip()
    if announced is not None:
        if reply.withdrawn(announced):
            later = last_statement(announced.after)
            return (
                "the answer is taken back"
                if later is None or not _is_mathematics(later)
                else Found(later, "last statement")
            )
        if announced.rule not in ("boxed", "tagged", "json") and _is_sentence(announced.answer):
            later = last_statement(announced.answer if len(announced.after.split()) < 3 else announced.after)
            if later is not None and _is_mathematics(later):
                return Found(later, "last statement")
        if announced.rule in ("stated", "tagged", "json") and _is_foreign_sentence(announced):
            said = last_statement(announced.answer)
            if said is not None and _is_mathematics(said):
                return Found(said, announced.rule)
        return announced
    if not text:
        return "the text is all code"
    if cut:
        return "the text was cut off before it announced an answer"
    prose = is_prose(text)
    formula = "=" in text and ("$" in text or "\\[" in text)
    if not prose and _is_one(text) and ((len(text.split()) <= SHORT and not formula) or _is_mathematics(text)):
        return Found(text, "")
    if _NAMED.match(text) and _is_one(text) and isinstance(_read(text), (Relation, Sequence)):
        return Found(text, "")
    stated = last_statement(text)
    if stated is not None and (stated in ("true", "false") or stated.startswith("\\text{") or _is_mathematics(stated)):
        return Found(stated, "last statement")
    if stated is not None and (value := chains.value(stated)) and _is_mathematics(value) and not _is_false(stated):
        return Found(value, "last statement")
    printed = reply.printed(text)
    if printed is not None:
        return Found(printed, "output")
    truth = compare.opening_truth(text)
    if truth:
        return Found(truth, "last statement")
    if _is_one(text) and len(text) <= MAX_WORDS and not prose:
        return Found(text, "")
    if stated is not None:
        return f"the last statement, {short(stated)!r}, is not read"
    return "no answer is stated"


def parsed(text: str) -> str:
    """Return how a text is read, in words for people."""
    try:
        return show(read(text))
    except (Unreadable, TooLarge) as error:
        return f"not read: {error}"


def _expected(reference: str) -> str:
    """Return the answer of a reference, which may be a whole solution."""
    if len(reference) < 3 or not reply.is_announcement(reference):
        return reference
    found = reply.announced(reference)
    return reference if found is None else found.answer


def _compared(answer: str, reference: str) -> Verdict:
    """Compare an answer with a reference, if need be without the remark behind either."""
    compared = _unremarked(answer, reference)
    if compared.correct or _REMARK.search(reference) is None:
        return compared
    back = _unremarked(reference, answer)
    return (
        replace(back, parsed_prediction=back.parsed_reference, parsed_reference=back.parsed_prediction)
        if back.correct
        else compared
    )


def _unremarked(answer: str, reference: str) -> Verdict:
    """Compare an answer, if need be without the remark in brackets behind it: ``7 (since 3 + 4 = 7)``, ``0.5 (one half)``."""
    compared = compare.equivalent(answer, reference)
    if compared.correct or len(answer) > MAX_CHARACTERS:
        return compared
    cleaned = clean(answer)
    part = _PART_OF.fullmatch(cleaned)
    if part is not None:
        return compare.equivalent(part["answer"], reference)
    again = _AGAIN.search(cleaned)
    if again is not None and not any(map(_AGAIN.search, (cleaned[: again.start()], again["again"]))):
        first, later = cleaned[: again.start()].strip(" ,;"), again["again"].strip(" ,;.")
        said = later if _is_mathematics(later) else last_statement(later)
        if said is not None and _is_mathematics(said) and not _differ(first, said):
            return compare.equivalent(said, reference)
    twice = _TWICE.fullmatch(cleaned)
    if twice is not None and compare.equivalent(twice["answer"], twice["again"]).correct:
        return compare.equivalent(twice["again"], reference)
    remarked = _REMARKED.fullmatch(cleaned)
    if remarked is None:
        return compared
    same = compare.equivalent(remarked["answer"], remarked["value"]).correct
    if not same and dress.changes(cleaned[remarked.end("answer") :]):
        return compared
    told = remarked["why"] or _ONLY_TELLS.fullmatch(remarked["value"]) is not None
    if not (told or same):
        return compared
    bare = compare.equivalent(remarked["answer"], reference)
    return bare if bare.correct else compared


def _differ(one: str, other: str) -> bool:
    """Whether two formulations of an answer are numbers, and not the same."""
    terms = _read(one), _read(other)
    numbers = all(isinstance(term, Term) and is_scalar(term) for term in terms)
    return numbers and not compare.equivalent(one, other).correct


def _read(text: str) -> object:
    try:
        return read(text)
    except (Unreadable, TooLarge):
        return None


def _values(found: Found, expected: str) -> Iterator[tuple[str, str]]:
    """Yield what an answer and a reference say where one of them is a chain of equations, or says the same twice."""
    stated = found.rule in ("last statement", "stated")
    value = _value(found.answer) if stated else _evaluated(found.answer)
    if _is_false(found.answer) or _is_false(expected):
        return
    if value:
        yield value, expected
    elif other := _evaluated(expected):
        yield found.answer, other
    twice = found.answer.rpartition(" or ") if stated else ("", "", "")
    if twice[0] and compare.equivalent(twice[0].strip(" ,"), twice[2]).correct:
        yield twice[2], expected


def _is_false(answer: str) -> bool:
    """Whether the last two sides of a chain are different numbers: ``x = 5 = 6``."""
    chain = chains.sides(answer) if len(answer) <= MAX_CHARACTERS else []
    if len(chain) < 2 or chains.ends_rounded(answer):
        return False
    one, other = _read(chain[-2]), _read(chain[-1])
    closed = all(isinstance(side, Term) and is_scalar(side) and not symbols(side) for side in (one, other))
    return closed and compare.equivalent(chain[-2], chain[-1]).outcome == "incorrect"


def _evaluated(answer: str) -> str:
    """Return the last side of a chain of three or more: ``A = \\pi r^2 = 9\\pi``."""
    return chains.value(answer) if len(answer) <= MAX_CHARACTERS and len(chains.sides(answer)) > 2 else ""


def _value(statement: str) -> str:
    """Return what the last statement ``a + b = 3 + 4 = 7`` or ``f(2) = 7`` says of several names, or of a function at a place; else nothing.

    ``2x = 8`` and ``x^2 = 4`` say of x something else.
    """
    value = chains.value(statement)
    if value:
        return value
    term = _read(statement)
    if not isinstance(term, Relation) or set(term.operators) != {"="} or isinstance(term.sides[-1], Symbol):
        return ""
    if symbols(term.sides[-1]) and len(symbols(term.sides[0])) < 2:
        return ""
    left = term.sides[0]
    told = len(symbols(left)) > 1 or (isinstance(left, Apply) and left.function not in ("+", "*", "^", "neg"))
    return statement.rpartition("=")[2].strip(" $") if told else ""


def _is_mathematics(text: str) -> bool:
    """Whether a text reads as something other than words; what is too large to read is mathematics."""
    try:
        return not any(isinstance(one, Words) for one in walk(read(text)))
    except Unreadable:
        return False
    except TooLarge:
        return len(text) <= MAX_CHARACTERS


def _is_one(text: str) -> bool:
    """Whether a text is one answer by its layout: a line, a displayed formula, a matrix, labelled parts."""
    return (
        "\n" not in text
        or "\\begin" in text
        or text.startswith(("$$", "\\[", "[", "("))
        or lettered.parts(text) is not None
    )


def _is_sentence(text: str) -> bool:
    return is_prose(text) and not _is_mathematics(text)


def _is_foreign_sentence(found: Found) -> bool:
    """Whether an answer is a sentence in another language with one number in it: ``Die Geschwindigkeit beträgt 12,5 km/h``."""
    foreign = found.foreign or languages.is_foreign(found.answer)
    one = len(_NUMBERS.findall(found.answer)) == 1 and not denies(found.answer) and not _RANKS.search(found.answer)
    return foreign and one and not _is_mathematics(found.answer)
