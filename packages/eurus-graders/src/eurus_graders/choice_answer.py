"""Reading a pick among lettered options from an answer, or from a reply that states one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import islice

from eurus_graders import reply
from eurus_graders.choice_sentence import DENIES, letters_of, predicate, subject
from eurus_graders.options import normal, options
from eurus_graders.picks import AMBIGUOUS, NONE, Pick, undressed

MAX_TEXT = 100_000
"""Characters looked at, from the end: answers stand there."""
MAX_BARE = 300
"""The most characters of an answer that is nothing but a pick: longer ones are replies."""
MAX_STATEMENTS = 40
"""The most statements that are looked at, from the last back."""

_MARK = re.compile(
    r"(?:(?i:option|choice|answer|alternative|opci[óo]n|opção|opzione|antwort|réponse|proposition|respuesta|resposta|risposta|letra|lettre|вариант|ответ)\s*:?\s+)?[*_]*"
    r"(?:[(\[]\s*(?P<bracketed>[A-Za-z])\s*[)\]]|(?P<plain>[A-Za-z])(?P<separator>\s?[.):]|\s+[-–—](?=\s))?(?![\w'’+#°]))"
)
_STATEMENT = re.compile(
    r"\b(?:answer|(?:correct|right|best|final|my)\s+(?:choice|option))\b[^.:=\n()]{0,40}?"
    r"(?:\bis\b|\bare\b|\bwould be\b|\bmust be\b|\bshould be\b|[:=])\s*:?\s*(?=(?P<said>[^\n]{1,400}))"
    r"|\b(?:choose|pick|select|chose|go with|going with|(?<=[.?!] )no,|\bno wait,|\bwait,)\s+(?=(?P<chosen>[^\n]{1,400}))"
    r"|\b(?:that|this|which)\s+(?:only\s+)?leaves\s+(?:us\s+with\s+)?(?:only\s+)?(?=(?P<left>[(\[*]*(?:(?:option|choice|answer)\s+)?[(\[*]*[A-Z]\b[^\n]{0,400}))"
    r"|\b(?:richtig|korrekt)\s+ist\s+(?:also\s+|somit\s+|daher\s+|demnach\s+)?(?=(?P<richtig>[^\n]{1,400}))"
    r"|(?:→|⇒|⟹|➜|\\(?:right|Right)arrow)\s*(?=(?P<arrow>[*$]*(?:(?:option|choice|answer)\s+)?[(\[*]*[A-Z]\b(?:[)\].:*]*\s*\([^()\n]{1,200}\))?[)\].:*$\s]*(?:\n|\Z)))"
    r"|\b(?:change|switch|revise|correct|update)\s+my\s+(?:answer|choice)\s+to\s+(?=(?P<changed>[^\n]{1,400}))"
    r"|\b(?:corresponds?\s+to|matches|agrees\s+with|(?:described|represented|given|expressed|explained|answered|captured|matched|shown)\s+by)\s+(?:answer\s+)?"
    r"(?=(?P<matched>(?:(?:option|choice|answer)\s+)?[*(\[]{0,3}[A-Z][*)\]]{0,3}[.!*]*\s*(?:\n|\Z)))"
    r"|(?:故选|应选|应该选|选择|选)\s*[:：]?\s*(?=(?P<elected>[(（]?[A-Za-z][^\n]{0,400}))",
    re.IGNORECASE,
)
_CONCLUDED = re.compile(
    r"(?i:\b(?:hence|thus|therefore|so|consequently|then)[,:]?\s+(?:it\s+is\s+|we\s+(?:get|have)\s+)?(?:the\s+)?(?:(?:correct|right)\s+)?"
    r"(?:option|choice|answer)?|\bit(?:['’]s|\s+is|\s+must\s+be)\s+(?:option\s+|choice\s+)?)\s*(?P<concluded>[(\[][A-Za-z][)\]]|\b[B-HJ-Z]\b|(?<=ion )A\b|(?<=ice )A\b)[\s.!*_]*$",
    re.MULTILINE,
)
_IT_IS = re.compile(
    r"\b(?:so|therefore|thus|hence|then),?\s+\**(?P<it>[(\[][A-Z][)\]]|[A-Z])\**\s+it\s+is\b[\s.!*_]*$",
    re.MULTILINE | re.IGNORECASE,
)
_NAMED_BEHIND = re.compile(
    r"(?P<words>[^()\n]{1,200}?)[,:]?\s*\(\s*(?:option\s+)?(?P<letter>[A-Z])\s*\)[\s.!*_]*", re.IGNORECASE
)
_IN_BRACKETS = re.compile(r"\s*\([^()]{1,200}\)[\s.!]*")
_IS_RIGHT = re.compile(
    r"(?P<picked>(?:\(\s*[A-Za-z]\s*\)|\b[A-Z]))\s+is\s+(?:the\s+)?(?:only\s+)?(?:correct|right|best|answer)\b(?!\s*\?)"
)
_LETTERS = re.compile(
    r"(?:(?i:options?|choices?|answers?|letters?)\s*:?\s+)?[(\[{]*[A-Z][)\]}.]?(?:\s*(?:,\s*(?:and|und|et|y)?|;|&|\+|/|and|und|et|y|和|、)\s*(?:(?i:options?|choices?)\s+)?[(\[{]?[A-Z][)\]}.]?){1,9}[)\]}]*"
)
_OF = re.compile(r"\bof\s+(?P<words>[^\n.!?]{1,200})[.!]?\s*\Z", re.IGNORECASE)
_CONDITIONAL = re.compile(
    r"\b(?:not|never|neither|nor|no|whether|if|could|would|might|may|should|tempted|considered|want(?:ed)?|to)\b|n['’]t\b",
    re.IGNORECASE,
)
"""Stands before words that name an option and makes them no pick."""
_BUT_NOT = re.compile(r",\s*(?:(?:and\s+)?not\b|nicht\b|pas\b|no\s|不是|не\s)", re.IGNORECASE)
_ARTICLE = re.compile(r"\A(?:la|le|el|die|der|das|letra|lettre)\s+(?=[(\[]?[A-Z]\b)")
_EXPLAINED = re.compile(r"[*_#]*(?:explanation|reason|because|justification|rationale|since|this|why)\b", re.IGNORECASE)
_CORRECTED = re.compile(r"[^\n?]{1,300}\?\s+[Nn]o[,.:]\s+(?=[(\[]?[A-Za-z])")
_REASON = re.compile(
    r",?\s*(?:(?:because|since|as|due|given|which|so|for|not|weil|denn|porque|ya\s+que|car|parce\s+que|puisque|perché|poiché|так\s+как|потому\s+что|поскольку|因为|是因为|is\s+(?:the\s+)?(?:correct|right|best|answer))\b|[-–—]{1,2}\s)",
    re.IGNORECASE,
)
_DOUBT = re.compile(r"\s*(?:is|are|was|isn|seems?|can|could|may|might|would|or|and|/|&|\?)(?![a-z])", re.IGNORECASE)
_LED = re.compile(r"^[ \t*_>•-]*(?:(?i:option|choice)\s+)?[(\[]?([A-Z])\s?[)\].:][*_)]*:?(?=[ \t]*\S{2})", re.MULTILINE)
"""A line that an option's letter leads and words follow."""
_DENIAL = re.compile(
    r"(?:not|n['’]t|neither|none|either|both(?!\s+(?!options?\b|choices?\b|answers?\b|statements?\b|are\b|of\b|could\b|may\b|might\b|seem)[a-z]{3,})|one of|among|between|all of)\b",
    re.IGNORECASE,
)
_END = " \t.,;:!)*_。"


def pick(text: str, listed: Mapping[str, str], question: str = "") -> Pick:
    """Return what a text picks: as a whole, else by its last statement, else in its last line.

    ``listed`` holds the options' texts by letter, empty where they are not known; then a short text without a letter may be an
    option's. ``question`` is the problem's text, empty where it is not known.
    """
    raw = unicodedata.normalize("NFKC", text[-MAX_TEXT:])
    boxed = reply.announced(raw)
    if boxed is not None and boxed.rule in ("boxed", "tagged", "json") and not boxed.after.strip(_END + "}"):
        return (
            bare(boxed.answer, listed) or NONE
        )  # at the end of all, it says what was meant, whatever else was weighed
    text = undressed(raw)
    first, _, rest = text.partition("\n")
    if rest and _EXPLAINED.match(rest.lstrip()):
        opened = bare(first, listed)
        if opened is not None and not opened.problem:
            return opened
    denied = _DENIAL.match(text) is not None and re.search(r"[.!?]\s+\S", text) is not None
    corrected = _CORRECTED.match(text)
    text = text[corrected.end() :] if corrected is not None else text
    found = None if denied else bare(text, listed)
    if found is not None:
        return found
    statements = [undressed(said) for said in islice(_statements(text), MAX_STATEMENTS)]
    for said in statements:
        found = _read(said, listed)
        if found is not None:
            return found
    if statements and not listed:
        return Pick(text=statements[0])
    last = text.rpartition("\n")[2]
    if _enumerates(text, last):
        return NONE
    named = predicate(last, listed) if listed else None
    if named is not None:
        return named
    marked = subject(last, question)
    if marked and (not listed or marked in listed):
        return Pick(marked, listed.get(marked, "")) if marked.isalpha() else Pick(text=marked)
    if last != text:
        return bare(last, listed) or NONE
    return Pick(text=text) if text and not listed and len(text) <= MAX_BARE else NONE


def _enumerates(text: str, last: str) -> bool:
    """Whether the last line is one of a list of the options, which picks none, finished or not."""
    led = _LED.match(last)
    before = _LED.findall(text[: len(text) - len(last)])
    return led is not None and bool(before) and led[1] not in before


def several(text: str) -> frozenset[str]:
    """Return the letters of ``A, C`` or ``(A) and (C)``, two or more; none where a text is anything else."""
    bare_text = undressed(text).strip(_END.replace(")", ""))
    return (
        frozenset(re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", bare_text))
        if _LETTERS.fullmatch(bare_text)
        else frozenset()
    )


def several_picked(text: str) -> frozenset[str]:
    """Return the letters that a reply states as its answer: as a whole, else in its last statement; one is a set of one."""
    text = undressed(unicodedata.normalize("NFKC", text[-MAX_TEXT:]))
    for said in (text, *map(undressed, islice(_statements(text), 1)), text.rpartition("\n")[2]):
        stated = re.split(r"(?<=\w)[.;!](?:\s|\Z)", said.replace("**", ""), maxsplit=1)[0]
        found = several(_REASON.split(stated, maxsplit=1)[0]) or several(stated)
        if found:
            return found
    one = pick(text, {})
    return frozenset(one.letter) if one.letter else frozenset()


def pick_of_own_list(text: str) -> Pick | None:
    """Return the option, of those that a reply itself lists, whose words its last sentence ends in: ``So it is 6 N.``"""
    text = undressed(unicodedata.normalize("NFKC", text[-MAX_TEXT:]))
    last = text.rpartition("\n")[2]
    listed = options(text[: len(text) - len(last)].rstrip() + "\n\n")
    if not listed or DENIES.search(last) is not None:
        return None
    amount = _OF.search(last)
    letters = letters_of(undressed(amount["words"]), listed) if amount is not None else []
    return Pick(letters[0], listed[letters[0]]) if len(letters) == 1 else predicate(last, listed)


def bare(text: str, listed: Mapping[str, str]) -> Pick | None:
    """Return the pick of a text that is nothing but one: a letter, a letter with its option's words, an option's words."""
    text = undressed(text)
    return None if "\n" in text or len(text) > MAX_BARE else _read(text, listed)


def _statements(text: str) -> Iterator[str]:
    """Yield what stands after ``boxed``, ``Answer:``, ``answer is``, ``I choose``, or before ``is correct``: the last first."""
    announced = reply.announced(text)
    found = [(len(text) - len(announced.after), announced.answer)] if announced is not None else []
    found += [
        (match.start(), next(said for said in match.groupdict().values() if said))
        for match in _STATEMENT.finditer(text)
        if not ((match["changed"] or match["matched"]) and _CONDITIONAL.search(_sentence_before(text, match.start())))
    ]
    found += [(match.start(), match["picked"]) for match in _IS_RIGHT.finditer(text)]
    found += [(match.start(), match["concluded"]) for match in _CONCLUDED.finditer(text)]
    found += [(match.start(), match["it"].upper()) for match in _IT_IS.finditer(text)]
    for _, said in sorted(found, reverse=True):
        yield said


def _sentence_before(text: str, at: int) -> str:
    return re.split(r"[.!?\n]\s", text[max(0, at - 200) : at])[-1]


def _read(text: str, listed: Mapping[str, str]) -> Pick | None:
    """Return the pick that a text opens with; None where it opens with something else."""
    text = _ARTICLE.sub("", _BUT_NOT.split(text, maxsplit=1)[0])
    if _DENIAL.match(text):
        return AMBIGUOUS
    sentence = re.split(r"(?<=\w)[.;!]\s", text, maxsplit=1)[0]
    letters = {letter for words in (text, sentence) for letter in letters_of(words, listed)}
    mark = _MARK.match(text)
    if mark is None:
        behind = _NAMED_BEHIND.fullmatch(text)
        if behind is not None and not _DENIAL.search(behind["words"]):
            letter, words = behind["letter"].upper(), undressed(behind["words"])
            if normal(listed.get(letter, "")) == normal(words) != "":
                return _known(letter, "", listed)
            if letters_of(words, listed):
                return AMBIGUOUS
            if not listed and not reply.is_prose(words):
                return Pick(letter, words)
        if not letters:
            return None
        letter = letters.pop()
        return AMBIGUOUS if letters else Pick(letter, listed[letter])
    letter = (mark["bracketed"] or mark["plain"]).upper()
    rest = text[mark.end() :].lstrip("*_")
    words = undressed(rest.strip(_END + "("))
    if not words:
        return _known(letter, "", listed)
    if words and normal(words) == normal(listed.get(letter, "")):
        return _known(letter, "", listed)
    marked = bool(mark["bracketed"] or mark["separator"])
    if not marked and re.match(r"\s+(?!and\b|or\b)[a-z]", rest) and not _REASON.match(rest.lstrip()):
        return None  # a word: "a city", "I would say"
    if _names_another(rest, letter) or any(other != letter for other in letters_of(words, listed)):
        return AMBIGUOUS
    if _REASON.match(rest.lstrip(" \t.,;:")) or re.match(r"[.;!]\s", rest):
        return _known(letter, "", listed)
    if _IN_BRACKETS.fullmatch(rest) and not DENIES.search(rest):
        return _known(letter, words, listed)
    if _DOUBT.match(rest):
        return AMBIGUOUS
    return _known(letter, words, listed) if marked else None


def _names_another(rest: str, letter: str) -> bool:
    """Whether what follows a letter goes on to name another: ``, C``, ``or (D)``, `` (B)``; a reason may name it."""
    if _REASON.match(rest.lstrip()):
        return False
    others = re.findall(r"[(\[]\s*([A-Z])\s*[)\]]", rest)
    follows = re.match(r"\s*(?:,\s*)?(?:and|or|and/or|[/&,;+])*\s*([A-Za-z])(?=\s*(?:$|[.,;:)/&]|and\b|or\b))", rest)
    if follows is not None:
        others.append(follows[1])
    return any(other.upper() != letter for other in others)


def _known(letter: str, words: str, listed: Mapping[str, str]) -> Pick:
    """Return the pick; of a letter beyond the list, nothing. One option alone, a reference's, is no list."""
    return Pick(letter, listed.get(letter, "") or words) if len(listed) < 2 or letter in listed else NONE
