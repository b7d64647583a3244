r"""Reading the answer that a reply announces: the one place for boxes, tags, JSON, ``####`` and "the answer is".

The rule, for every grader:

- What a reply announces last is its answer, whichever way it announces it: ``\boxed{42}``, ``<answer>42</answer>``, ``{"answer": 42}``,
  ``#### 42``, "the answer is 42", ``Answer:`` before a line, a displayed formula or a fence, in the languages below.
- Boxes that only commas, "and" or "or" part are one list; of other boxes the last counts. One that is never closed ends with its line.
- An answer that is taken back ("Wait, that is wrong") is none; what is said after that may be.
- Code in fences announces nothing. Of a reply that our cap cut only what it had finished counts.

A reply that announces nothing may still state an answer; how its last statement is read is each grader's own business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from eurus_graders import boxes, dress

MAX_TEXT = 100_000
"""Characters looked at, from the end: answers stand there."""
_TAIL = 1_500
"""Looked at first: the last announcement counts, so that one found there settles it."""

Rule = Literal["", "boxed", "tagged", "json", "stated", "output", "last statement"]


PROSE = frozenset((
    "is", "are", "was", "were", "has", "have", "had", "we", "she", "he", "they", "i", "you", "so", "thus", "hence", "therefore", "then", "there", "this",
    "that", "these", "because", "gives", "get", "gets", "got", "makes", "make", "made", "needs", "need", "costs", "cost", "pays", "pay", "using", "let", "now",
    "note", "find", "finds", "first", "next", "finally", "her", "his", "their", "our", "my", "will", "would", "can", "could", "should", "must", "equals",
    "sold", "takes", "took", "earns", "spends", "saves", "it", "its", "between", "about",
))  # fmt: skip
"""Words that make a text a sentence, of which an answer is a part."""
_WORDS = re.compile(r"(?<![\\\w])(?:[^\W\d_]{2,}|I(?=\s+[a-z]{2}))")
_FORMULA = re.compile(r"\$[^$]{1,999}\$|\\\(.{1,999}?\\\)|\\\[.{1,999}?\\\]|\\text\s*\{[^{}]*\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer cut out of a text, by which rule, and the text behind it. ``foreign``: words of another language than English announce it."""

    answer: str
    rule: Rule
    after: str = ""
    foreign: bool = False


_ENGLISH = (
    r"(?<![\w\"'])(?:answers?|results?|(?:correct|right|best|final|my)\s+(?:option|choice|value)s?|solutions?)\b[^.:=\n]{0,40}?"
    r"(?:\b(?:is|are|was|becomes?|equals|(?:must|should|would|will)\s+be|seems?\s+to\s+be|appears?\s+to\s+be)\b|[:：=])"
)
_CUES = (
    _ENGLISH,
    r"(?:^|(?<=\n))[*_]*final[*_]*\s*[:：]",
    r"(?:答案|答|结果|最终答案|答え|解答|回答|正解)\s*(?:应该是|应为|是|为|等于|は|[:：=])",
    r"(?:antwort|ergebnis|endergebnis|lösung)\b[^.:=\n]{0,30}?(?:\b(?:ist|lautet|beträgt)\b|[:=])",
    r"(?:réponses?|résultat|solution)\b[^.:=\n]{0,30}?(?:\b(?:est|sont)\b|[:=])",
    r"(?:respuestas?|resultado|solución|resposta|risposta|risultato)\b[^.:=\n]{0,30}?(?:\b(?:es|son|sería|é|sono)\b|è|[:=])",
    r"(?:ответ|результат)(?:ом|а)?\b[^.:=\n—–-]{0,30}?(?:\b(?:равен|равна|равно|является|будет|это)\b|[:=—–-])",
    r"(?:정답|답|최종\s*답|결과)\s*(?:은|는|이|[:：=])",
    r"(?:الإجابة|الاجابة|الجواب|النتيجة|الناتج)(?:\s+(?:النهائية|الصحيحة|النهائي|الصحيح))?\s*(?:هي|هو|[:：=])",
    r"(?:उत्तर|जवाब|परिणाम)\s*(?:है|होगा|[:：=])?\s*",
)
_STATED = re.compile("|".join(_CUES), re.IGNORECASE)
_IN_ENGLISH = re.compile(_ENGLISH, re.IGNORECASE)
_SOLUTION = re.compile(r"(?:solutions?|results?|solution|lösung|solución)\s*[:：=]\Z", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:not|no|never|cannot|nicht|kein|pas|non|não|не)\b|n['’]t\b|不|ليس|नहीं", re.IGNORECASE)
_WEAK = re.compile(
    r"(?:solutions?|results?|my|best|right|correct|resultat|resultado|risultato|résultat|ergebnis|результат|结果|결과)",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]*|\*\*[ \t]*)(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|result|答案|最终答案|答え)[ \t]*[:：]?[ \t]*(?:\*\*)?[ \t]*[:：]?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_LETTERED = re.compile(r"^[ \t]*(?:\*\*)?(?:A|Ans|ANS)\s*[:：](?:\*\*)?(?=\s*\S)", re.MULTILINE)
_HASHES = re.compile(r"####(?!#)[ \t]*(?!(?:step|part|case|final answer|answer)\b)(?=\S)", re.IGNORECASE)
_OPEN_TAG = re.compile(
    r"<(answer|final_answer|finalanswer|ans)>|<\|begin_of_box\|>|<\|begin_of_solution\|>", re.IGNORECASE
)
_CLOSE_TAG = re.compile(
    r"</(?:answer|final_answer|finalanswer|ans)>|<\|end_of_box\|>|<\|end_of_solution\|>", re.IGNORECASE
)
_JSON = re.compile(
    r"[\"'](?:final[_ ]?answer|answer|result|solution|prediction|choice|answer_choice)[\"']\s*:\s*"
    r"(?:\"((?:[^\"\\]|\\.)*)\"|'([^'\n]*)'|(\[[^\[\]]*\]|[^,}\s\"'\[{][^,}\n]*))(?=\s*[,}])",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([^\n`]*)\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_PRINTED = frozenset({"output", "text", "stdout", "result", "plaintext", "txt", "console"})
_PROGRAM = re.compile(r"^\s*(?:print\(|import |from \w+ import|def |for .*:$|[A-Za-z_]\w* = )", re.MULTILINE)
_DISPLAY = re.compile(
    r"\$\$(.*?)\$\$|\\\[(.*?)\\\]|\\begin\{(?:align|equation|gather)\*?\}(.*?)\\end\{(?:align|equation|gather)\*?\}",
    re.DOTALL,
)
_PART = re.compile(r"\s*[-*•]?\s*\(?(?:[a-hA-H]|i{1,3}|iv|vi{0,3}|[1-9])[.)]\s")
_ABBREVIATED = "".join(
    rf"(?<!\b{word})" for word in ("[A-Z]", "St", "Mr", "Ms", "Mrs", "Dr", "Jr", "Sr", "Mt", "Ft", "No", "vs")
)
_SENTENCE_END = re.compile(
    rf"(?<=[^\s]){_ABBREVIATED}[.](?=\s+[A-Z]|\s*$)|(?<=[A-Z])\.(?=\s*$)|[。।]|(?<=[^.\s]\.\$)(?=\s+[A-Z][a-z])"
)
_REASON = re.compile(
    r",?\s+(?:because|since|which|rather than|instead of|as (?:desired|required|shown|expected))\b|,\s*(?:not|so|where|as)\b"
)
_WHICH_IS = re.compile(r",?\s+which\s+(?:is|are|equals|comes\s+to)\s+(?P<said>\S.*)", re.DOTALL)
_PRAISE = re.compile(
    r"(?:indeed\s+|thus\s+)?(?:correct|right|reasonable|valid|unique|consistent|verified|confirmed)", re.IGNORECASE
)
"""Said of an answer, and none."""
_FILLER = re.compile(
    r"(?:(?:therefore|thus|hence|then|now|simply|just|indeed|exactly|equal to|given by|probably|definitely|clearly|actually"
    r"|also|somit|daher|folglich|demnach|schließlich|donc|alors|ainsi|entonces|pues|por (?:lo )?tanto|portanto|então|logo|quindi|dunque|итак|значит)\b[\s,:]*)+",
    re.IGNORECASE,
)
_RATHER = re.compile(r"\Anot\s[^,;.]{1,40}?,?\s+but\s+(?:rather\s+)?", re.IGNORECASE)
_VALUED = re.compile(r"\d|\$")
_COPULA = re.compile(r"\s*(?:です|である|だ|になります|となります|입니다|이다|이에요|예요|है|हैं|होगा)[\s。.।]*\Z")
_WITHDRAWN = re.compile(
    r"\b(?:wait|hold on|scratch that|oops|on second thought|correction)\b"
    r"|\b(?:that|this|it|which)(?:['’]s| is| was| seems| looks)\s+(?:actually\s+|clearly\s+|obviously\s+)?(?:wrong|incorrect|not (?:right|correct)|a mistake|an error)\b"
    r"|\b(?:earlier|previous|first|above|that)\s+(?:\w+\s+)?was\s+(?:a|an)\s+(?:\w+\s+)?(?:slip|mistake|error|typo|miscalculation)\b"
    r"|\bI\s+(?:made|have made)\s+(?:a|an)\s+(?:\w+\s+)?(?:mistake|error)\b|\bI\s+was\s+wrong\b|\bI(?:['’]m|\s+am)\s+(?:not\s+(?:so\s+|quite\s+|at\s+all\s+)?sure|unsure)\b"
    r"|(?:^|[.!?\n]\s*|\bhowever,\s*|\bbut\s+)(?:this|that|it)\s+(?:(?:does|do|did)(?:\s+not|n['’]t)\s+(?:satisfy|work|hold|fit|match|make)|(?:cannot|can\s*not|can['’]t|could(?:\s+not|n['’]t))\s+be|(?:is|was)\s+(?:not\s+(?:yet\s+)?(?:the|our|my)\s+(?:final\s+)?answer|only\s+(?:an?\s+(?:upper|lower)\s+bound|half)))\b"
    r"|\bwe\s+(?:forgot|overlooked|still\s+(?:need|have)|must\s+still)\b|(?:^|[.!?\n]\s*)no,\s|\bactually,?\s+(?:it|that|the answer|this)\b",
    re.IGNORECASE,
)
_FINISHED = re.compile(r"[.!?](?=\s)|\n|\}|</\w+>|。")


def is_announcement(text: str) -> bool:
    """Return whether a text announces something at all: a quick look."""
    return "boxed" in text or "####" in text or "<" in text or _STATED.search(text) is not None


def announced(text: str, *, cut: bool = False) -> Found | None:
    """Return the answer that a text announces last, or None. ``cut``: the text's end is unfinished, and what runs into it is none."""
    text = without_code(text[-MAX_TEXT:])
    if cut:
        text = finished(text)
    tail = text[-_TAIL:]
    found = _last(tail, cut) if len(tail) < len(text) else None
    if found is None or (found.rule == "boxed" and len(tail) < len(text)):
        found = _last(text, cut)
    return found


def is_prose(text: str) -> bool:
    """Return whether a text is a sentence, or several, which may hold an answer but is none."""
    bare = _FORMULA.sub(" ", text[:_TAIL])
    return any(word.lower() in PROSE for word in _WORDS.findall(bare))


def finished(text: str) -> str:
    """Return a cut text without the sentence that it ends in."""
    ends = [found.end() for found in _FINISHED.finditer(text)]
    return text[: ends[-1]] if ends else ""


def without_code(text: str) -> str:
    """Return a text without its fenced programs; fences that show output or hold one answer stay."""
    if "```" not in text and "~~~" not in text:
        return text
    return _FENCE.sub(lambda fence: fence.group() if _shows(fence[2].strip(), fence[3]) else "\n", text)


def _shows(info: str, inside: str) -> bool:
    """Whether a fence holds something other than a program."""
    name = info.split()[0].lower() if info else ""
    return (
        name in _PRINTED
        or name in ("json", "latex", "math", "tex", "markdown")
        or (not name and _PROGRAM.search(inside) is None)
    )


def printed(text: str) -> str | None:
    """Return the last line of the last fence that shows output, or None."""
    lines = [
        line
        for fence in _FENCE.finditer(text)
        if fence[2].strip().lower() in _PRINTED
        for line in fence[3].splitlines()
        if line.strip()
    ]
    return lines[-1].strip() if lines else None


def withdrawn(found: Found) -> bool:
    """Whether what follows an announcement takes it back."""
    return _WITHDRAWN.search(found.after) is not None


def _last(text: str, cut: bool = False) -> Found | None:
    """Return the last announcement in a text: of two at one place the box."""
    best: tuple[int, Found] | None = None
    box = boxes.last(text, cut)
    for start, found in _announcements(text):
        if best is None or start >= best[0]:
            best = start, found
    if box is None:
        return best[1] if best is not None else None
    start, inside_box, end = box
    found = Found(inside_box, "boxed", text[end:])
    inside = best is not None and best[0] <= start + 2 and len(text) - len(best[1].after) >= start
    return found if best is None or inside or best[0] < start else best[1]


def _announcements(text: str) -> Iterator[tuple[int, Found]]:
    """Yield where announcements but boxes begin, each with its answer; the last of each kind that holds one."""
    for kinds in (_tagged, _json, _hashes, _stated):
        found = kinds(text)
        if found is not None:
            yield found


def _tagged(text: str) -> tuple[int, Found] | None:
    if "<" not in text:
        return None
    opened = list(_OPEN_TAG.finditer(text))
    for tag in reversed(opened):
        closed = _CLOSE_TAG.search(text, tag.end())
        end, after = (closed.start(), closed.end()) if closed is not None else (len(text), len(text))
        inside = text[tag.end() : end].strip()
        if inside and len(inside) <= 4096:
            again = _last(inside)
            return tag.start(), Found(again.answer if again is not None else inside, "tagged", text[after:])
    return None


def _json(text: str) -> tuple[int, Found] | None:
    if "{" not in text or ":" not in text:
        return None
    found = list(_JSON.finditer(text))
    if not found:
        return None
    last = found[-1]
    quoted, single, bare = last.groups()
    value = _unescaped(quoted) if quoted is not None else single if single is not None else bare.strip()
    if not value.strip() or value in ("null", "None"):
        return None
    again = _last(value)
    return last.start(), Found(again.answer if again is not None else value.strip(), "json", text[last.end() :])


def _unescaped(quoted: str) -> str:
    r"""Return a JSON string's value; LaTeX that was written into one unescaped (``"\frac12"``) as it stands."""
    if re.search(r"(?<!\\)\\(?:[A-Za-z]{2}|[^\"\\/bnrtu])", quoted):
        return quoted
    try:
        return str(json.loads(f'"{quoted}"'))
    except ValueError:
        return quoted


def _hashes(text: str) -> tuple[int, Found] | None:
    if "####" not in text:
        return None
    found = list(_HASHES.finditer(text))
    if not found:
        return None
    last = found[-1]
    line = text.find("\n", last.end())
    end = len(text) if line < 0 else line
    answer = dress.undressed(text[last.end() : end].strip(" *_`#"))
    if not answer or (len(answer.split()) > 4 and not any(map(str.isdigit, answer))):
        return None  # a heading
    again = _stated(answer)
    return last.start(), Found(again[1].answer if again is not None else answer, "stated", text[end:])


def _stated(text: str) -> tuple[int, Found] | None:
    """Return the last statement of an answer, in whichever language."""
    cues = [(found.start(), found.end(), found.group()) for found in _STATED.finditer(text)]
    if "#" in text or "**" in text:
        cues += [(found.start(), found.end(), "") for found in _HEADING.finditer(text)]
    if ":" in text or "：" in text:
        cues += [
            (found.start(), found.end(), "") for found in _LETTERED.finditer(text) if text[: found.start()].strip()
        ]
    for start, end, cue in sorted(cues, reverse=True):
        if _NEGATED.search(cue) is not None:
            continue
        answer, after = _behind(text, end)
        if not answer or _PRAISE.fullmatch(answer) or (_WEAK.match(cue) is not None and _goes_on(cue, after)):
            continue
        return start, Found(answer, "stated", after, foreign=bool(cue) and _IN_ENGLISH.match(cue) is None)
    return None


def _goes_on(cue: str, after: str) -> bool:
    """Whether a text goes on behind a result or a solution, which then were steps on the way."""
    return (
        bool(after.strip()) if _SOLUTION.search(cue) is not None else len(after) > 200 or any(map(str.isdigit, after))
    )


def _behind(text: str, at: int) -> tuple[str, str]:
    """Return the answer that stands behind a cue, on its line or, where nothing does, below it, and the text behind that."""
    opened = re.compile(r"(?:[ \t*_:：]|(?<!\\)\\[,;: ])*").match(text, at)
    at = opened.end() if opened is not None else at
    below = re.compile(r"\s*").match(text, at)
    if below is not None and (
        "\n" in below.group() or text.startswith(("```", "~~~", "$$", "\\[", "\\begin{"), below.end())
    ):
        at = below.end()
    fence = _FENCE.match(text, at)
    if fence is not None:
        return fence[3].strip(), text[fence.end() :]
    display = _DISPLAY.match(text, at)
    if display is not None:
        return next(inside for inside in display.groups() if inside is not None).strip(), text[display.end() :]
    end = _line_end(text, at)
    if _PART.match(text, at):
        while end < len(text) and _PART.match(text, end + 1):
            end = _line_end(text, end + 1)
    line = text[at:end]
    sentence = _SENTENCE_END.split(line, maxsplit=1)[0] if "\n" not in line else line
    answer = _trimmed(sentence)
    again = _STATED.search(answer)
    if again is not None:
        inner, _ = _behind(answer, again.end())
        answer = inner or answer
    return answer, text[at + len(sentence) :]


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    for opening, closing in (("\\[", "\\]"), ("$$", "$$"), ("\\begin{", "\\end{")):
        opened = text.find(opening, at, end)
        if opened >= 0 and text.find(closing, opened + 2, end) < 0:
            closed = text.find(closing, end)
            if closed >= 0:
                return _line_end(text, closed)
    return end


def _reasonless(sentence: str) -> str:
    """Return a sentence up to its reason; one within brackets is a remark's.

    Where what stands before is a description, the value is behind it: ``the sum of both, which is 12``, ``two numbers, so the less is 3``.
    """
    at, opened = 0, 0
    for reason in _REASON.finditer(sentence):
        opened += sentence.count("(", at, reason.start()) - sentence.count(")", at, reason.start())
        at = reason.start()
        if opened <= 0:
            head, tail = sentence[:at], sentence[at:]
            described = len(_WORDS.findall(_FORMULA.sub(" ", head))) > 2
            if described and (said := _WHICH_IS.fullmatch(tail)) is not None and _VALUED.search(said["said"]):
                return said["said"]
            return sentence if described and tail.lstrip(", ").startswith("so ") and _VALUED.search(tail) else head
    return sentence


def _trimmed(sentence: str) -> str:
    answer = dress.undressed(_COPULA.sub("", _reasonless(sentence))).strip(" \t*_:：`")
    for opening, closing in (("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")):
        unopened = answer.count(closing) % 2 == 1 if opening == closing else opening not in answer
        if answer.endswith(closing) and unopened and not answer.endswith("\\$"):
            answer = answer[: -len(closing)].rstrip()
    answer = answer[found.end() :] if (found := _FILLER.match(answer)) else answer
    return _RATHER.sub("", answer)
