r"""The sentences at a reply's end, with formulas masked, and the part of a sentence that states something.

A formula stands as ``\x00 number \x00``; the full stop or comma that it ends in stands behind it, as it does for a reader.
"""

from __future__ import annotations

import re

from eurus_graders.math.read import languages
from eurus_graders.math.read.chunks import valued

_TAIL = 2_500
"""Characters looked at, from the end."""
_FORMULA = re.compile(
    r"\$\$(.{1,1999}?)\$\$|(?<![\\$])\$(?=\S)([^$\n]{1,999}?)(?<![\s\\])\$(?!\d)|\\\((.{1,999}?)\\\)|\\\[(.{1,1999}?)\\\]"
    r"|\\begin\{(align|equation|gather|eqnarray)\*?\}(.{1,1999}?)\\end\{\5\*?\}",
    re.DOTALL,
)
_STOP = re.compile(r"(?<!\.)(?P<stop>[.,;])\s*(?:\\end\{\w+\*?\}\s*|\\\\\s*|\\[,;!]\s*){0,3}\Z")
_OPENS = re.compile(r"\s*[A-Z][a-z']*[\s,]")
"""A new sentence, behind a displayed formula."""
_DRAWING = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)|\\blacksquare|\\square\s*\$?\s*\Z|<<[^<>\n]{1,200}>>", re.DOTALL)
_LAST_REMARK = re.compile(r"(?<=[.$\])])[ \t]*\n\s*\([A-Z][^()]{20,600}[.!]\)\s*\Z")
"""A paragraph in brackets."""
_CLOSER = re.compile(
    r"\s*(?:i hope|hope (?:this|that)|let me know|please let|feel free|if you have|is there anything|good luck|thank|q\.?e\.?d|✅|this (?:completes|concludes)"
    r"|would you like|do you|and we are done|we are done)",
    re.IGNORECASE,
)
_ABBREVIATED = "".join(
    rf"(?<!\b{word}\.)"
    for word in ("[A-Z]", "vs", "Mr", "Ms", "Mrs", "Dr", "St", "No", "eq", "i\\.e", "e\\.g", "approx")
)
_SENTENCES = re.compile(rf"(?<=[^\s.][.!?]){_ABBREVIATED}[\"')*_]*\s+(?=[\"'(*_\\$\x00]?[A-Z\x00\d\\-])|\n+")
_CHECK = re.compile(
    r"\W*(?:check|checking|testing|we\s+(?:can\s+)?(?:easily\s+)?(?:check|verify|see)|verification|verify|verifying|probe|comprobación|verificação|vérification|проверка)\b"
    r"(?:(?!\bnot\b(?!\s+an?\s+extraneous)).)*(?:[✓✔✅☑]|\b(?:correct|works?|holds?|true|valid|satisf(?:y|ies)(?:\s+the)?(?:\s+\w+)?(?:\s+equations?)?|an?\s+extraneous\s+(?:solution|root))\b\W*\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""A check behind the answer, and that it holds."""
_LAST_CHECK = re.compile(
    r"\n[ \t*_#>-]*(?:check|checking|verification|verify|verifying|probe|comprobación|verificação|vérification|проверка)\b\**\s*:(?:(?!\n\s*\n).){1,600}"
    r"(?:[✓✔✅☑]|\b(?:correct|works?|holds?|true|valid|stimmt|correcto|correto|vérifié[e]?|верно))[\s.!*]*\Z",
    re.IGNORECASE | re.DOTALL,
)
"""A last paragraph that checks the answer, in one sentence or several, and finds that it holds."""
_REMARK = re.compile(
    r"\W*(?:for (?:example|instance|these)\b|equality (?:occurs|holds|is)|to (?:achieve|see|obtain)\b|(?:this|it) (?:is|can be) (?:achieved|attained|obtained|realized)\b"
    r"|to (?:check|confirm|verify)\b|we can (?:check|confirm|verify)\b|(?:these|this) (?:can|values?) |(?:this|the above) (?:identity|formula|trick|technique|method)\b|note\b|in fact\b|indeed\b|(?:this|here is an) example\b|an example\b)",
    re.IGNORECASE,
)
"""Opens a sentence about an answer that was given before."""
_TAKES_BACK = re.compile(
    r"\b(?:not|never|no|nor|cannot|wrong|incorrect|impossible|invalid|fails?|failed|mistaken?|mistakes?|errors?|contradict\w*|forgot|missed|overlooked|unless|however|but|only\s+if)\b|n['’]t\b",
    re.IGNORECASE,
)
"""In a remark about an answer, which then is none."""
_STEP = re.compile(
    r"\W*(?:(?:so|then|now|next|but|and|thus|finally),?\s+)*(?:let(?:\s+us|['’]s)?\b|it\s+remains\b|we\s+still\b|(?:we\s+)?(?:subtract|add|multiply|divide|double|square|halve)\b(?!.*(?:=|\x00|\b(?:get|gives?|obtain|so|is)\b)))",
    re.IGNORECASE | re.DOTALL,
)
"""Opens a sentence that says what is to be done."""
_CONCLUDES = re.compile(r"\W*(?:so|thus|hence|therefore|consequently|we conclude|it follows)\b", re.IGNORECASE)

_BULLET = re.compile(r"^\s*(?:[*•]\s+|>{1,3}\s+|#+\s+|-\s+(?=[A-Za-z])|(?:\d+[.)]|[Ss]tep\s+\d+\s*[:.)-])\s+)")
_END_MARK = re.compile(r"\s*\[?(?:\\blacksquare|\\square|■|□|∎)\]?\s*\Z")
_ASIDE = re.compile(r"\s*\((?=[^()]*[A-Za-z]{2}[^()]*\))[^()]*\)\s*(?=(?:\*\*)?[.!]?(?:\*\*)?\s*\Z)")
_SPACED_RATIO = re.compile(r"(?<=\d)\s+:\s+(?=\d)")
_PARENTHESISED = re.compile(r"\([A-Z][^()]*[A-Za-z]{2}[^()]*\)\.?")
_VERBS = (
    r"(?:then\s+|in\s+turn\s+|finally\s+)?(?:gives?|means?|impl(?:y|ies)|yields?|leaves?|leads?|shows?|simplif(?:y|ies)|evaluates?|reduces?|comes?\s+(?:out\s+)?to"
    r"|results?\s+in|tells?|turns?\s+out|has)\b"
)
_REASON = re.compile(
    rf"(?:,?\s+(?:because|since|(?<!of )(?<!from )which(?!\s+{_VERBS})|rather than|instead of|as (?:desired|required|shown|expected|claimed))\b|,\s*(?:not|where|as)\b)"
    r"(?:(?!\b(?:so|thus|hence|therefore|and\s+there\s+(?:are|is))\b).)*\Z",
    re.DOTALL,
)
_GROUND = re.compile(
    r"\A\W*(?:(?:so|thus|hence|then|but|and|now),?\s+)?(?:since|because|as|given\s+that)\b[^,;]*,\s+(?!and\b|or\b)",
    re.IGNORECASE,
)
"""Opens a sentence with what its statement follows from."""
_SO = re.compile(
    rf"(?:(?:[,;:]|\x00)\s*(?:and\s+)?(?:so(?!\s+(?:that|far|much|many|long|as|on|forth)\b)|thus|hence|therefore|implying\s+that|meaning\s+that|which\s+{_VERBS}|from\s+which|in\s+which\s+case)"
    r"|(?:[,;]|\x00)\s*(?:giving|yielding))\b(?:[\s,]+(?:us|that|to|we\s+(?:get|have|find|obtain|see)|it\s+follows|the\s+answer\s+is|to\s+be))*\s*"
)
"""What leads over to the clause that follows from the rest."""
_ATTAINED = re.compile(
    r",?\s+(?:(?:and|where|with)\s+)?(?:(?:this\s+)?(?:maximum|minimum|value|equality)\s+)?(?:this\s+|it\s+|which\s+)?(?:is\s+|can\s+be\s+)?(?:achieved|attained|obtained|reached|occurs?|occurring)"
    r"\s+(?:only\s+|exactly\s+|precisely\s+)?(?:when|at|if|for|by)\b.*\Z",
    re.DOTALL,
)
"""Where a value is attained, behind the value."""
_COUNT = re.compile(
    r"(?P<count>.*\b(?:there\s+(?:are|is)|has|have|gives(?:\s+us)?|total\s+of)\s+(?:exactly\s+|only\s+|a\s+total\s+of\s+)?\**(?:\d{1,6}|\x00\d+\x00)\**\s+(?:[^\x00\d:]|\x00\d+\x00){3,60}?)"
    r"(?:,\s+(?:namely|and\s+they\s+are)\b|:\s)",
    re.DOTALL | re.IGNORECASE,
)
"""How many there are, before which they are: ``there are 3 solutions: 1, 2 and 4``."""
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|textit|mbox|text\s*\{\s*\\bf)\s*\{(?P<words>[A-Za-z][A-Za-z' -]{0,40})\}")
_BOLD = re.compile(r"(?<!\*)\*\*([^*\n]{1,40})\*\*(?!\*)")
_ENDS_BOLD = re.compile(
    r"\A\W*(?:so|thus|hence|therefore|then|it|this|that|the|answer)\b.{0,120}?\b(?:is|are|was|be|called|on|a|an)\s+(?:an?\s+|the\s+)?\*\*[A-Za-z][A-Za-z' -]*[.]?\*\*[.!]?\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_DENIES = re.compile(
    r"\b(?:not|no|never|neither|nor|without|or|maybe|perhaps|might|may|could|would|if|unless|wrong|incorrect|both|except|than|rather)\b|n['’]t\b",
    re.IGNORECASE,
)
_WHICH_IS = re.compile(
    r",?\s+which\s+(?:is|are|equals|comes\s+to)\s+(?:then\s+|just\s+|simply\s+|exactly\s+|equal\s+to\s+)?(?P<said>\**(?:[^\s\x00]*\d[^\s\x00]*|\x00\d+\x00)\**(?:\s+[A-Za-z]+)?)[.!*]*\s*\Z"
)


def last(text: str) -> tuple[list[str], list[str]]:
    """Return the last sentences of a text that say something, the last one last, and the formulas that they name."""
    bare = _DRAWING.sub(" ", text)
    remark = _LAST_REMARK.search(bare)
    if remark is not None and _TAKES_BACK.search(remark.group()) is None:
        bare = bare[: remark.start()]
    check = _LAST_CHECK.search(bare)
    if check is not None and bare[: check.start()].strip() and _TAKES_BACK.search(check.group()) is None:
        bare = bare[: check.start()]
    tail = languages.units_named(languages.digits(_end(bare if bare.strip() else text)))
    formulas: list[str] = []

    def masked(found: re.Match[str]) -> str:
        inside = next(one for one in (found[1], found[2], found[3], found[4], found[6]) if one is not None)
        formulas.append(inside)
        stop = _STOP.search(inside)
        inline = found[2] is not None or found[3] is not None
        end = stop["stop"] if stop is not None else "." if not inline and _OPENS.match(tail, found.end()) else ""
        mask = f"\x00{len(formulas) - 1}\x00{end}"
        return mask if inline else f" {mask} "

    sentences = [one.strip() for one in _SENTENCES.split(_FORMULA.sub(masked, tail)) if one and one.strip(" \t*_-#`")]
    while sentences and _CLOSER.match(sentences[-1].lstrip("*_ ")):
        sentences.pop()
    while len(sentences) > 1 and (
        (_CHECK.match(sentences[-1]) is not None and sentences[-1].count("\x00") <= 2)
        or (_PARENTHESISED.fullmatch(sentences[-1]) is not None and _TAKES_BACK.search(sentences[-1]) is None)
    ):
        sentences.pop()
    if len(sentences) > 1 and _REMARK.match(sentences[-1]) is not None and not _concludes(sentences[-1]):
        told = next((at for at in (-2, -3) if -at <= len(sentences) and not _REMARK.match(sentences[at])), -1)
        if _concludes(sentences[told]) and not any(map(_TAKES_BACK.search, sentences[told:][1:])):
            del sentences[len(sentences) + told + 1 :]
    return sentences[-3:], formulas


def _end(text: str) -> str:
    """Return the end of a text, from outside of a formula in dollars."""
    start = max(0, len(text) - _TAIL)
    if start and (text.count("$", 0, start) - text.count("\\$", 0, start)) % 2:
        start = text.find("$", start) + 1
    return text[start:]


def _concludes(sentence: str) -> bool:
    return _CONCLUDES.match(sentence) is not None or _SO.search(sentence) is not None


def is_step(sentence: str) -> bool:
    """Whether a sentence says what is to be done: ``Let us subtract 1 from it.``"""
    return _STEP.match(sentence) is not None


def aside(sentence: str) -> str:
    """Return the remark in brackets that a sentence ends in, or nothing."""
    found = _ASIDE.search(sentence)
    return found.group() if found is not None else ""


def clause(sentence: str, formulas: list[str]) -> str:
    """Return the part of a sentence that states something: what follows from the rest, without list marks, asides, reasons and lists."""
    sentence = _END_MARK.sub("", _BULLET.sub("", sentence).strip())
    sentence = _SPACED_RATIO.sub(":", _ASIDE.sub("", sentence))
    shorter = _REASON.sub("", sentence)
    if _says(shorter):
        sentence = shorter
    shorter = _ATTAINED.sub("", sentence)
    if _says(shorter, formulas):
        sentence = shorter
    for found in reversed(list(_SO.finditer(sentence))):
        if _says(sentence[found.end() :], formulas):
            sentence = sentence[found.end() :]
            break
    while (ground := _GROUND.match(sentence)) is not None and _says(sentence[ground.end() :], formulas):
        sentence = sentence[ground.end() :]
    counted = _COUNT.match(sentence)
    if counted is not None:
        return counted["count"]
    head, colon, rest = sentence.partition(": ")
    if colon:
        listed = len(re.findall(r"\d+ [A-Za-z]{2}", rest)) > 1
        return head if listed and re.search(r"\d", head) and not re.search(r"\btotal|=", rest) else rest
    return sentence


def which_is(sentence: str) -> str:
    """Return the value in ``the cube of 21, which is 9261``, or nothing."""
    found = _WHICH_IS.search(sentence)
    return str(found["said"]) if found is not None else ""


def named(clause: str, formulas: list[str]) -> str:
    r"""Return the only thing that a clause points out, where that is a word or a few: ``so it will be **Monday**``, ``$\text{Ann}$ is the oldest``."""
    if _DENIES.search(clause) is not None:
        return ""
    masks, bold = re.findall(r"\x00(\d+)\x00", clause), _BOLD.findall(clause)
    found = _TEXT.fullmatch(formulas[int(masks[0])].strip(" .,")) if len(masks) == 1 and not bold else None
    if found is not None and not valued(re.sub(r"\x00\d+\x00", " ", clause)):
        return "\\text{" + found["words"].strip() + "}"
    if len(bold) == 1 and not masks and not valued(clause) and _ENDS_BOLD.search(clause):
        return "\\text{" + str(bold[0]).strip(" .:") + "}"
    return ""


def _says(text: str, formulas: list[str] | None = None) -> bool:
    """Whether a text holds a numeral, or a formula, one with a value in it where they are given."""
    if valued(re.sub(r"\x00\d+\x00", " ", text)):
        return True
    named = re.findall(r"\x00(\d+)\x00", text)
    return bool(named) if formulas is None else any(valued(formulas[int(one)]) for one in named)
